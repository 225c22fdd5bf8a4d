//! Going through pages whose tokens only lead forward.

/// The tokens of the pages so far; the last is that of the page shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pager {
    tokens: Vec<String>,
}

impl Default for Pager {
    fn default() -> Self {
        Self {
            tokens: vec![String::new()],
        }
    }
}

impl Pager {
    /// The token of the page shown.
    pub(super) fn token(&self) -> &str {
        self.tokens.last().map_or("", String::as_str)
    }

    /// How many pages are before it.
    pub(super) fn index(&self) -> usize {
        self.tokens.len() - 1
    }

    /// Goes on to the page with this token; an empty one is no page.
    pub(super) fn next(&mut self, token: String) {
        if !token.is_empty() {
            self.tokens.push(token);
        }
    }

    /// Goes back one page.
    pub(super) fn previous(&mut self) {
        if self.tokens.len() > 1 {
            self.tokens.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_the_way_there() {
        let mut pager = Pager::default();
        pager.previous();
        assert_eq!((pager.index(), pager.token()), (0, ""));
        pager.next("a".into());
        pager.next("b".into());
        pager.next(String::new());
        assert_eq!((pager.index(), pager.token()), (2, "b"));
        pager.previous();
        assert_eq!((pager.index(), pager.token()), (1, "a"));
    }
}

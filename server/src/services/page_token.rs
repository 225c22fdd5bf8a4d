//! The page tokens of `ListUsers`: a cursor as text. The prefix keeps clients from computing with a token.

use crate::directory::{Cursor, Key, Order};

const PREFIX: &str = "after-";

/// Returns the token of the page after a cursor: the order, the id and the sort key.
pub(super) fn encode(order: Order, cursor: &Cursor) -> String {
    let Cursor { key, id } = cursor;
    let key = match key {
        Key::Id => String::new(),
        Key::Text(text) => text.clone(),
        Key::Time(milliseconds) => milliseconds.to_string(),
    };
    format!("{PREFIX}{}{id:08x}{key}", letter(order))
}

/// Returns the cursor of a token; `None` if [`encode`] cannot have returned the token for this order.
pub(super) fn decode(order: Order, token: &str) -> Option<Cursor> {
    let rest = token.strip_prefix(PREFIX)?.strip_prefix(letter(order))?;
    let (digits, key) = rest.split_at_checked(8)?;
    if digits.starts_with('+') {
        return None;
    }
    let id = u32::from_str_radix(digits, 16).ok()?;
    let key = match order {
        Order::Id => key.is_empty().then_some(Key::Id)?,
        Order::Nickname | Order::MailAddress => Key::Text(key.to_owned()),
        Order::Created | Order::Updated => Key::Time(key.parse().ok()?),
    };
    Some(Cursor { key, id })
}

const fn letter(order: Order) -> char {
    match order {
        Order::Id => 'i',
        Order::Nickname => 'n',
        Order::MailAddress => 'm',
        Order::Created => 'c',
        Order::Updated => 'u',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_decodes_to_its_cursor_in_its_own_order_alone() {
        let keys = [
            (Order::Id, Key::Id),
            (Order::Nickname, Key::Text("さる-1".into())),
            (Order::MailAddress, Key::Text(String::new())),
            (Order::Created, Key::Time(-5)),
            (Order::Updated, Key::Time(1_700_000_000_000)),
        ];
        for (order, key) in keys {
            for id in [1, 50, u32::MAX] {
                let cursor = Cursor {
                    key: key.clone(),
                    id,
                };
                let token = encode(order, &cursor);
                assert_eq!(decode(order, &token), Some(cursor));
                let others = [Order::Id, Order::Nickname, Order::Created];
                for other in others.into_iter().filter(|other| *other != order) {
                    assert_eq!(decode(other, &token), None, "{token}");
                }
            }
        }
        for bad in [
            "50",
            "after-",
            "after-i123",
            "after-i+0000001",
            "after-i0000000g",
            "after-i000000001",
            "after-i000000é",
        ] {
            assert_eq!(decode(Order::Id, bad), None, "{bad}");
        }
    }
}

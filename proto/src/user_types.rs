//! The types of users: their names in files and on the command line, and their labels on the page.

use crate::UserType;

/// The types that a stored user can have, in the order of menus.
pub const STORABLE: [UserType; 4] = [
    UserType::Normal,
    UserType::Administrator,
    UserType::Guest,
    UserType::Disabled,
];

impl UserType {
    /// Returns the label that people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Normal => "Normal",
            Self::Administrator => "Administrator",
            Self::Guest => "Guest",
            Self::Disabled => "Disabled",
        }
    }
}

/// Returns the type with a wire name (`NORMAL`, …), ignoring case; `None` for a name that no stored user can have.
pub fn parse(name: &str) -> Option<UserType> {
    STORABLE
        .into_iter()
        .find(|user_type| user_type.as_str_name().eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_finds_every_storable_type_by_its_wire_name_in_any_case() {
        for user_type in STORABLE {
            assert_eq!(parse(user_type.as_str_name()), Some(user_type));
            assert_eq!(
                parse(&user_type.as_str_name().to_lowercase()),
                Some(user_type)
            );
        }
        assert_eq!(parse("NONE"), None);
        assert_eq!(parse(""), None);
    }
}

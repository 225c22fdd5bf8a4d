//! The types a user can have: their names in files and on the command line, and the words people read.

use crate::UserType;

/// Every type that a stored user can have, in the order in which they are offered.
pub const STORABLE: [UserType; 4] = [
    UserType::Normal,
    UserType::Administrator,
    UserType::Guest,
    UserType::Disabled,
];

impl UserType {
    /// What a person reads.
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

/// The type with this wire name (`NORMAL`, …), in any letter case; `None` for a name that no stored user can have.
pub fn parse(name: &str) -> Option<UserType> {
    STORABLE
        .into_iter()
        .find(|user_type| user_type.as_str_name().eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_storable_type_is_found_by_its_wire_name_in_any_case() {
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

//! The tokens of `ListUsers`: a position in an order, in a form that nobody takes for a number to count with.

use crate::store::{Cursor, Key, Order};

const PREFIX: &str = "after-";

/// The token for the page that starts behind a position: the order, the id, and what the order goes by.
pub(super) fn encode(order: Order, position: &Cursor) -> String {
    let Cursor { key, id } = position;
    let key = match key {
        Key::Id => String::new(),
        Key::Text(text) => text.clone(),
        Key::Time(milliseconds) => milliseconds.to_string(),
    };
    format!("{PREFIX}{}{id:08x}{key}", letter(order))
}

/// The position that the page starts behind; `None` for a token that [`encode`] has not made for this order.
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
    fn a_token_comes_back_as_its_position_in_its_order_and_nothing_else_does() {
        let keys = [
            (Order::Id, Key::Id),
            (Order::Nickname, Key::Text("さる-1".into())),
            (Order::MailAddress, Key::Text(String::new())),
            (Order::Created, Key::Time(-5)),
            (Order::Updated, Key::Time(1_700_000_000_000)),
        ];
        for (order, key) in keys {
            for id in [1, 50, u32::MAX] {
                let position = Cursor {
                    key: key.clone(),
                    id,
                };
                let token = encode(order, &position);
                assert_eq!(decode(order, &token), Some(position));
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

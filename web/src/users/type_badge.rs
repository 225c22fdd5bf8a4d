//! The type of a user.

use leptos::prelude::*;
use soundstage_proto::UserType;

use crate::language::t;

/// A user's type, as a word with a colour.
#[component]
pub(super) fn TypeBadge(user_type: UserType) -> impl IntoView {
    let class = format!("badge {}", user_type.as_str_name().to_ascii_lowercase());
    view! { <span class=class>{t(user_type.label())}</span> }
}

//! The form to join the stage with a character.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use soundstage_proto::user_rules;

use super::place::Place;
use super::publisher::Publisher;
use crate::browser;
use crate::language::t;
use crate::router::Router;
use crate::ui::{Control, Field};

/// The key of the name in the browser's storage.
const STORED_NAME: &str = "soundstage.character";

/// The distance from the listener at which a character joins, in metres: at this distance the gain of its sound is 1.
const DISTANCE: f64 = 1.4;

/// The form to join, or the button to leave.
#[component]
pub(super) fn JoinForm(publisher: Publisher) -> impl IntoView {
    // The pane of a user links here with its id.
    let router: Router = expect_context();
    let user_id = untrack(|| router.parameter("user"));
    let user_id = user_id.and_then(|id| id.parse().ok()).unwrap_or(0_u32);
    let stored = if user_id == 0 {
        browser::stored(STORED_NAME)
    } else {
        None
    };
    let name = RwSignal::new(stored.unwrap_or_default());
    let error = RwSignal::new(None::<String>);
    let submit = move |ev: SubmitEvent| {
        ev.prevent_default();
        let name = name.get_untracked().trim().to_owned();
        let uses_nickname = user_id > 0 && name.is_empty();
        if let Err(error_text) = user_rules::check_name(&name)
            && !uses_nickname
        {
            error.set(Some(error_text.to_owned()));
            return;
        }
        error.set(None);
        if user_id == 0 {
            browser::store(STORED_NAME, &name);
        }
        // A random direction, so that characters do not cover each other.
        let (sin, cos) = (js_sys::Math::random() * std::f64::consts::TAU).sin_cos();
        let place = Place {
            x: DISTANCE * cos,
            y: DISTANCE * sin,
            z: 0.0,
        };
        publisher.join(name, user_id, place);
    };
    let hint = if user_id > 0 {
        t("Leave it empty to use the user's nickname.")
    } else {
        ""
    };
    view! {
        <section class="stage-section" aria-labelledby="join-heading">
            <h2 id="join-heading">{t("You")}</h2>
            <Show
                when=move || publisher.own().is_some()
                fallback=move || view! {
                    <form class="stage-join" novalidate on:submit=submit>
                        <Field id="join-name" label=t("Name") hint control=Control::TEXT value=name.into() on_input=Callback::new(move |text| name.set(text)) error=error.into() />
                        <button type="submit" class="button primary">{t("Join the stage")}</button>
                    </form>
                }
            >
                <p class="quiet">{t("Other people see your character on the stage. Drag it, or move it with the keys.")}</p>
                <button type="button" class="button" on:click=move |_| publisher.leave()>{t("Leave the stage")}</button>
            </Show>
            <p class="form-failure" role="alert">{move || publisher.failure()}</p>
        </section>
    }
}

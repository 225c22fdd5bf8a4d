//! Coming to the stage with a character of one's own.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use soundstage_proto::user_rules;

use super::place::Place;
use super::publisher::Publisher;
use crate::browser;
use crate::language::t;
use crate::ui::{Control, Field};

/// What this browser keeps the name under.
const KEPT: &str = "soundstage.character";

/// How far from the listener one comes to the stage, in metres: there a voice is as loud as it is.
const DISTANCE: f64 = 1.4;

/// The form, or the way out.
#[component]
pub(super) fn JoinForm(publisher: Publisher) -> impl IntoView {
    // A user's pane leads here with its id.
    let user_id = use_query_map().with_untracked(|query| query.get("user"));
    let user_id = user_id.and_then(|id| id.parse().ok()).unwrap_or(0_u32);
    let kept = if user_id == 0 {
        browser::stored(KEPT)
    } else {
        None
    };
    let name = RwSignal::new(kept.unwrap_or_default());
    let error = RwSignal::new(None::<String>);
    let submit = move |ev: SubmitEvent| {
        ev.prevent_default();
        let name = name.get_untracked().trim().to_owned();
        let takes_nickname = user_id > 0 && name.is_empty();
        if let Err(sentence) = user_rules::check_name(&name)
            && !takes_nickname
        {
            error.set(Some(sentence.to_owned()));
            return;
        }
        error.set(None);
        if user_id == 0 {
            browser::store(KEPT, &name);
        }
        // Not all in one place.
        let (sin, cos) = (js_sys::Math::random() * std::f64::consts::TAU).sin_cos();
        let place = Place {
            x: DISTANCE * cos,
            y: DISTANCE * sin,
            z: 0.0,
        };
        publisher.join(name, user_id, place);
    };
    let hint = if user_id > 0 {
        t("Leave it empty to be called as the user is.")
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
                <p class="quiet">{t("You are on the stage: others see you. Drag your character, or move it with the keys.")}</p>
                <button type="button" class="button" on:click=move |_| publisher.leave()>{t("Leave the stage")}</button>
            </Show>
            <p class="form-failure" role="alert">{move || publisher.failure()}</p>
        </section>
    }
}

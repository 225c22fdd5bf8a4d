//! Who is on the stage: to choose, and to hide.

use leptos::prelude::*;

use super::palette::colour_of;
use super::publisher::Publisher;
use super::scene::Scene;
use crate::language::{fill, t};
use crate::ui::{Control, Field};

/// More than these are not listed at once; the search finds the others.
const LISTED: usize = 50;

/// A character as it is listed.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Entry {
    id: u32,
    name: String,
    user_id: u32,
    is_stale: bool,
    is_hidden: bool,
}

/// Who is listed, and how many there are.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Cast {
    entries: Vec<Entry>,
    fitting: usize,
    all: usize,
}

impl Cast {
    /// Those whose names have this in them, in any case.
    pub(super) fn of(scene: &Scene, search: &str) -> Self {
        let search = search.trim().to_lowercase();
        let mut cast = Self::default();
        for (id, actor) in scene.actors() {
            cast.all += 1;
            if !search.is_empty() && !actor.name.to_lowercase().contains(&search) {
                continue;
            }
            cast.fitting += 1;
            if cast.entries.len() < LISTED {
                cast.entries.push(Entry {
                    id,
                    name: actor.name.clone(),
                    user_id: actor.user_id,
                    is_stale: actor.is_stale,
                    is_hidden: actor.is_hidden,
                });
            }
        }
        cast
    }
}

/// The list.
#[component]
pub(super) fn Characters(
    scene: StoredValue<Scene, LocalStorage>,
    cast: Signal<Cast>,
    search: RwSignal<String>,
    chosen: RwSignal<u32>,
    publisher: Publisher,
) -> impl IntoView {
    let ids = move || {
        let entries = cast.get().entries;
        entries.iter().map(|entry| entry.id).collect::<Vec<_>>()
    };
    let counts = move || {
        let Cast {
            entries,
            fitting,
            all,
        } = cast.get();
        if entries.len() < fitting {
            fill(
                "{0} of {1}; search for the others.",
                &[&entries.len().to_string(), &fitting.to_string()],
            )
        } else if fitting < all {
            fill("{0} of {1}", &[&fitting.to_string(), &all.to_string()])
        } else {
            String::new()
        }
    };
    view! {
        <section class="stage-section" aria-labelledby="characters-heading">
            <h2 id="characters-heading">{t("Characters")}" "<span class="quiet" data-testid="characters">{move || cast.get().all}</span></h2>
            <Show when=move || { cast.get().all > 8 || !search.get().is_empty() }>
                <Field id="character-search" label=t("Search") control=Control::TEXT value=search.into() on_input=Callback::new(move |text| search.set(text)) />
            </Show>
            <ul class="character-list">
                <For each=ids key=|id| *id let:id>
                    <Row scene cast id chosen publisher />
                </For>
            </ul>
            <p class="quiet">{counts}</p>
        </section>
    }
}

#[component]
fn Row(
    scene: StoredValue<Scene, LocalStorage>,
    cast: Signal<Cast>,
    id: u32,
    chosen: RwSignal<u32>,
    publisher: Publisher,
) -> impl IntoView {
    let entry = Memo::new(move |before: Option<&Entry>| {
        let entries = cast.get().entries;
        let entry = entries.into_iter().find(|entry| entry.id == id);
        entry.or_else(|| before.cloned()).unwrap_or_default()
    });
    let hint = move || match () {
        () if publisher.own() == Some(id) => t("You"),
        () if entry.get().is_stale => t("Gone"),
        () => "",
    };
    let user = move || match entry.get().user_id {
        0 => None,
        user_id => Some(view! {
            <a class="quiet" href=format!("/users/{user_id}")>{fill("User {0}", &[&user_id.to_string()])}</a>
        }),
    };
    let hide = move |_| {
        let is_hidden = entry.get_untracked().is_hidden;
        scene.update_value(|scene| scene.hide(id, !is_hidden));
    };
    view! {
        <li class="character" class:stale=move || entry.get().is_stale>
            <button type="button" class="character-name" aria-pressed=move || (chosen.get() == id).to_string() on:click=move |_| chosen.set(id)>
                <span class=format!("dot colour-{}", colour_of(id))></span>
                <span class="character-text">{move || entry.get().name}</span>
                <span class="quiet">{hint}</span>
            </button>
            {user}
            <button
                type="button"
                class="character-button"
                aria-pressed=move || entry.get().is_hidden.to_string()
                aria-label=move || fill("Hide {0}", &[&entry.get().name])
                title=t("Hide")
                on:click=hide
            >{move || if entry.get().is_hidden { "○" } else { "●" }}</button>
        </li>
    }
}

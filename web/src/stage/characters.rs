//! The list of characters on the stage, to choose and to hide them.

use leptos::prelude::*;

use super::palette::colour_of;
use super::publisher::Publisher;
use super::scene::Scene;
use crate::language::{fill, t};
use crate::ui::{Control, Field};

/// The maximum number of characters in the list. The search finds the others.
const MAX_LISTED: usize = 50;

/// A character in the list.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Entry {
    id: u32,
    name: String,
    user_id: u32,
    is_stale: bool,
    is_hidden: bool,
}

/// The listed characters and their counts.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct CharacterList {
    entries: Vec<Entry>,
    /// The number of characters that match the search.
    matching: usize,
    /// The number of all characters.
    total: usize,
}

impl CharacterList {
    /// Lists the characters whose names contain a text, in any case.
    pub(super) fn matching(scene: &Scene, search: &str) -> Self {
        let search = search.trim().to_lowercase();
        let mut list = Self::default();
        for (id, actor) in scene.actors() {
            list.total += 1;
            if !search.is_empty() && !actor.name.to_lowercase().contains(&search) {
                continue;
            }
            list.matching += 1;
            if list.entries.len() < MAX_LISTED {
                list.entries.push(Entry {
                    id,
                    name: actor.name.clone(),
                    user_id: actor.user_id,
                    is_stale: actor.is_stale,
                    is_hidden: actor.is_hidden,
                });
            }
        }
        list
    }
}

/// The list.
#[component]
pub(super) fn Characters(
    scene: StoredValue<Scene, LocalStorage>,
    list: Signal<CharacterList>,
    search: RwSignal<String>,
    chosen: RwSignal<u32>,
    publisher: Publisher,
) -> impl IntoView {
    let ids = move || {
        let entries = list.get().entries;
        entries.iter().map(|entry| entry.id).collect::<Vec<_>>()
    };
    let counts = move || {
        let CharacterList {
            entries,
            matching,
            total,
        } = list.get();
        if entries.len() < matching {
            fill(
                "{0} of {1}. Search to find the others.",
                &[&entries.len().to_string(), &matching.to_string()],
            )
        } else if matching < total {
            fill("{0} of {1}", &[&matching.to_string(), &total.to_string()])
        } else {
            String::new()
        }
    };
    view! {
        <section class="stage-section" aria-labelledby="characters-heading">
            <h2 id="characters-heading">{t("Characters")}" "<span class="quiet" data-testid="characters">{move || list.get().total}</span></h2>
            <Show when=move || { list.get().total > 8 || !search.get().is_empty() }>
                <Field id="character-search" label=t("Search") control=Control::TEXT value=search.into() on_input=Callback::new(move |text| search.set(text)) />
            </Show>
            <ul class="character-list">
                <For each=ids key=|id| *id let:id>
                    <Row scene list id chosen publisher />
                </For>
            </ul>
            <p class="quiet">{counts}</p>
        </section>
    }
}

#[component]
fn Row(
    scene: StoredValue<Scene, LocalStorage>,
    list: Signal<CharacterList>,
    id: u32,
    chosen: RwSignal<u32>,
    publisher: Publisher,
) -> impl IntoView {
    let entry = Memo::new(move |before: Option<&Entry>| {
        let entries = list.get().entries;
        let entry = entries.into_iter().find(|entry| entry.id == id);
        entry.or_else(|| before.cloned()).unwrap_or_default()
    });
    let hint = move || match () {
        () if publisher.own() == Some(id) => t("You"),
        () if entry.get().is_stale => t("Not responding"),
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

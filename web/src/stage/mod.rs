//! The page *Stage*: all characters on a canvas, the chosen one in numbers and plots, controls to move them, and sound.

mod actor;
mod camera;
mod camera_buttons;
mod canvas;
mod characters;
mod draw;
mod history;
mod join;
mod link;
mod palette;
mod place;
mod player;
mod playout;
mod plots;
mod pointer_input;
mod publisher;
mod readouts;
mod recorder;
mod recording;
mod recording_panel;
mod scene;
mod sound;
mod trail;
mod view;

use leptos::prelude::*;
use soundstage_proto::DEFAULT_CHARACTER;

use crate::browser;
use crate::language::t;

use camera_buttons::CameraButtons;
use canvas::StageCanvas;
use characters::{CharacterList, Characters};
use join::JoinForm;
use link::Link;
use plots::Plots;
use publisher::Publisher;
use readouts::{Numbers, READOUT_INTERVAL, sentence};
use recording::Recording;
use recording_panel::RecordingPanel;
use scene::{Readout, Scene};
use sound::{Audio, SoundControls};

/// The page of the stage.
#[component]
pub(crate) fn StagePage() -> impl IntoView {
    browser::set_title(t("Stage"));
    let scene = StoredValue::new_local(Scene::default());
    let recording = StoredValue::new_local(Recording::default());
    let paused = RwSignal::new(false);
    let wanted = Signal::derive(move || !paused.get());
    let link = link::follow(scene, recording, wanted);
    let publisher = Publisher::new();
    let chosen = RwSignal::new(DEFAULT_CHARACTER);
    sync_chosen(scene, publisher, chosen);
    let audio = Audio::new(scene, publisher);
    let search = RwSignal::new(String::new());
    let (readout, list) = poll_scene(scene, link, search, chosen);
    view! {
        <div class="stage-page">
            <div class="page-head">
                <h1>{t("Stage")}</h1>
                <LinkState link />
                <button type="button" class="button" aria-pressed=move || paused.get().to_string() on:click=move |_| paused.update(|paused| *paused = !*paused)>
                    {move || if paused.get() { t("Resume") } else { t("Pause") }}
                </button>
            </div>
            <div class="stage-columns">
                <div class="stage-view">
                    <CameraButtons scene />
                    <StageCanvas scene link publisher chosen audio />
                    <p id="stage-sentence" class="stage-sentence">{move || sentence(readout.get())}</p>
                    <p id="stage-help" class="quiet">
                        {t("Drag a character to move it, or the ground to move the view. With the stage focused, the arrow keys or W, A, S and D move the chosen character by 0.1 m (with Shift, by 1 m), E and Q raise and lower it, and the wheel, + and − zoom. A character that you take over from another client resumes its own movement a few seconds later.")}
                    </p>
                </div>
                <aside class="stage-aside">
                    <Numbers readout />
                    <JoinForm publisher />
                    <Characters scene list search chosen publisher />
                </aside>
                <div class="stage-below">
                    <Plots scene />
                    <SoundControls audio chosen />
                    <RecordingPanel recording />
                </div>
            </div>
        </div>
    }
}

/// Passes the chosen character on to the scene. The reader's own character is chosen as soon as it joins.
fn sync_chosen(
    scene: StoredValue<Scene, LocalStorage>,
    publisher: Publisher,
    chosen: RwSignal<u32>,
) {
    Effect::new(move |_| {
        if let Some(own) = publisher.own() {
            chosen.set(own);
        }
    });
    Effect::new(move |_| {
        let chosen = chosen.get();
        scene.update_value(|scene| scene.choose(chosen));
    });
}

/// Reads the numbers and the list of characters from the scene at each [`READOUT_INTERVAL`]. The numbers stand still
/// while the stream is paused.
fn poll_scene(
    scene: StoredValue<Scene, LocalStorage>,
    link: Signal<Link>,
    search: RwSignal<String>,
    chosen: RwSignal<u32>,
) -> (Signal<Option<Readout>>, Signal<CharacterList>) {
    let readout = RwSignal::new(None);
    let list = RwSignal::new(CharacterList::default());
    browser::spawn_scoped(async move {
        loop {
            let now = browser::now();
            let search = search.get_untracked();
            if link.get_untracked() != Link::Paused {
                readout.set(scene.with_value(|scene| scene.readout(now)));
                // The chosen character may have left.
                chosen.set(scene.with_value(Scene::chosen));
            }
            let current = scene.with_value(|scene| CharacterList::matching(scene, &search));
            if list.with_untracked(|list| *list != current) {
                list.set(current);
            }
            browser::sleep(READOUT_INTERVAL).await;
        }
    });
    (readout.into(), list.into())
}

/// The state of the stream, as a word with a mark.
#[component]
fn LinkState(link: Signal<Link>) -> impl IntoView {
    let state = move || match link.get() {
        Link::Connecting => ("connecting", t("Connecting…")),
        Link::Live => ("live", t("Live")),
        Link::Still => ("still", t("Idle")),
        Link::Reconnecting => ("broken", t("Reconnecting…")),
        Link::Failed => ("broken", t("Disconnected")),
        Link::Paused => ("paused", t("Paused")),
    };
    view! {
        <p class=move || format!("link-state {}", state().0) role="status">{move || state().1}</p>
    }
}

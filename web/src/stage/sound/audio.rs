//! The state of the sound, shared by the controls and the canvas.

use std::time::Duration;

use leptos::prelude::*;

use super::super::place::Place;
use super::super::publisher::Publisher;
use super::super::scene::Scene;
use super::engine::{self, Engine};
use super::mixer::{Mixer, Source};
use crate::browser;
use crate::language::{fill, t};

/// The time between two updates of the places of sources.
const INTERVAL: Duration = Duration::from_millis(25);

/// The sound of the stage.
#[derive(Clone, Copy)]
pub(in crate::stage) struct Audio {
    pub(super) scene: StoredValue<Scene, LocalStorage>,
    publisher: Publisher,
    engine: StoredValue<Option<Engine>, LocalStorage>,
    mixer: StoredValue<Mixer>,
    /// Counts the changes of the mixer, so that views follow them.
    changes: RwSignal<u32>,
    pub(super) is_on: RwSignal<bool>,
    /// From 0 to 1.
    pub(super) volume: RwSignal<f64>,
    /// Whether the listener is the reader's own character.
    pub(super) from_own: RwSignal<bool>,
    pub(super) failure: RwSignal<Option<String>>,
}

impl Audio {
    pub(in crate::stage) fn new(
        scene: StoredValue<Scene, LocalStorage>,
        publisher: Publisher,
    ) -> Self {
        let audio = Self {
            scene,
            publisher,
            engine: StoredValue::new_local(None),
            mixer: StoredValue::new(Mixer::default()),
            changes: RwSignal::new(0),
            is_on: RwSignal::new(false),
            volume: RwSignal::new(0.8),
            from_own: RwSignal::new(false),
            failure: RwSignal::new(None),
        };
        Effect::new(move |_| {
            if audio.is_on() {
                // Ends before the effect runs again, and with the page.
                browser::spawn_scoped(async move {
                    loop {
                        audio.tick();
                        browser::sleep(INTERVAL).await;
                    }
                });
            }
        });
        audio
    }

    /// Returns whether the sound is on.
    pub(super) fn is_on(self) -> bool {
        self.is_on.get()
    }

    /// Makes a file the sound of a character. Turns the sound on.
    pub(in crate::stage) fn play_file(self, id: u32, file: web_sys::File) {
        if !self.is_on.get_untracked() {
            self.turn_on();
        }
        let Some(context) = self.with_engine(|engine| engine.context()) else {
            return;
        };
        browser::spawn_abortable(async move {
            match engine::decode(&context, &file).await {
                Ok(buffer) => {
                    self.with_engine(|engine| engine.set_file(id, buffer));
                    self.set(|mixer| mixer.set_source(id, Source::File));
                }
                Err(_) => self.fail(fill(
                    "The browser cannot decode {0}. Choose another sound file.",
                    &[&file.name()],
                )),
            }
        });
    }

    /// Starts or resumes the sound. Browsers allow this only after a click or a key.
    pub(super) fn turn_on(self) {
        self.failure.set(None);
        let started = match self.with_engine(|engine| engine.resume()) {
            Some(resumed) => resumed,
            None => Engine::start(self.volume.get_untracked())
                .map(|engine| self.engine.set_value(Some(engine))),
        };
        if started.is_err() {
            return self.fail(t("This browser cannot play sound. Try another browser.").into());
        }
        self.is_on.set(true);
        if self.uses_microphone() {
            self.open_microphone(|| ());
        }
    }

    pub(super) fn turn_off(self) {
        self.with_engine(Engine::pause);
        self.is_on.set(false);
    }

    /// Shows an error.
    pub(super) fn fail(self, text: String) {
        // The page may have been left.
        let _ = self.failure.try_set(Some(text));
    }

    /// Calls a function with the engine; returns `None` before the sound was first turned on.
    pub(super) fn with_engine<T>(self, act: impl FnOnce(&mut Engine) -> T) -> Option<T> {
        let result = self
            .engine
            .try_update_value(|engine| engine.as_mut().map(act));
        result.flatten()
    }

    /// Changes the mixer. Releases the microphone once no character has it.
    pub(super) fn set(self, change: impl FnOnce(&mut Mixer)) {
        let _ = self.mixer.try_update_value(change);
        let _ = self.changes.try_update(|changes| *changes += 1);
        if !self.uses_microphone() {
            self.with_engine(Engine::release_microphone);
        }
    }

    /// Returns whether a character has the microphone; false after the page was left.
    fn uses_microphone(self) -> bool {
        let uses = |mixer: &Mixer| mixer.uses(Source::Microphone);
        self.mixer.try_with_value(uses).unwrap_or_default()
    }

    /// Reads the mixer and tracks its changes.
    pub(super) fn read<T>(self, read: impl FnOnce(&Mixer) -> T) -> T {
        self.changes.track();
        self.mixer.with_value(read)
    }

    /// Moves all sources to the places where their characters are drawn.
    fn tick(self) {
        let listener = self
            .from_own
            .get_untracked()
            .then(|| self.publisher.own_untracked())
            .flatten();
        self.with_engine(|engine| {
            let now = browser::now();
            let (at, heading) = self
                .scene
                .with_value(|scene| listener_of(scene, listener, now));
            let audible = self.scene.with_value(|scene| {
                let others = scene.visible(now).filter(|(id, ..)| Some(*id) != listener);
                let places = others.map(|(id, _, place)| (id, place.relative_to(at, heading)));
                self.mixer.try_update_value(|mixer| mixer.audible(places))
            });
            let audible = audible.unwrap_or_default();
            let source = |id| self.mixer.with_value(|mixer| mixer.source(id));
            if engine.play(&audible, source).is_err() {
                leptos::logging::warn!("the browser refused an audio node");
            }
        });
    }

    /// Chooses the sound of a character. Without the microphone, the character keeps its sound.
    pub(super) fn choose_source(self, id: u32, source: Source) {
        let before = self.mixer.with_value(|mixer| mixer.source(id));
        self.set(|mixer| mixer.set_source(id, source));
        if source == Source::Microphone {
            self.open_microphone(move || {
                self.set(|mixer| {
                    // The reader may have chosen again while the browser asked.
                    if mixer.source(id) == Source::Microphone {
                        mixer.set_source(id, before);
                    }
                });
            });
        }
    }

    /// Asks for the microphone. Shows an error and calls a function if the microphone is not available.
    fn open_microphone(self, on_failure: impl FnOnce() + 'static) {
        if self.with_engine(|engine| engine.has_microphone()) == Some(true) {
            return;
        }
        browser::spawn_abortable(async move {
            if let Ok(microphone) = engine::microphone().await {
                // While the browser asked, the sound may have been turned off or another source chosen.
                if self.is_on.try_get_untracked() == Some(true) && self.uses_microphone() {
                    self.with_engine(|engine| engine.set_microphone(microphone));
                }
            } else {
                self.fail(
                    t("The microphone is not available. Allow it in the browser's site settings.")
                        .into(),
                );
                on_failure();
            }
        });
    }
}

/// Returns the place of the listener and its heading in degrees: a character, or the origin facing +x.
fn listener_of(scene: &Scene, listener: Option<u32>, now: f64) -> (Place, f64) {
    let own = listener.and_then(|id| Some((scene.place(id, now)?, scene.heading(id, now))));
    match own {
        Some((place, heading)) => (place, heading.unwrap_or_default()),
        None => (Place::default(), 0.0),
    }
}

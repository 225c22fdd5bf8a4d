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
        if self
            .mixer
            .with_value(|mixer| mixer.uses(Source::Microphone))
        {
            self.with_microphone(|| ());
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

    /// Changes the mixer.
    pub(super) fn set(self, change: impl FnOnce(&mut Mixer)) {
        let _ = self.mixer.try_update_value(change);
        let _ = self.changes.try_update(|changes| *changes += 1);
    }

    /// Reads the mixer and tracks its changes.
    pub(super) fn read<T>(self, read: impl FnOnce(&Mixer) -> T) -> T {
        self.changes.track();
        self.mixer.with_value(read)
    }

    /// Moves all sources to where their characters are drawn.
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

    /// Chooses the sound of a character.
    pub(super) fn choose_source(self, id: u32, source: Source) {
        let choose = move || self.set(|mixer| mixer.set_source(id, source));
        match source {
            Source::Microphone => self.with_microphone(choose),
            _ => choose(),
        }
    }

    /// Asks for the microphone, then calls a function.
    fn with_microphone(self, then: impl FnOnce() + 'static) {
        if self.with_engine(|engine| engine.has_microphone()) == Some(true) {
            return then();
        }
        browser::spawn_abortable(async move {
            match engine::microphone().await {
                // The sound may be off again.
                Ok(microphone) if self.is_on.try_get_untracked() == Some(true) => {
                    self.with_engine(|engine| engine.set_microphone(microphone));
                    then();
                }
                Ok(_) => (),
                Err(_) => self.fail(
                    t("The microphone is not available. Allow it in the browser's site settings.")
                        .into(),
                ),
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

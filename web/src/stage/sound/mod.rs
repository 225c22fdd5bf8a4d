//! Hearing the stage: everybody from where they stand. Off until it is asked for.

mod controls;
mod engine;
mod mixer;
mod sources;
mod wav;

use std::time::Duration;

use leptos::prelude::*;

use super::place::Place;
use super::publisher::Publisher;
use super::scene::Scene;
use crate::browser;
use crate::language::{fill, t};

use engine::Engine;
use mixer::{Mixer, Source};

pub(super) use controls::SoundControls;

/// How often sources go to where their characters are drawn.
const INTERVAL: Duration = Duration::from_millis(25);

/// The stage's sound, for all parts of the page.
#[derive(Clone, Copy)]
pub(super) struct Audio {
    scene: StoredValue<Scene, LocalStorage>,
    publisher: Publisher,
    engine: StoredValue<Option<Engine>, LocalStorage>,
    mixer: StoredValue<Mixer>,
    /// Changes with what is set in the mixer.
    changes: RwSignal<u32>,
    is_on: RwSignal<bool>,
    /// From 0 to 1.
    volume: RwSignal<f64>,
    /// Whether the reader hears from where the own character is.
    from_own: RwSignal<bool>,
    failure: RwSignal<Option<String>>,
}

impl Audio {
    pub(super) fn new(scene: StoredValue<Scene, LocalStorage>, publisher: Publisher) -> Self {
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

    /// Whether it sounds.
    pub(super) fn is_on(self) -> bool {
        self.is_on.get()
    }

    /// A file is what a character sounds like from now on.
    pub(super) fn play_file(self, id: u32, file: web_sys::File) {
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
                    "{0} is no sound that this browser can read.",
                    &[&file.name()],
                )),
            }
        });
    }

    fn turn_on(self) {
        self.failure.set(None);
        let started = match self.with_engine(|engine| engine.go_on()) {
            Some(gone_on) => gone_on,
            None => Engine::start(self.volume.get_untracked())
                .map(|engine| self.engine.set_value(Some(engine))),
        };
        if started.is_err() {
            return self.fail(t("This browser makes no sound.").into());
        }
        self.is_on.set(true);
        if self
            .mixer
            .with_value(|mixer| mixer.uses(Source::Microphone))
        {
            self.with_microphone(|| ());
        }
    }

    fn turn_off(self) {
        self.with_engine(Engine::pause);
        self.is_on.set(false);
    }

    fn fail(self, sentence: String) {
        // The page may have been left meanwhile.
        let _ = self.failure.try_set(Some(sentence));
    }

    fn with_engine<T>(self, act: impl FnOnce(&mut Engine) -> T) -> Option<T> {
        let acted = self
            .engine
            .try_update_value(|engine| engine.as_mut().map(act));
        acted.flatten()
    }

    fn set(self, change: impl FnOnce(&mut Mixer)) {
        let _ = self.mixer.try_update_value(change);
        let _ = self.changes.try_update(|changes| *changes += 1);
    }

    fn read<T>(self, look: impl FnOnce(&Mixer) -> T) -> T {
        self.changes.track();
        self.mixer.with_value(look)
    }

    /// Lets everybody be heard from where they are drawn now.
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
            let heard = self.scene.with_value(|scene| {
                let others = scene.seen(now).filter(|(id, ..)| Some(*id) != listener);
                let places = others.map(|(id, _, place)| (id, place.seen_from(at, heading)));
                self.mixer.try_update_value(|mixer| mixer.heard(places))
            });
            let heard = heard.unwrap_or_default();
            let source = |id| self.mixer.with_value(|mixer| mixer.source(id));
            if engine.hear(&heard, source).is_err() {
                leptos::logging::warn!("the browser refused a sound");
            }
        });
    }

    fn choose_source(self, id: u32, source: Source) {
        let choose = move || self.set(|mixer| mixer.set_source(id, source));
        match source {
            Source::Microphone => self.with_microphone(choose),
            _ => choose(),
        }
    }

    /// Goes on once the reader has let the page have the microphone.
    fn with_microphone(self, go_on: impl FnOnce() + 'static) {
        if self.with_engine(|engine| engine.has_microphone()) == Some(true) {
            return go_on();
        }
        browser::spawn_abortable(async move {
            match engine::microphone().await {
                // The sound may have been turned off meanwhile.
                Ok(microphone) if self.is_on.try_get_untracked() == Some(true) => {
                    self.with_engine(|engine| engine.set_microphone(microphone));
                    go_on();
                }
                Ok(_) => (),
                Err(_) => self.fail(
                    t("The microphone is not to be had. Allow it in the browser, and choose it again.")
                        .into(),
                ),
            }
        });
    }
}

/// Where the listener is, and where it faces: at the origin, facing forward, or as one of the characters.
fn listener_of(scene: &Scene, listener: Option<u32>, now: f64) -> (Place, f64) {
    let own = listener.and_then(|id| Some((scene.place(id, now)?, scene.heading(id, now))));
    match own {
        Some((place, heading)) => (place, heading.unwrap_or_default()),
        None => (Place::default(), 0.0),
    }
}

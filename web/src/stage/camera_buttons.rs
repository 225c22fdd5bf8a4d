//! The buttons that move the camera.

use leptos::prelude::*;

use super::scene::{CameraMode, Scene};
use super::view::Perspective;
use crate::language::t;

/// How much nearer a click brings the stage.
const CLICK_ZOOM: f64 = 1.5;

/// From where the stage is seen, and how near.
#[component]
pub(super) fn CameraButtons(scene: StoredValue<Scene, LocalStorage>) -> impl IntoView {
    let perspective = RwSignal::new(Perspective::default());
    let look = move |wanted: Perspective| {
        perspective.set(wanted);
        scene.update_value(|scene| {
            let camera = scene.camera();
            scene.set_camera(super::view::Camera {
                perspective: wanted,
                ..camera
            });
        });
    };
    let zoom = move |factor: f64| {
        scene.update_value(|scene| scene.set_camera(scene.camera().zoomed(factor, None)));
    };
    let aim = move |aim: CameraMode| scene.update_value(|scene| scene.set_camera_mode(aim));
    let choice = move |wanted: Perspective, label: &'static str| {
        view! {
            <button type="button" class="button" aria-pressed=move || (perspective.get() == wanted).to_string() on:click=move |_| look(wanted)>{label}</button>
        }
    };
    view! {
        <div class="stage-buttons" role="group" aria-label=t("View")>
            {choice(Perspective::Above, t("From above"))}
            {choice(Perspective::Behind, t("In perspective"))}
            <button type="button" class="button" on:click=move |_| zoom(CLICK_ZOOM) aria-label=t("Nearer")>"+"</button>
            <button type="button" class="button" on:click=move |_| zoom(1.0 / CLICK_ZOOM) aria-label=t("Farther")>"−"</button>
            <button type="button" class="button" on:click=move |_| aim(CameraMode::Everybody)>{t("Show everybody")}</button>
            <button type="button" class="button" on:click=move |_| aim(CameraMode::Chosen)>{t("Follow")}</button>
        </div>
    }
}

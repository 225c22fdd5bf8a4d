//! The buttons that move the camera.

use leptos::prelude::*;

use super::camera::{Camera, CameraMode, Perspective};
use super::scene::Scene;
use crate::language::t;

/// The factor by which a click zooms.
const CLICK_ZOOM: f64 = 1.5;

/// The buttons for perspective, zoom and camera mode.
#[component]
pub(super) fn CameraButtons(scene: StoredValue<Scene, LocalStorage>) -> impl IntoView {
    let perspective = RwSignal::new(Perspective::default());
    let set_perspective = move |wanted: Perspective| {
        perspective.set(wanted);
        scene.update_value(|scene| {
            let camera = scene.camera.current();
            scene.camera.set(Camera {
                perspective: wanted,
                ..camera
            });
        });
    };
    let zoom = move |factor: f64| {
        scene.update_value(|scene| {
            let camera = scene.camera.current();
            scene.camera.set(camera.zoomed(factor, None));
        });
    };
    let set_mode = move |mode: CameraMode| scene.update_value(|scene| scene.camera.set_mode(mode));
    let perspective_button = move |wanted: Perspective, label: &'static str| {
        view! {
            <button type="button" class="button" aria-pressed=move || (perspective.get() == wanted).to_string() on:click=move |_| set_perspective(wanted)>{label}</button>
        }
    };
    view! {
        <div class="stage-buttons" role="group" aria-label=t("View")>
            {perspective_button(Perspective::Above, t("Top view"))}
            {perspective_button(Perspective::Behind, t("Perspective view"))}
            <button type="button" class="button" on:click=move |_| zoom(CLICK_ZOOM) aria-label=t("Zoom in")>"+"</button>
            <button type="button" class="button" on:click=move |_| zoom(1.0 / CLICK_ZOOM) aria-label=t("Zoom out")>"−"</button>
            <button type="button" class="button" on:click=move |_| set_mode(CameraMode::All)>{t("Show all")}</button>
            <button type="button" class="button" on:click=move |_| set_mode(CameraMode::Chosen)>{t("Follow")}</button>
        </div>
    }
}

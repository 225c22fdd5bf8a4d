//! Starts the page in the browser.

fn main() {
    wasm_bindgen_futures::spawn_local(soundstage_web::start());
}

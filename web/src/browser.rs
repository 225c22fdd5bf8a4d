//! Access to the browser: clock, tasks, visibility, storage, files, focus and frames.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::closure::Closure;
use wasm_bindgen_futures::JsFuture;
use web_sys::VisibilityState;

/// Returns the milliseconds since the page was opened. The clock is monotonic.
pub(crate) fn now() -> f64 {
    window()
        .performance()
        .map_or(0.0, |performance| performance.now())
}

/// Waits for this duration.
pub(crate) async fn sleep(duration: Duration) {
    gloo_timers::future::sleep(duration).await;
}

/// Runs a task that ends with the current owner: when its component is removed, or before its effect runs again.
pub(crate) fn spawn_scoped(task: impl Future<Output = ()> + 'static) {
    let handle = spawn_abortable(task);
    on_cleanup(move || handle.abort());
}

/// Runs a task until it ends or its handle aborts it.
pub(crate) fn spawn_abortable(
    task: impl Future<Output = ()> + 'static,
) -> futures_util::future::AbortHandle {
    let (task, handle) = futures_util::future::abortable(task);
    leptos::task::spawn_local(async move {
        // `Err` means aborted, which is expected.
        let _ = task.await;
    });
    handle
}

/// Returns a signal that is true while the page is visible.
pub(crate) fn page_is_visible() -> Signal<bool> {
    let is_visible = || document().visibility_state() == VisibilityState::Visible;
    let visible = RwSignal::new(is_visible());
    let listener =
        window_event_listener_untyped("visibilitychange", move |_| visible.set(is_visible()));
    on_cleanup(move || listener.remove());
    visible.into()
}

/// Returns a signal that is true while the device has no network. A server on the same device stays reachable.
pub(crate) fn device_is_offline() -> Signal<bool> {
    let offline = RwSignal::new(!window().navigator().on_line());
    let listeners = ["online", "offline"].map(|event| {
        window_event_listener_untyped(event, move |_| offline.set(event == "offline"))
    });
    on_cleanup(move || listeners.into_iter().for_each(WindowListenerHandle::remove));
    offline.into()
}

/// Returns true if a media query matches now, such as `(prefers-reduced-motion: reduce)`.
pub(crate) fn media_matches(query: &str) -> bool {
    window()
        .match_media(query)
        .ok()
        .flatten()
        .is_some_and(|list| list.matches())
}

/// Returns the height of the viewport in CSS pixels.
pub(crate) fn window_height() -> f64 {
    let height = window().inner_height().ok();
    height
        .and_then(|height| height.as_f64())
        .unwrap_or_default()
}

/// Returns the origin of the page, such as `https://example.com`. The server has the same origin.
pub(crate) fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// Copies text to the clipboard. Returns false if the browser does not allow this, as for an insecure origin.
pub(crate) async fn copy(text: &str) -> bool {
    let navigator = window().navigator();
    let has_clipboard = js_sys::Reflect::get(&navigator, &"clipboard".into())
        .is_ok_and(|clipboard| !clipboard.is_undefined());
    has_clipboard
        && JsFuture::from(navigator.clipboard().write_text(text))
            .await
            .is_ok()
}

/// Formats a Unix time in milliseconds for the reader's locale and time zone. Returns an empty text for 0, which means
/// unknown.
pub(crate) fn date_and_time(milliseconds: i64) -> String {
    if milliseconds == 0 {
        return String::new();
    }
    let date = js_sys::Date::new(&(milliseconds as f64).into());
    let options = js_sys::Object::new();
    for (name, value) in [("dateStyle", "medium"), ("timeStyle", "short")] {
        // Setting a property of a plain object cannot fail.
        let _ = js_sys::Reflect::set(&options, &name.into(), &value.into());
    }
    date.to_locale_string(&locale(), &options).into()
}

/// Formats a time, as [`now`] counts, as the time of day.
pub(crate) fn time_of_day(time: f64) -> String {
    let date = js_sys::Date::new(&(js_sys::Date::now() - now() + time).into());
    date.to_locale_time_string(&locale()).into()
}

/// Formats a number with grouped digits for the reader's locale.
pub(crate) fn grouped(number: u32) -> String {
    js_sys::Number::from(number)
        .to_locale_string(&locale())
        .into()
}

/// Returns the locale of dates and numbers: the language of the document, with the reader's region if the
/// reader's locale has the same language, such as `en-GB`.
fn locale() -> String {
    let root = document().document_element();
    let language = root.and_then(|root| root.get_attribute("lang"));
    let language = language.unwrap_or_default();
    let own = window().navigator().language().unwrap_or_default();
    if own.starts_with(&language) {
        own
    } else {
        language
    }
}

/// Returns the value that [`store`] has stored under this name in this browser.
pub(crate) fn stored(name: &str) -> Option<String> {
    window().local_storage().ok()??.get_item(name).ok()?
}

/// Stores a value under a name. Does nothing in a browser without storage.
pub(crate) fn store(name: &str, value: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        // If the storage is full, the choice lasts until the page is closed.
        let _ = storage.set_item(name, value);
    }
}

/// Returns a random number from 0 to 1, not for secrets.
pub(crate) fn random() -> f64 {
    js_sys::Math::random()
}

/// Returns a unique text of 26 hexadecimal digits, not for secrets.
pub(crate) fn random_id() -> String {
    let part = || format!("{:013x}", (random() * 2_f64.powi(52)) as u64);
    part() + &part()
}

/// Encodes parameters as the query of an address: `?name=value&name`.
pub(crate) fn query(parts: &[(&'static str, String)]) -> String {
    let mut query = String::new();
    for (name, value) in parts {
        query.push(if query.is_empty() { '?' } else { '&' });
        query.push_str(name);
        if !value.is_empty() {
            query.push('=');
            query.push_str(&String::from(js_sys::encode_uri_component(value)));
        }
    }
    query
}

/// Decodes a part of an address. Returns a malformed part unchanged.
pub(crate) fn decoded(part: &str) -> String {
    js_sys::decode_uri_component(part).map_or_else(|_| part.to_owned(), String::from)
}

/// Saves the concatenated parts of a text as a file.
pub(crate) fn save_file(name: &str, media_type: &str, parts: &js_sys::Array) {
    let options = web_sys::BlobPropertyBag::new();
    options.set_type(media_type);
    let blob = web_sys::Blob::new_with_str_sequence_and_options(parts, &options);
    let Ok(url) = blob.and_then(|blob| web_sys::Url::create_object_url_with_blob(&blob)) else {
        return;
    };
    if let Ok(link) = document().create_element("a") {
        let link: web_sys::HtmlAnchorElement = link.unchecked_into();
        link.set_href(&url);
        link.set_download(name);
        link.click();
    }
    // The browser keeps the content until it is saved; a second revocation is not an error.
    let _ = web_sys::Url::revoke_object_url(&url);
}

/// Returns the text of a file of this server, or `None` if there is no response or an error.
pub(crate) async fn fetch_text(path: &str) -> Option<String> {
    let response = JsFuture::from(window().fetch_with_str(path)).await.ok()?;
    let response: web_sys::Response = response.dyn_into().ok()?;
    let text = response.ok().then(|| response.text())?.ok()?;
    JsFuture::from(text).await.ok()?.as_string()
}

/// Reloads the page.
pub(crate) fn reload() {
    // Fails only in a document that is being unloaded.
    let _ = window().location().reload();
}

/// Returns true if the reader drags files.
pub(crate) fn has_files(event: &web_sys::DragEvent) -> bool {
    let types = event.data_transfer().map(|data| data.types());
    types.is_some_and(|types| types.includes(&"Files".into(), 0))
}

/// Returns the first dropped file.
pub(crate) fn dropped_file(event: &web_sys::DragEvent) -> Option<web_sys::File> {
    event.data_transfer()?.files()?.get(0)
}

/// Focuses the element with this id, if it exists.
pub(crate) fn focus(id: &str) {
    if let Some(element) = document().get_element_by_id(id) {
        let element: web_sys::HtmlElement = element.unchecked_into();
        // An element that cannot take the focus leaves the focus where it is.
        let _ = element.focus();
    }
}

/// Sets the title of the document, for the history and for screen readers.
pub(crate) fn set_title(page: &str) {
    document().set_title(&format!("{page} · Soundstage"));
}

/// Shows a notice after a panic. It uses plain DOM calls, since the program is unusable.
pub(crate) fn show_crash_notice() {
    let document = document();
    if let (Ok(notice), Some(body)) = (document.create_element("p"), document.body()) {
        notice.set_class_name("boot-failure");
        notice.set_text_content(Some("Something went wrong. Reload the page to continue."));
        // There is no fallback for a notice that cannot be shown.
        let _ = notice
            .set_attribute("role", "alert")
            .and_then(|()| body.append_child(&notice));
    }
}

/// Function that the browser calls. It is set after its creation, since it refers to itself.
type Callback = RefCell<Option<Closure<dyn FnMut(f64)>>>;

/// Calls a function for each frame of the display, until the loop is dropped.
pub(crate) struct FrameLoop {
    request: Rc<Cell<i32>>,
    /// The only strong reference: the function holds a weak one, so that dropping the loop drops both.
    _callback: Rc<Callback>,
}

impl FrameLoop {
    /// Starts the loop. The function receives the time of the frame, as [`now`] counts.
    pub(crate) fn start(mut draw: impl FnMut(f64) + 'static) -> Self {
        let request = Rc::new(Cell::new(0));
        let callback: Rc<Callback> = Rc::default();
        let (next_request, next_callback) = (request.clone(), Rc::downgrade(&callback));
        *callback.borrow_mut() = Some(Closure::new(move |time| {
            draw(time);
            if let Some(callback) = next_callback.upgrade() {
                next_request.set(request_frame(&callback));
            }
        }));
        request.set(request_frame(&callback));
        Self {
            request,
            _callback: callback,
        }
    }
}

impl Drop for FrameLoop {
    fn drop(&mut self) {
        // Cancelling a frame that was drawn already is not an error.
        let _ = window().cancel_animation_frame(self.request.get());
    }
}

fn request_frame(callback: &Callback) -> i32 {
    let callback = callback.borrow();
    let function = callback
        .as_ref()
        .map(|closure| closure.as_ref().unchecked_ref());
    function
        .and_then(|function| window().request_animation_frame(function).ok())
        .unwrap_or_default()
}

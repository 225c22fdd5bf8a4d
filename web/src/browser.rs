//! What the page needs of the browser: the clock, frames, visibility, media queries, tasks that end with their
//! component.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::closure::Closure;
use web_sys::VisibilityState;

/// Milliseconds since the page was opened, monotonic.
pub(crate) fn now() -> f64 {
    window()
        .performance()
        .map_or(0.0, |performance| performance.now())
}

/// Waits.
pub(crate) async fn sleep(duration: Duration) {
    gloo_timers::future::sleep(duration).await;
}

/// Runs a task that is dropped, with all it holds, when the component that starts it goes, or before the effect that
/// starts it runs again.
pub(crate) fn spawn_scoped(task: impl Future<Output = ()> + 'static) {
    let handle = spawn_abortable(task);
    on_cleanup(move || handle.abort());
}

/// Runs a task that its handle can end.
pub(crate) fn spawn_abortable(
    task: impl Future<Output = ()> + 'static,
) -> futures_util::future::AbortHandle {
    let (task, handle) = futures_util::future::abortable(task);
    leptos::task::spawn_local(async move {
        // An aborted task is no error.
        let _ = task.await;
    });
    handle
}

/// Whether the page is shown. A hidden one must hold no stream: over HTTP/1.1 all tabs share six connections.
pub(crate) fn page_is_visible() -> Signal<bool> {
    let is_visible = || document().visibility_state() == VisibilityState::Visible;
    let visible = RwSignal::new(is_visible());
    let listener =
        window_event_listener_untyped("visibilitychange", move |_| visible.set(is_visible()));
    on_cleanup(move || listener.remove());
    visible.into()
}

/// Whether the machine has lost its network. A server on this machine is reached all the same.
pub(crate) fn machine_is_offline() -> Signal<bool> {
    let offline = RwSignal::new(!window().navigator().on_line());
    let listeners = ["online", "offline"].map(|event| {
        window_event_listener_untyped(event, move |_| offline.set(event == "offline"))
    });
    on_cleanup(move || listeners.into_iter().for_each(WindowListenerHandle::remove));
    offline.into()
}

/// Whether a media query, such as `(prefers-reduced-motion: reduce)`, holds now.
pub(crate) fn media_matches(query: &str) -> bool {
    window()
        .match_media(query)
        .ok()
        .flatten()
        .is_some_and(|list| list.matches())
}

/// The height of what the window shows, in pixels.
pub(crate) fn window_height() -> f64 {
    let height = window().inner_height().ok();
    height
        .and_then(|height| height.as_f64())
        .unwrap_or_default()
}

/// Where the page came from, such as `https://example.com`; the server is there.
pub(crate) fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// Puts text on the clipboard. Whether the browser allowed it: it does for an origin that it trusts.
pub(crate) async fn copy(text: &str) -> bool {
    let navigator = window().navigator();
    let has_clipboard = js_sys::Reflect::get(&navigator, &"clipboard".into())
        .is_ok_and(|clipboard| !clipboard.is_undefined());
    has_clipboard
        && wasm_bindgen_futures::JsFuture::from(navigator.clipboard().write_text(text))
            .await
            .is_ok()
}

/// A time in the reader's language and zone; nothing for 0, which stands for unknown.
pub(crate) fn date_and_time(milliseconds: i64) -> String {
    if milliseconds == 0 {
        return String::new();
    }
    let date = js_sys::Date::new(&(milliseconds as f64).into());
    let options = js_sys::Object::new();
    for (name, value) in [("dateStyle", "medium"), ("timeStyle", "short")] {
        // A plain object takes any property.
        let _ = js_sys::Reflect::set(&options, &name.into(), &value.into());
    }
    date.to_locale_string(&locale(), &options).into()
}

/// A number with its digits in groups, as the reader's language has it.
pub(crate) fn grouped(number: u32) -> String {
    js_sys::Number::from(number)
        .to_locale_string(&locale())
        .into()
}

/// Returns the locale of dates and numbers: the language of the document, with the reader's region if the reader has the
/// same language, such as `en-GB`.
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

/// What this browser keeps for the page under a name.
pub(crate) fn stored(name: &str) -> Option<String> {
    window().local_storage().ok()??.get_item(name).ok()?
}

/// Keeps it; not in a browser that allows no storage.
pub(crate) fn store(name: &str, value: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        // Full: the choice holds until the page is closed.
        let _ = storage.set_item(name, value);
    }
}

/// Returns a random number from 0 to 1, not for secrets.
pub(crate) fn random() -> f64 {
    js_sys::Math::random()
}

/// A text that nobody else has, and nobody need keep secret.
pub(crate) fn random_id() -> String {
    let part = || format!("{:013x}", (random() * 2_f64.powi(52)) as u64);
    part() + &part()
}

/// The parts of a query as an address has them: `?name=value&name`.
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

/// Has the browser save parts of a text as a file.
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
    // What is being saved is kept by the browser; an address that is gone already is as well.
    let _ = web_sys::Url::revoke_object_url(&url);
}

/// Whether files are what is dragged.
pub(crate) fn has_files(event: &web_sys::DragEvent) -> bool {
    let types = event.data_transfer().map(|data| data.types());
    types.is_some_and(|types| types.includes(&"Files".into(), 0))
}

/// The first file of those that were dropped.
pub(crate) fn dropped_file(event: &web_sys::DragEvent) -> Option<web_sys::File> {
    event.data_transfer()?.files()?.get(0)
}

/// Goes to an element with this id, if it is there.
pub(crate) fn focus(id: &str) {
    if let Some(element) = document().get_element_by_id(id) {
        let element: web_sys::HtmlElement = element.unchecked_into();
        // One that cannot take the focus leaves it where it is.
        let _ = element.focus();
    }
}

/// Sets the document's title, which is what history and screen readers call the page.
pub(crate) fn set_title(page: &str) {
    document().set_title(&format!("{page} · Soundstage"));
}

/// The last words of a program that has panicked. Plain DOM calls, since nothing of ours can be relied on any more.
pub(crate) fn show_crash_notice() {
    let document = document();
    if let (Ok(notice), Some(body)) = (document.create_element("p"), document.body()) {
        notice.set_class_name("boot-failure");
        notice.set_text_content(Some(
            "Something went wrong in this page. Reload it to go on.",
        ));
        // Without the notice there is nothing else to fall back to.
        let _ = notice
            .set_attribute("role", "alert")
            .and_then(|()| body.append_child(&notice));
    }
}

/// A function for the browser to call, which is there once it refers to itself.
type Callback = RefCell<Option<Closure<dyn FnMut(f64)>>>;

/// Calls a function at each frame the display draws, until it is dropped.
pub(crate) struct FrameLoop {
    request: Rc<Cell<i32>>,
    /// Kept alive here and nowhere else: the function refers to it weakly, so that dropping the loop drops both.
    _callback: Rc<Callback>,
}

impl FrameLoop {
    /// Starts the loop; the function gets the time of the frame, as [`now`] counts it.
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
        // An id that has fired already is not an error.
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

//! A browser's WebSocket, as a sender and a stream of events.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::stream::Stream;
use gloo_timers::future::TimeoutFuture;
use js_sys::{ArrayBuffer, Uint8Array};
use tonic::{Code, Status};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::closure::Closure;
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use crate::failure::Failure;

/// The number of unsent bytes above which the sender waits.
const HIGH_WATER: u32 = 1024 * 1024;
/// The interval of the checks for unsent bytes: a browser has no event for them.
const DRAIN_INTERVAL_MILLIS: u32 = 10;
/// The largest number of response bytes that wait to be read. A browser cannot pause a socket, so past this limit the
/// call ends.
const MAX_UNREAD: usize = 16 * 1024 * 1024;
/// The bytes that a waiting message counts beyond its content: its place in the queue, and its allocation.
const MESSAGE_OVERHEAD: usize = 128;

/// An event of a socket.
pub(super) enum Event {
    Open,
    Message(Bytes),
    /// More than [`MAX_UNREAD`] bytes wait to be read; the socket is closed.
    Overrun,
    Closed {
        code: u16,
        reason: String,
    },
}

/// The sending side of a socket.
pub(super) struct Sender {
    socket: WebSocket,
}

impl Sender {
    /// Sends a message. Does nothing once the socket is closed.
    pub(super) fn send(&self, message: &[u8]) {
        // Fails only before the socket opens.
        let _ = self.socket.send_with_u8_array(message);
    }

    /// Waits until at most [`HIGH_WATER`] bytes wait to be sent.
    pub(super) async fn drained(&self) {
        while self.socket.buffered_amount() > HIGH_WATER
            && self.socket.ready_state() == WebSocket::OPEN
        {
            TimeoutFuture::new(DRAIN_INTERVAL_MILLIS).await;
        }
    }

    pub(super) fn close(&self) {
        // Fails only for an invalid code or reason.
        let _ = self.socket.close();
    }
}

/// The events of a socket, in order. Closes the socket when dropped.
pub(super) struct Events {
    socket: WebSocket,
    queue: Rc<RefCell<Queue>>,
    /// The handlers, which must live as long as the browser can call them.
    _on_open: Closure<dyn FnMut()>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

/// The events that wait to be read.
#[derive(Default)]
struct Queue {
    events: VecDeque<Event>,
    /// The size of the messages that wait, in bytes, with [`MESSAGE_OVERHEAD`] for each.
    unread: usize,
    reader: Option<Waker>,
}

/// Adds an event, and wakes the reader.
fn push(queue: &RefCell<Queue>, event: Event) {
    let mut borrowed = queue.borrow_mut();
    if let Event::Message(chunk) = &event {
        borrowed.unread += chunk.len() + MESSAGE_OVERHEAD;
    }
    borrowed.events.push_back(event);
    let reader = borrowed.reader.take();
    // A waker may run code that reads the queue.
    drop(borrowed);
    if let Some(reader) = reader {
        reader.wake();
    }
}

/// Starts to open a socket. [`Event::Open`] or [`Event::Closed`] follows.
pub(super) fn open(url: &str) -> Result<(Sender, Events), Status> {
    let socket = WebSocket::new_with_str(url, "grpc-websockets").map_err(|error| {
        let error = error.dyn_ref::<js_sys::Error>().map(js_sys::Error::message);
        Failure::NeverReached.status(Code::Internal, &error.map(String::from).unwrap_or_default())
    })?;
    socket.set_binary_type(BinaryType::Arraybuffer);
    let queue = Rc::new(RefCell::new(Queue::default()));

    let opened = queue.clone();
    let on_open = Closure::new(move || push(&opened, Event::Open));
    socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));

    let (arrived, overrun) = (queue.clone(), socket.clone());
    let on_message = Closure::new(move |message: MessageEvent| {
        let Ok(buffer) = message.data().dyn_into::<ArrayBuffer>() else {
            // The protocol has no text messages.
            return;
        };
        let chunk = Uint8Array::new(&buffer).to_vec();
        let unread = arrived.borrow().unread;
        if unread + chunk.len() + MESSAGE_OVERHEAD > MAX_UNREAD {
            push(&arrived, Event::Overrun);
            overrun.set_onmessage(None);
            let _ = overrun.close();
        } else {
            push(&arrived, Event::Message(chunk.into()));
        }
    });
    socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));

    let closed = queue.clone();
    let on_close = Closure::new(move |close: CloseEvent| {
        let (code, reason) = (close.code(), close.reason());
        push(&closed, Event::Closed { code, reason });
    });
    socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));

    let sender = Sender {
        socket: socket.clone(),
    };
    let events = Events {
        socket,
        queue,
        _on_open: on_open,
        _on_message: on_message,
        _on_close: on_close,
    };
    Ok((sender, events))
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut queue = self.queue.borrow_mut();
        let Some(event) = queue.events.pop_front() else {
            queue.reader = Some(cx.waker().clone());
            return Poll::Pending;
        };
        if let Event::Message(chunk) = &event {
            queue.unread -= chunk.len() + MESSAGE_OVERHEAD;
        }
        Poll::Ready(Some(event))
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        let _ = self.socket.close();
    }
}

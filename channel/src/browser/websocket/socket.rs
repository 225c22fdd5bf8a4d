//! A browser's WebSocket as a sender and a stream of events.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_util::stream::{Stream, StreamExt as _};
use gloo_timers::future::TimeoutFuture;
use js_sys::{ArrayBuffer, Uint8Array};
use tonic::{Code, Status};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::closure::Closure;
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use crate::Failure;

/// Bytes that may wait to be sent before the sender waits too.
const HIGH_WATER: u32 = 1024 * 1024;
/// How often it looks whether they have left; a browser does not say.
const DRAIN_INTERVAL_MILLIS: u32 = 10;
/// Bytes of answers that may wait to be read. A browser cannot be told to take no more, so past it the call ends.
const MAX_UNREAD: usize = 16 * 1024 * 1024;

/// What happens to a socket.
pub(super) enum Event {
    Open,
    Message(Bytes),
    /// More has come than is kept; the socket has been closed.
    Overrun,
    Closed {
        code: u16,
        reason: String,
    },
}

/// Sends over a socket.
pub(super) struct Sender {
    socket: WebSocket,
}

impl Sender {
    /// Sends a message. After the socket is closed, nothing happens.
    pub(super) fn send(&self, message: &[u8]) {
        if self.socket.ready_state() == WebSocket::OPEN {
            // Fails only before the socket is open.
            let _ = self.socket.send_with_u8_array(message);
        }
    }

    /// Waits until most of what was sent has left.
    pub(super) async fn drained(&self) {
        while self.socket.buffered_amount() > HIGH_WATER
            && self.socket.ready_state() == WebSocket::OPEN
        {
            TimeoutFuture::new(DRAIN_INTERVAL_MILLIS).await;
        }
    }

    pub(super) fn close(&self) {
        // Fails only for a code or a reason that is not allowed.
        let _ = self.socket.close();
    }
}

/// What happens to a socket, in order. Closes it when it is dropped.
pub(super) struct Events {
    socket: WebSocket,
    queue: UnboundedReceiver<Event>,
    unread: Rc<Cell<usize>>,
    /// Kept as long as the browser may call them.
    _on_open: Closure<dyn FnMut()>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

/// Begins to open a socket to a URL.
pub(super) fn open(url: &str) -> Result<(Sender, Events), Status> {
    let socket = WebSocket::new_with_str(url, "grpc-websockets").map_err(|error| {
        let error = error.dyn_ref::<js_sys::Error>().map(js_sys::Error::message);
        Failure::NeverReached.status(Code::Internal, &error.map(String::from).unwrap_or_default())
    })?;
    socket.set_binary_type(BinaryType::Arraybuffer);
    let (events, queue) = unbounded();
    let unread = Rc::new(Cell::new(0));

    let opened = events.clone();
    let on_open = Closure::new(move || enqueue(&opened, Event::Open));
    socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));

    let (arrived, counted, overrun) = (events.clone(), unread.clone(), socket.clone());
    let on_message = Closure::new(move |message: MessageEvent| {
        let Ok(buffer) = message.data().dyn_into::<ArrayBuffer>() else {
            // Text; the protocol has none, and the decoder will miss nothing.
            return;
        };
        let piece = Uint8Array::new(&buffer).to_vec();
        if counted.get() + piece.len() > MAX_UNREAD {
            enqueue(&arrived, Event::Overrun);
            overrun.set_onmessage(None);
            let _ = overrun.close();
        } else {
            counted.set(counted.get() + piece.len());
            enqueue(&arrived, Event::Message(piece.into()));
        }
    });
    socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));

    let on_close = Closure::new(move |close: CloseEvent| {
        let (code, reason) = (close.code(), close.reason());
        enqueue(&events, Event::Closed { code, reason });
    });
    socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));

    let sender = Sender {
        socket: socket.clone(),
    };
    let events = Events {
        socket,
        queue,
        unread,
        _on_open: on_open,
        _on_message: on_message,
        _on_close: on_close,
    };
    Ok((sender, events))
}

/// Adds an event, unless nobody is there to take it any more.
fn enqueue(events: &UnboundedSender<Event>, event: Event) {
    let _ = events.unbounded_send(event);
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let event = std::task::ready!(self.queue.poll_next_unpin(cx));
        if let Some(Event::Message(piece)) = &event {
            self.unread.set(self.unread.get() - piece.len());
        }
        Poll::Ready(event)
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

//! The sequence diagram: an arrow for each event of a call, the newest at the end. The document holds only the rows in
//! view.

use std::ops::Range;

use leptos::html::Div;
use leptos::prelude::*;

use super::log::{Direction, Event, EventKind, Log};
use super::session::{Phase, Session};
use crate::language::{fill, t};
use crate::ui::{ListGeometry, ScrollPosition, decimal};

/// The height of a row in CSS pixels, as in the style sheet.
const ROW_HEIGHT: f64 = 32.0;

/// Returns the rows to render at a scroll offset, for a view of this height, both in CSS pixels.
fn rendered_rows(scroll_top: f64, view_height: f64, rows: usize) -> Range<usize> {
    let list = ListGeometry {
        rows: rows as u32,
        row_height: ROW_HEIGHT,
        view_height,
    };
    let position = list.scrolled(ScrollPosition::default(), scroll_top);
    let rows = list.rendered(position).rows;
    rows.start as usize..rows.end as usize
}

/// Returns the height of some rows as a CSS length.
fn pixels(rows: usize) -> String {
    format!("{}px", rows * ROW_HEIGHT as usize)
}

/// The diagram of a session, with its counts above.
#[component]
pub(super) fn Diagram(session: Session, label: String) -> impl IntoView {
    let scroller = NodeRef::<Div>::new();
    // Scroll offset and height in CSS pixels.
    let view = RwSignal::new((0.0, 320.0));
    let at_end = RwSignal::new(true);
    let chosen = RwSignal::new(None::<usize>);
    let on_scroll = move |_| {
        if let Some(element) = scroller.get_untracked() {
            let (top, height) = (
                f64::from(element.scroll_top()),
                f64::from(element.client_height()),
            );
            view.set((top, height));
            at_end.set(top + height >= f64::from(element.scroll_height()) - ROW_HEIGHT);
        }
    };
    // A view at the end follows new events.
    Effect::new(move |_| {
        let rows = session.with_log(Log::len);
        if rows == 0 {
            at_end.set(true);
            chosen.set(None);
        }
        if let (Some(element), true) = (scroller.get(), at_end.get_untracked()) {
            element.set_scroll_top(element.scroll_height());
        }
    });
    let rows = move || {
        let ((top, height), chosen_now) = (view.get(), chosen.get());
        session.with_log(|log| {
            let rows = rendered_rows(top, height, log.len()).filter_map(|row| {
                let event = log.row(row)?;
                Some(row_view(
                    row,
                    event,
                    chosen_now == Some(event.index),
                    chosen,
                ))
            });
            rows.collect_view()
        })
    };
    let height = move || session.with_log(|log| pixels(log.len()));
    let chosen_text = move || {
        let index = chosen.get()?;
        session.with_log(|log| log.event(index).map(|event| event.kind.text().to_owned()))
    };
    view! {
        <div class="diagram">
            <p class="diagram-counts">{move || session.with_log(counts)}</p>
            <div class="lanes" aria-hidden="true"><span>{t("Browser")}</span><span>{t("Server")}</span></div>
            <div class="diagram-rows" node_ref=scroller on:scroll=on_scroll tabindex="0" role="region" aria-label=label>
                <ol style:height=height>{rows}</ol>
            </div>
            <pre class="diagram-detail" tabindex="0">{chosen_text}</pre>
            <p class="visually-hidden" role="status">
                {move || (session.phase() == Phase::Ended).then(|| session.with_log(ending))}
            </p>
        </div>
    }
}

/// Returns a row of the diagram. A click shows the whole text of the event; another click hides the text.
fn row_view(
    row: usize,
    event: &Event,
    is_chosen: bool,
    chosen: RwSignal<Option<usize>>,
) -> impl IntoView + use<> {
    let index = event.index;
    let class = match (event.direction, &event.kind) {
        (_, EventKind::Status { ok: false, .. }) => "arrow received failed",
        (Direction::Sent, EventKind::Message(_)) => "arrow sent message",
        (Direction::Sent, _) => "arrow sent",
        (Direction::Received, EventKind::Message(_)) => "arrow received message",
        (Direction::Received, _) => "arrow received",
    };
    let direction = match event.direction {
        Direction::Sent => t("sent"),
        Direction::Received => t("received"),
    };
    // No screen is wide enough for more.
    let start: String = event.kind.text().chars().take(300).collect();
    let text = start.replace('\n', " · ");
    view! {
        <li class=class style:top=pixels(row)>
            <button
                type="button"
                aria-pressed=is_chosen.to_string()
                on:click=move |_| chosen.set((!is_chosen).then_some(index))
            >
                <span class="at">{time(event.at)}</span>
                <span class="visually-hidden">{direction}</span>
                <span class="line"><span class="content"><b>{t(event.kind.label())}</b>" "{text}</span></span>
                <span class="size">{event.size.map(bytes).unwrap_or_default()}</span>
            </button>
        </li>
    }
}

/// Returns the numbers of messages and bytes, and the duration.
fn counts(log: &Log) -> String {
    if log.len() == 0 {
        return t("No messages yet.").into();
    }
    let dropped = match log.dropped() {
        0 => String::new(),
        rows => fill(" · the oldest {0} rows were dropped", &[&rows.to_string()]),
    };
    let values = [
        log.sent.messages.to_string(),
        bytes(log.sent.bytes),
        log.received.messages.to_string(),
        bytes(log.received.bytes),
        time(log.elapsed()),
        dropped,
    ];
    let values = values.each_ref().map(String::as_str);
    fill("{0} sent, {1} · {2} received, {3} · {4}{5}", &values)
}

/// Returns the announcement of the end of the call for screen readers.
fn ending(log: &Log) -> String {
    let last = log.len().checked_sub(1).and_then(|row| log.row(row));
    let end = last.map_or("", |event| match &event.kind {
        EventKind::Cancel => t("Cancelled"),
        kind => kind.text().lines().next().unwrap_or_default(),
    });
    fill("Call ended: {0}. {1}", &[end, &counts(log)])
}

/// Formats a duration in milliseconds.
fn time(millis: f64) -> String {
    match millis {
        short if short < 999.5 => decimal(short, 1) + " ms",
        long => decimal(long / 1000.0, 2) + " s",
    }
}

/// Formats a number of bytes.
fn bytes(count: usize) -> String {
    match count {
        small @ 0..1000 => format!("{small} B"),
        large @ 1000..1_000_000 => decimal(large as f64 / 1000.0, 1) + " kB",
        huge => decimal(huge as f64 / 1_000_000.0, 1) + " MB",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_shorter_call_is_rendered_wherever_the_old_one_was_scrolled_to() {
        assert_eq!(rendered_rows(32_000.0, 320.0, 2000), 992..1019);
        assert_eq!(rendered_rows(32_000.0, 320.0, 3), 0..3);
    }

    #[test]
    fn times_and_sizes_are_short() {
        assert_eq!(
            (time(0.04), time(12.34), time(1234.0)),
            ("0.0 ms".into(), "12.3 ms".into(), "1.23 s".into())
        );
        assert_eq!(
            (bytes(7), bytes(1500), bytes(2_000_000)),
            ("7 B".into(), "1.5 kB".into(), "2.0 MB".into())
        );
    }
}

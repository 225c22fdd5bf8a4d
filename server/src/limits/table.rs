//! The table of `docs/limits.md`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) struct Row {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    pub(super) value: String,
    /// The flag or the field of `Settings` that changes the value; empty for a constant.
    pub(super) setting: &'static str,
    pub(super) meaning: &'static str,
    pub(super) test: &'static str,
}

/// Limits that their own modules declare: module, constant, meaning, test. The value is read from the module.
const ELSEWHERE: &[[&str; 4]] = &[
    [
        "server/src/services/listing.rs",
        "MAX_PAGE_SIZE",
        "Users on a page of `ListUsers`. A larger `page_size` counts as this size.",
        "list_users_has_a_default_and_a_largest_page",
    ],
    [
        "server/src/store/sqlite/mod.rs",
        "MAX_INLINE_SKIP",
        "Users that `ListUsers` may skip on the worker thread. A longer skip would delay other calls, so it runs on the read pool.",
        "",
    ],
    [
        "server/src/services/listing.rs",
        "MAX_SEARCH",
        "Characters of a search text, as many as the longest mail address. Past it: `INVALID_ARGUMENT`.",
        "fields_of_the_directory_are_accepted_at_their_limit_and_refused_past_it",
    ],
    [
        "server/src/services/import.rs",
        "MAX_ID",
        "Bytes of an import id. Past it: `INVALID_ARGUMENT`.",
        "fields_of_the_directory_are_accepted_at_their_limit_and_refused_past_it",
    ],
    [
        "server/src/services/import.rs",
        "BATCH",
        "Rows of an import that one transaction stores.",
        "",
    ],
    [
        "server/src/services/stage_validation.rs",
        "MAX_RATE",
        "Updates per second that a subscriber can request. Past it: `INVALID_ARGUMENT`.",
        "fields_of_the_stage_are_accepted_at_their_limit_and_refused_past_it",
    ],
    [
        "server/src/services/stage_validation.rs",
        "MAX_LISTED",
        "Characters that a subscriber can name. Past it: `INVALID_ARGUMENT`.",
        "fields_of_the_stage_are_accepted_at_their_limit_and_refused_past_it",
    ],
    [
        "server/src/services/sync.rs",
        "MAX_SOURCE",
        "Characters of a source's name. Past it: `INVALID_ARGUMENT`.",
        "fields_of_the_stage_are_accepted_at_their_limit_and_refused_past_it",
    ],
    [
        "proto/src/user_rules.rs",
        "MARKS_MAX",
        "Combining marks in a row in a name, which would cover the lines above and below. Vocalised Hebrew and Arabic, Tibetan and decomposed Vietnamese need up to 4. Past it: `INVALID_ARGUMENT`.",
        "an_error_names_the_invalid_field",
    ],
    [
        "server/src/services/sync.rs",
        "MAX_PENDING_EFFECTS",
        "Responses of `PositionSync` that wait for a caller that does not read. Past it the server stops reading its requests.",
        "",
    ],
    [
        "server/src/store/sqlite/writer.rs",
        "QUEUE",
        "Changes that wait for the writer. Past it a call waits for a free slot.",
        "",
    ],
    [
        "server/src/store/sqlite/mod.rs",
        "COUNT_LIMIT",
        "Matches that a search counts. Past it, the total of `ListUsers` is a lower bound.",
        "a_total_above_the_limit_is_a_lower_bound",
    ],
    [
        "server/src/store/sqlite/mod.rs",
        "READ_THREADS",
        "Searches, exports, larger skips and lookups of dry runs that run at once: the number of cores, within these bounds.",
        "point_reads_are_answered_while_every_slow_read_is_busy",
    ],
    [
        "server/src/store/sqlite/mod.rs",
        "READ_QUEUE",
        "Reads that wait for a thread of the read pool. Past it: `RESOURCE_EXHAUSTED`; a stream that has begun waits.",
        "a_search_beyond_the_queue_is_refused",
    ],
    [
        "server/src/store/sqlite/mod.rs",
        "READ_LIMIT",
        "Time that a read of the pool may take. Past it: `RESOURCE_EXHAUSTED`.",
        "a_read_that_takes_too_long_is_ended",
    ],
    [
        "server/src/store/sqlite/mod.rs",
        "LOG_LIMIT",
        "Bytes of the write-ahead log. Past it, further reads of the pool wait until the running reads have ended and the log is reset.",
        "the_log_is_reset_although_searches_overlap",
    ],
    [
        "server/src/store/sqlite/mod.rs",
        "IMPORT_ROWS",
        "Rows of imports that wait for the writer. Past it a batch waits for its turn.",
        "an_add_waits_for_a_part_of_the_imports_only",
    ],
    [
        "server/src/store/sqlite/writer.rs",
        "MAX_CHANGED",
        "Changed users after which a transaction is committed, although more changes wait.",
        "an_add_waits_for_a_part_of_the_imports_only",
    ],
    [
        "server/src/store/sqlite/import.rs",
        "MAX_NAMES",
        "Imports that can be resumed. Past it, imports that have paused for more than an hour are forgotten; if there are none, an import with a new name gets `RESOURCE_EXHAUSTED`.",
        "import_names_are_bounded_and_the_oldest_go_first",
    ],
    [
        "server/src/directory/watch.rs",
        "WAKE_BATCH",
        "Watchers that are woken before a pause of a millisecond.",
        "ten_thousand_watchers_do_not_delay_an_add",
    ],
    [
        "server/src/store/sqlite/readers.rs",
        "MAX_IDLE",
        "Idle connections that are kept for reads on the worker threads.",
        "",
    ],
    [
        "server/src/store/sqlite/block_cache.rs",
        "CACHED_BYTES",
        "Bytes of encoded users that the connections cache until the database changes. Past it, blocks are read each time.",
        "caches_share_their_bytes",
    ],
    [
        "server/src/directory/watch.rs",
        "MAX_EVENTS",
        "Changes that a watcher can resume from. Past it: `READ_AGAIN`.",
        "a_watcher_that_missed_events_gets_a_resync_and_continues",
    ],
    [
        "cli/src/log.rs",
        "QUEUE",
        "Log lines that wait for standard error. Past it, lines are dropped, and counted in `log_lines_dropped_total`.",
        "an_unread_log_stops_neither_calls_nor_the_shutdown",
    ],
];

pub(super) fn count(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
}

pub(super) fn bytes(number: impl TryInto<u64>) -> String {
    let kibibytes = number.try_into().unwrap_or(u64::MAX) / 1024;
    format!("{} KiB", count(kibibytes))
}

pub(super) fn metres(number: f32) -> String {
    format!("{} m", count(number as u64))
}

pub(super) fn time(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{} ms", duration.as_millis()),
        seconds @ 1..86_400 => format!("{seconds} s"),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// Returns the value of a constant as its module declares it.
fn declared(module: &str, name: &str) -> String {
    let source = std::fs::read_to_string(project().join(module))
        .unwrap_or_else(|error| panic!("{module}: {error}"));
    let declarations: Vec<_> = source
        .lines()
        .filter_map(|line| line.split_once("const ")?.1.split_once(": "))
        .filter(|(declared, _)| *declared == name)
        .filter_map(|(_, rest)| rest.split_once(" = ")?.1.strip_suffix(';'))
        .collect();
    let [expression] = declarations[..] else {
        panic!("{module} declares {name} {} times", declarations.len());
    };
    evaluated(expression)
        .unwrap_or_else(|| panic!("{module}: {name} = {expression} is not understood"))
}

/// Returns the value of an expression; `None` if the form of the expression is not one that [`ELSEWHERE`] has.
fn evaluated(expression: &str) -> Option<String> {
    let number = |text: &str| text.trim().replace('_', "").parse::<u64>().ok();
    let seconds = expression.strip_prefix("Duration::from_secs(");
    if let Some(seconds) = seconds.and_then(|rest| rest.strip_suffix(')')) {
        return Some(time(Duration::from_secs(number(seconds)?)));
    }
    if let Some((least, most)) = expression.split_once("..=") {
        return Some(format!("{} to {}", number(least)?, number(most)?));
    }
    let factors: Option<Vec<_>> = expression.split('*').map(number).collect();
    let product = factors?.iter().product::<u64>();
    // Only numbers of bytes are written as products.
    Some(if expression.contains('*') {
        bytes(product)
    } else {
        count(product)
    })
}

const HEAD: &str = "# Limits

Every bound of the server, generated from `server/src/limits.rs` and the modules that the last table names. After a
change, regenerate this file:

UPDATE=1 cargo test -p soundstage-server limits

A test covers the value and one past it. The library h2 enforces the announced windows.
";

/// Returns the document.
fn render(rows: &[Row]) -> String {
    let mut document = String::from(HEAD);
    let mut section = "";
    for row in rows {
        if row.section != section {
            section = row.section;
            let _ = write!(
                document,
                "\n## {section}\n\n| limit | value | set by | meaning | test |\n| --- | --- | --- | --- | --- |\n"
            );
        }
        let Row {
            name,
            value,
            setting,
            meaning,
            test,
            ..
        } = row;
        let _ = writeln!(
            document,
            "| `{name}` | {value} | {setting} |{meaning} | {test} |"
        );
    }
    document.push_str("\n## Declared by their own modules\n\n| limit | value | module | meaning | test |\n| --- | --- | --- | --- | --- |\n");
    for [module, name, meaning, test] in ELSEWHERE {
        let test = if test.is_empty() {
            "none yet".into()
        } else {
            format!("`{test}`")
        };
        let value = declared(module, name);
        let _ = writeln!(
            document,
            "| `{name}` | {value} | `{module}` | {meaning} | {test} |"
        );
    }
    document
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns the text of all Rust files in a folder and below.
fn sources(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .map(|path| match path.extension() {
            _ if path.is_dir() => sources(&path),
            Some(extension) if extension == "rs" => std::fs::read_to_string(path).expect("text"),
            _ => String::new(),
        })
        .collect()
}

#[test]
fn the_document_has_the_limits_of_the_code() {
    let document = project().join("docs/limits.md");
    let text = render(&super::rows());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&document, &text).expect("written");
    }
    assert_eq!(
        std::fs::read_to_string(document).unwrap_or_default(),
        text,
        "docs/limits.md is out of date; regenerate it: UPDATE=1 cargo test -p soundstage-server limits"
    );
}

#[test]
fn values_are_read_from_declarations() {
    let expected = [
        ("1000", "1,000"),
        ("10_000", "10,000"),
        ("64 * 1024 * 1024", "65,536 KiB"),
        ("Duration::from_secs(10)", "10 s"),
        ("2..=8", "2 to 8"),
    ];
    for (expression, value) in expected {
        assert_eq!(evaluated(expression).as_deref(), Some(value));
    }
    for expression in ["MAX_SEARCH", "1 + 2", "Duration::from_millis(10)"] {
        assert_eq!(evaluated(expression), None, "{expression}");
    }
}

#[test]
fn every_named_test_exists() {
    let sources = [
        "server/src",
        "tests/directory",
        "tests/wire",
        "tests/process",
    ]
    .map(|folder| sources(&project().join(folder)))
    .concat();
    let rows = super::rows();
    let elsewhere = ELSEWHERE.iter().map(|[.., test]| *test);
    let tests = rows
        .iter()
        .filter_map(|row| row.test.strip_prefix('`'))
        .chain(elsewhere);
    for test in tests
        .map(|test| test.trim_matches('`'))
        .filter(|test| !test.is_empty())
    {
        assert!(
            sources.contains(&format!("fn {test}(")) || sources.contains(&format!("fn {test}<")),
            "there is no test {test}"
        );
    }
}

//! The limit of open files, which connections need.

/// The files that the server opens besides connections and WebSockets: the database, its readers, the log.
const RESERVE: u64 = 128;

/// Raises the limit of open files as far as the operating system permits, and logs a warning if it is too low for this
/// number of connections and WebSockets.
#[cfg(unix)]
pub(crate) fn raise_limit(sockets: u64) {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let needed = sockets.saturating_add(RESERVE);
    let mut limit = getrlimit(Resource::Nofile);
    // `None` stands for no limit.
    let permits = |limit: Option<u64>| limit.is_none_or(|limit| limit >= needed);
    if permits(limit.current) {
        return;
    }
    limit.current = if permits(limit.maximum) {
        Some(needed)
    } else {
        limit.maximum
    };
    let _ = setrlimit(Resource::Nofile, limit);
    let current = getrlimit(Resource::Nofile).current;
    if !permits(current) {
        tracing::warn!(
            limit = current,
            needed,
            "the limit of open files is too low for --max-connections and --max-websockets; raise it with `ulimit -n` or lower these"
        );
    }
}

/// Does nothing: this system has no such limit.
#[cfg(not(unix))]
pub(crate) fn raise_limit(_: u64) {}

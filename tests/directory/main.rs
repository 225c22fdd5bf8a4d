//! Stores of the directory, called through its boundary: the conformance suite, once for each store, and the tests of
//! a single store.

#[macro_use]
mod conformance;

mod blocks;
mod changes;
mod events;
mod faults;
mod imports;
mod pages;
mod samples;
mod seeds;
mod slow_reads;
mod sqlite;
mod watchers;

conformance!(sqlite_conforms, crate::sqlite::Sqlite);

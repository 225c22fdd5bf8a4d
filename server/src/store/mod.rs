//! The databases that can hold the [directory](crate::directory). Each module implements
//! [`directory::Store`](crate::directory::Store) and alone knows its database's client library.

pub mod sqlite;

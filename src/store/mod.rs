//! The read side: rows back out of a store.

pub mod sqlite;

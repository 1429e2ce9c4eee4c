//! JSON log lines: a declared mapping names the members that mean something; the others are skipped without being built.

mod line;
mod mapping;
mod members;

pub(super) use line::decode;
pub use mapping::Mapping;

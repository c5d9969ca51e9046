//! What a person reads of a run: figures and tables.

pub mod figures;
pub mod table;

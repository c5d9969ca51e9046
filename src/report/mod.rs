//! What a person reads of a run: figures and tables.

pub mod cluster_table;
pub mod figures;
pub mod quality_table;
pub mod table;

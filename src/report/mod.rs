//! Figures, tables and pages of a run, and files for other programs.

pub mod class_table;
pub mod cluster_table;
pub mod compare_table;
pub mod csv_file;
pub mod data_map;
pub mod drawing;
pub mod epoch_report;
pub mod figures;
pub mod gains_figure;
pub mod insights_table;
pub mod look_at;
pub mod model_table;
pub mod page;
pub mod parquet;
pub mod pictures;
pub mod profile_figures;
pub mod profile_table;
pub mod projector;
pub mod quality_table;
pub mod strangers_table;
pub mod table;

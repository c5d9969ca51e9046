//! Flags of the search for neighbours.

use clap::Args;
use layerlens::neighbors::{Metric, Search, SearchMethod};

/// Options of the neighbour search.
#[derive(Clone, Debug, Args)]
pub struct SearchArgs {
    /// Distance between points
    #[arg(long, value_enum, default_value = "euclidean", help_heading = "Neighbours")]
    metric: Metric,
    /// exact, or approximate: faster, on the CPU, with its recall measured on 1,000 rows and
    /// printed
    #[arg(long, value_enum, default_value = "exact", help_heading = "Neighbours")]
    neighbors_search: SearchMethod,
}

impl SearchArgs {
    /// The search that is meant.
    pub fn search(&self) -> Search {
        Search { metric: self.metric, method: self.neighbors_search, ..Search::default() }
    }
}

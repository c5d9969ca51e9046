//! k-NN classification: the majority class of the nearest training points, equal votes, ties to the
//! smaller class, as in scikit-learn's `KNeighborsClassifier`. O(n k) beside the search for the
//! neighbours.

use super::{COMPARED_NEIGHBORS, MapId};
use crate::error::{Error, Result};
use crate::neighbors::NeighborGraph;
use serde::{Deserialize, Serialize};

/// On which points a classifier was scored; it is always fitted on the training points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoredOn {
    /// The test points.
    Test,
    /// The training points themselves, each without its own vote.
    TrainLeaveOneOut,
}

impl ScoredOn {
    /// What the points are: `test points` or `training points`.
    pub const fn points(self) -> &'static str {
        match self {
            Self::Test => "test points",
            Self::TrainLeaveOneOut => "training points",
        }
    }
}

/// Accuracy for one number of neighbours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnnScore {
    /// Neighbours that vote.
    pub n_neighbors: usize,
    /// Share of the scored points whose class was found, 0 to 1.
    pub accuracy: f64,
    /// The same for each class alone; none for a class without points.
    pub per_class: Vec<Option<f64>>,
}

/// Scores of one space, or of one map of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// The space: `raw`, `layer_1`, ...
    pub space: String,
    /// The method that made the map, or none for the space itself.
    pub method: Option<String>,
    /// Dimensions of the points that were compared.
    pub n_dimensions: usize,
    /// Training points that voted.
    pub n_fitted: usize,
    /// Points that were classified.
    pub n_scored: usize,
    /// The part of the data that they belong to.
    pub scored_on: ScoredOn,
    /// One entry a number of neighbours.
    pub knn: Vec<KnnScore>,
}

/// Classes of the points that are classified.
#[derive(Clone, Copy, Debug)]
pub struct Scored<'a> {
    /// One class a point.
    pub labels: &'a [u16],
    /// The part of the data that they belong to.
    pub on: ScoredOn,
}

impl Scores {
    /// Scores of a space or map by the neighbours in it: those of the classified points among the
    /// fitted ones, whose classes are `fitted`.
    ///
    /// # Errors
    /// Those of [`knn_accuracy`].
    pub fn of(
        id: &MapId,
        graph: &NeighborGraph,
        fitted: &[u16],
        scored: Scored<'_>,
        n_neighbors: &[usize],
    ) -> Result<Self> {
        Ok(Self {
            space: id.space.clone(),
            method: id.method.clone(),
            n_dimensions: id.n_components,
            n_fitted: fitted.len(),
            n_scored: scored.labels.len(),
            scored_on: scored.on,
            knn: knn_accuracy(graph, fitted, scored.labels, n_neighbors)?,
        })
    }

    /// Accuracy of [`COMPARED_NEIGHBORS`] neighbours, if it was measured.
    pub fn compared(&self) -> Option<&KnnScore> {
        self.knn.iter().find(|score| score.n_neighbors == COMPARED_NEIGHBORS)
    }

    /// Identity of the space or map.
    pub fn id(&self) -> MapId {
        MapId::new(&self.space, self.method.as_deref(), self.n_dimensions)
    }
}

/// Majority class among the first `n_neighbors` of each row of `graph`.
///
/// # Panics
/// If the graph has fewer neighbours, or points to a row without a label.
pub fn predict(graph: &NeighborGraph, labels: &[u16], n_neighbors: usize) -> Vec<u16> {
    let mut votes: Vec<u16> = Vec::with_capacity(n_neighbors);
    (0..graph.n_samples())
        .map(|i| {
            let nearest = &graph.neighbors(i)[..n_neighbors];
            votes.clear();
            votes.extend(nearest.iter().map(|&neighbor| labels[neighbor as usize]));
            votes.sort_unstable();
            // The first of the longest runs: among classes with as many votes the lowest.
            let runs = votes.chunk_by(|a, b| a == b);
            runs.rev().max_by_key(|run| run.len()).map_or(0, |run| run[0])
        })
        .collect()
}

/// Scores the rows of `graph`, whose classes are `scored`, by the classes `fitted` of the points
/// that the graph refers to.
///
/// # Errors
/// [`Error::Data`] if the counts do not fit, if the graph has fewer neighbours than asked for, or
/// if there is one class only.
pub fn knn_accuracy(
    graph: &NeighborGraph,
    fitted: &[u16],
    scored: &[u16],
    n_neighbors: &[usize],
) -> Result<Vec<KnnScore>> {
    if graph.n_samples() != scored.len()
        || graph.indices().iter().any(|&at| at as usize >= fitted.len())
    {
        let (rows, labels) = (graph.n_samples(), scored.len());
        return Err(Error::Data(format!(
            "{labels} labels for {rows} scored points and {} fitted ones",
            fitted.len()
        )));
    }
    if fitted.windows(2).all(|pair| pair[0] == pair[1]) {
        return Err(Error::Data(
            "k-NN accuracy needs at least two classes among the training labels; there is one"
                .into(),
        ));
    }
    let n_classes = fitted.iter().chain(scored).max().map_or(0, |&most| usize::from(most) + 1);
    n_neighbors
        .iter()
        .map(|&k| {
            if k == 0 || k > graph.n_neighbors() {
                return Err(Error::Data(format!(
                    "{k} neighbours cannot vote; {} of each point are known",
                    graph.n_neighbors()
                )));
            }
            let (mut right, mut all) = (vec![0_usize; n_classes], vec![0_usize; n_classes]);
            for (&truth, guess) in scored.iter().zip(predict(graph, fitted, k)) {
                all[usize::from(truth)] += 1;
                right[usize::from(truth)] += usize::from(truth == guess);
            }
            let per_class = right
                .iter()
                .zip(&all)
                .map(|(&right, &all)| (all > 0).then(|| right as f64 / all as f64))
                .collect();
            let accuracy = right.iter().sum::<usize>() as f64 / scored.len().max(1) as f64;
            Ok(KnnScore { n_neighbors: k, accuracy, per_class })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(rows: &[[u32; 3]]) -> NeighborGraph {
        NeighborGraph::new(rows.concat(), vec![0.0; 3 * rows.len()], 3).unwrap()
    }

    #[test]
    fn the_majority_wins_and_ties_go_to_the_smaller_class() {
        let labels = [2, 2, 1, 0];
        assert_eq!(predict(&graph(&[[0, 1, 2], [0, 2, 3], [3, 2, 0]]), &labels, 3), [2, 0, 0]);
        assert_eq!(predict(&graph(&[[0, 2, 3]]), &labels, 2), [1]);
        assert_eq!(predict(&graph(&[[0, 2, 3]]), &labels, 1), [2]);
    }

    #[test]
    fn accuracy_is_counted_in_all_and_per_class() {
        let scores = knn_accuracy(
            &graph(&[[0, 1, 2], [2, 3, 0], [3, 2, 1]]),
            &[0, 0, 2, 2],
            &[0, 0, 2],
            &[1, 3],
        )
        .unwrap();
        assert_eq!((scores[0].accuracy, scores[1].n_neighbors), (2.0 / 3.0, 3));
        assert_eq!(scores[0].per_class, [Some(0.5), None, Some(1.0)]);
    }

    #[test]
    fn one_class_or_too_few_neighbours_are_refused() {
        let one = knn_accuracy(&graph(&[[0, 1, 2]]), &[4, 4, 4], &[4], &[1]).unwrap_err();
        assert!(one.to_string().contains("at least two classes"), "{one}");
        let few = knn_accuracy(&graph(&[[0, 1, 2]]), &[4, 4, 1], &[4], &[5]).unwrap_err();
        assert!(few.to_string().contains("5 neighbours"), "{few}");
    }
}

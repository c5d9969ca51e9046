//! Number of iterations of t-SNE and their parameters: fewer from a finished embedding than from
//! its own initialisation.

use super::Tsne;
use super::optimiser::Step;

/// A fit from a finished embedding runs one part in the first number of `max_iter`, and one part in
/// the second number of these iterations has exaggeration.
const WARM_SHARES: [usize; 2] = [5, 3];
/// Factor of the attraction in these iterations: enough to let points pass each other, too little
/// to undo the embedding. Measured on the activations of Fashion-MNIST's 10,000 test points from
/// epoch to epoch: 150 iterations, 50 of them with this factor, move points a quarter as far as
/// separate fits and lose 0.002 of their trustworthiness; 250 without it lose more and move points
/// farther.
const WARM_EXAGGERATION: f32 = 3.0;

/// Early exaggeration takes at most one in this many iterations, as by default: without the others
/// to unfold in, an embedding may stay the point or line that it contracted to.
const EARLY_ONE_IN: usize = 3;

/// Iterations of the optimiser.
#[derive(Clone, Copy)]
pub(super) struct Schedule {
    /// Total number of iterations.
    pub(super) all: usize,
    /// Number of iterations with early exaggeration, which come first, and its factor.
    pub(super) early: usize,
    exaggeration: f32,
}

impl Tsne {
    /// Schedule of a fit from the method's own initialisation, or from a finished embedding.
    pub(super) fn schedule(&self, is_warm: bool) -> Schedule {
        let early = self.early_exaggeration_iter.min(self.max_iter / EARLY_ONE_IN);
        let whole = Schedule { all: self.max_iter, early, exaggeration: self.early_exaggeration };
        if !is_warm {
            return whole;
        }
        let all = self.max_iter.div_ceil(WARM_SHARES[0]);
        let exaggeration = self.early_exaggeration.min(WARM_EXAGGERATION).max(self.exaggeration);
        Schedule {
            all,
            early: self.early_exaggeration_iter.min(all / WARM_SHARES[1]),
            exaggeration,
        }
    }

    /// Warning if there are fewer iterations of early exaggeration than requested.
    pub(super) fn shortened(&self, schedule: Schedule) -> Option<String> {
        let asked = self.early_exaggeration_iter;
        let is_shorter = asked != Self::default().early_exaggeration_iter
            && schedule.all == self.max_iter
            && schedule.early < asked;
        is_shorter.then(|| {
            format!(
                "t-SNE's early exaggeration ended after {} iterations, not {asked}: it takes at \
                 most a third of all, which are {}",
                schedule.early, schedule.all
            )
        })
    }

    pub(super) fn step_at(&self, iteration: usize, schedule: Schedule, n: usize) -> Step {
        let early = iteration < schedule.early;
        let exaggeration = if early { schedule.exaggeration } else { self.exaggeration };
        Step {
            exaggeration,
            learning_rate: self.learning_rate.value_or(n as f32 / exaggeration),
            momentum: if early { self.initial_momentum } else { self.final_momentum },
            max_step_norm: self.max_step_norm,
        }
    }
}

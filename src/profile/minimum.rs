//! Minimum of a smooth convex function: L-BFGS (J. Nocedal, "Updating quasi-Newton matrices with
//! limited storage", 1980) with a matrix that bounds the curvature as the first guess of its
//! inverse, which saves most of the steps on data whose columns are correlated.

use crate::error::Result;
use crate::progress::Observer;

/// Pairs of steps and changes of the gradient that are kept.
const MEMORY: usize = 20;
/// Share of the expected decrease that a step must bring (Armijo).
const DECREASE: f64 = 1e-4;
/// Relative error of a value that was summed from products in single precision.
const ROUNDING: f64 = 1e-9;
/// Maximum number of halvings of one step.
const HALVINGS: usize = 30;

/// A function to minimise, and what bounds its curvature.
pub(super) trait Objective {
    /// Value and gradient at a point.
    fn at(&self, point: &[f64]) -> Result<(f64, Vec<f64>)>;

    /// M^-1 v for a matrix M that is about as curved as the function.
    fn preconditioned(&self, v: &[f64]) -> Vec<f64>;
}

/// The point that was found.
#[derive(Clone, Debug)]
pub(super) struct Minimum {
    pub(super) point: Vec<f64>,
    pub(super) value: f64,
    pub(super) n_iter: usize,
    /// `true` if no entry of the gradient is above the tolerance.
    pub(super) is_converged: bool,
}

/// A step, and the change of the gradient along it.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    curvature: f64,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], factor: f64, of: &[f64]) {
    to.iter_mut().zip(of).for_each(|(to, of)| *to += factor * of);
}

/// Minimises from `start` until no entry of the gradient is above `tol`, or for `max_iter` steps.
///
/// # Errors
/// Those of the function; [`Error::Interrupted`](crate::Error::Interrupted).
pub(super) fn minimize(
    objective: &dyn Objective,
    start: Vec<f64>,
    tol: f64,
    max_iter: usize,
    observer: &dyn Observer,
) -> Result<Minimum> {
    let mut point = start;
    let (mut value, mut gradient) = objective.at(&point)?;
    let mut pairs: Vec<Pair> = Vec::new();
    let is_flat = |gradient: &[f64]| gradient.iter().all(|entry| entry.abs() <= tol);
    let mut n_iter = 0;
    while n_iter < max_iter && !is_flat(&gradient) {
        observer.step(n_iter as u64, max_iter as u64, &[("loss", value)])?;
        let direction = direction(objective, &pairs, &gradient);
        let slope = dot(&direction, &gradient);
        let Some((next, next_value, next_gradient)) =
            step(objective, &point, value, &direction, slope)?
        else {
            break;
        };
        n_iter += 1;
        let difference =
            |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
        let (step, change) = (difference(&next, &point), difference(&next_gradient, &gradient));
        let curvature = dot(&step, &change);
        if curvature > 1e-12 * dot(&change, &change).sqrt() * dot(&step, &step).sqrt() {
            if pairs.len() == MEMORY {
                pairs.remove(0);
            }
            pairs.push(Pair { step, change, curvature });
        }
        (point, value, gradient) = (next, next_value, next_gradient);
    }
    let is_converged = is_flat(&gradient);
    Ok(Minimum { point, value, n_iter, is_converged })
}

/// The negative gradient times the inverse curvature that the last steps tell of: the two-loop
/// recursion.
fn direction(objective: &dyn Objective, pairs: &[Pair], gradient: &[f64]) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|entry| -entry).collect();
    let mut factors = Vec::with_capacity(pairs.len());
    for pair in pairs.iter().rev() {
        let factor = dot(&pair.step, &direction) / pair.curvature;
        add(&mut direction, -factor, &pair.change);
        factors.push(factor);
    }
    let mut direction = objective.preconditioned(&direction);
    if let Some(last) = pairs.last() {
        let length = dot(&last.change, &objective.preconditioned(&last.change));
        let scale = last.curvature / length;
        direction.iter_mut().for_each(|entry| *entry *= scale);
    }
    for (pair, factor) in pairs.iter().zip(factors.into_iter().rev()) {
        let other = dot(&pair.change, &direction) / pair.curvature;
        add(&mut direction, factor - other, &pair.step);
    }
    direction
}

/// The next point with its value and gradient: the whole step, or the first half of it that
/// decreases the function enough; none if none does.
#[allow(clippy::type_complexity, reason = "a point, its value and its gradient")]
fn step(
    objective: &dyn Objective,
    point: &[f64],
    value: f64,
    direction: &[f64],
    slope: f64,
) -> Result<Option<(Vec<f64>, f64, Vec<f64>)>> {
    if slope >= 0.0 {
        return Ok(None);
    }
    let mut length = 1.0;
    for _ in 0..HALVINGS {
        let mut next = point.to_vec();
        add(&mut next, length, direction);
        let (next_value, next_gradient) = objective.at(&next)?;
        if next_value <= value + DECREASE * length * slope + ROUNDING * value.abs() {
            return Ok(Some((next, next_value, next_gradient)));
        }
        length *= 0.5;
    }
    Ok(None)
}

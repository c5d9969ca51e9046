//! Curve 1 / (1 + a d^(2b)) for the membership strength at distance d in the embedding.

/// Number of points of the curve that are fitted.
const POINTS: usize = 300;
/// Maximum number of steps of the fit; some ten suffice.
const STEPS: usize = 500;

/// a and b for which 1 / (1 + a d^(2b)) fits best, by least squares at 300 distances from 0 to 3
/// `spread`, the curve that is 1 below `min_dist` and exp(-(d - min_dist) / spread) above (L.
/// McInnes, J. Healy and J. Melville, "UMAP", 2018, section 3.2).
pub fn find_ab_params(spread: f32, min_dist: f32) -> (f32, f32) {
    let (spread, min_dist) = (f64::from(spread), f64::from(min_dist));
    let wanted: Vec<(f64, f64)> = (1..POINTS)
        .map(|point| {
            let d = 3.0 * spread * point as f64 / (POINTS - 1) as f64;
            (d.ln(), if d < min_dist { 1.0 } else { (-(d - min_dist) / spread).exp() })
        })
        .collect();
    // The Levenberg-Marquardt method in ln a and ln b, which keeps both above 0. At half the height
    // of the curve a d^(2b) = 1: a start that suits any unit of distance.
    let half = min_dist + spread * std::f64::consts::LN_2;
    let mut at = [-2.0 * half.ln(), 0.0];
    let mut error = residual(&wanted, at);
    let mut damping = 1e-3;
    for _ in 0..STEPS {
        let ([[aa, ab], [_, bb]], [ga, gb]) = normal_equations(&wanted, at);
        let (aa, bb) = (aa * (1.0 + damping), bb * (1.0 + damping));
        let determinant = aa * bb - ab * ab;
        if determinant <= 0.0 {
            break;
        }
        let step = [(bb * ga - ab * gb) / determinant, (aa * gb - ab * ga) / determinant];
        let moved = [at[0] + step[0], at[1] + step[1]];
        let moved_error = residual(&wanted, moved);
        if moved_error <= error {
            (at, error, damping) = (moved, moved_error, damping * 0.3);
            if step[0].abs() + step[1].abs() < 1e-12 {
                break;
            }
        } else if damping > 1e12 {
            break;
        } else {
            damping *= 4.0;
        }
    }
    (at[0].exp() as f32, at[1].exp() as f32)
}

/// Value of the curve at ln d.
fn curve(log_d: f64, [log_a, log_b]: [f64; 2]) -> f64 {
    1.0 / (1.0 + (log_a + 2.0 * log_b.exp() * log_d).exp())
}

fn residual(wanted: &[(f64, f64)], at: [f64; 2]) -> f64 {
    wanted.iter().map(|&(log_d, value)| (value - curve(log_d, at)).powi(2)).sum()
}

/// J^T J and J^T r of the least squares, with J the derivatives by ln a and ln b.
fn normal_equations(wanted: &[(f64, f64)], at: [f64; 2]) -> ([[f64; 2]; 2], [f64; 2]) {
    let mut square = [[0.0; 2]; 2];
    let mut gradient = [0.0; 2];
    for &(log_d, value) in wanted {
        let near = curve(log_d, at);
        let by_log_a = -near * (1.0 - near);
        let slopes = [by_log_a, by_log_a * 2.0 * at[1].exp() * log_d];
        for row in 0..2 {
            gradient[row] += slopes[row] * (value - near);
            for column in 0..2 {
                square[row][column] += slopes[row] * slopes[column];
            }
        }
    }
    (square, gradient)
}

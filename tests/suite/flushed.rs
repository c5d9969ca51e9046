//! The CPU twins with denormal numbers flushed to zero, as most graphics cards compute: what is
//! decided must be decided as in double precision, whatever the size of the points. A software
//! adapter keeps denormals, so parity alone would not show it.

use crate::support::{announce, brute_force, normal, squared_distance, uniform};
use layerlens::compute::{Buffer, Device};
use layerlens::embedding::tsne::affinity::Affinities;
use layerlens::embedding::{Trimap, Tsne, Umap};
use layerlens::matrix::Matrix;
use layerlens::neighbors::differences::{Block, difference_distances};
use layerlens::neighbors::pairwise::{Centred, DistanceTile, relative_error, squared_distances};
use layerlens::neighbors::{Metric, NeighborGraph, Search};
use layerlens::progress::Silent;
use std::hint::black_box;

/// Sizes of points: their squares vanish or overflow in 32-bit floats, are denormal, or are at home
/// there.
const SIZES: [f64; 6] = [1e-30, 1e-18, 1e-12, 1.0, 1e12, 1e30];

/// Makes this thread read and write denormal numbers as 0. Only the threads of a pool that ends
/// with the test do so; what the compiler computed beforehand is not affected, which the data here
/// are not.
#[cfg(target_arch = "x86_64")]
fn flush_denormals() {
    const FLUSH_TO_ZERO: u32 = 1 << 15;
    const DENORMALS_ARE_ZERO: u32 = 1 << 6;
    let mut control = 0_u32;
    // SAFETY: both address a live 32-bit word, and rounding and exceptions stay as they are.
    unsafe {
        std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut control);
        control |= FLUSH_TO_ZERO | DENORMALS_ARE_ZERO;
        std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const control);
    }
}

/// The same: one bit does both.
#[cfg(target_arch = "aarch64")]
fn flush_denormals() {
    // SAFETY: rounding and exceptions stay as they are.
    unsafe {
        let mut control: u64;
        std::arch::asm!("mrs {}, fpcr", out(reg) control);
        control |= 1 << 24;
        std::arch::asm!("msr fpcr, {}", in(reg) control);
    }
}

/// Runs `work` on threads that flush, or says that this processor has no such mode and runs
/// nothing.
fn flushed(work: impl FnOnce() + Send) {
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let flush_denormals = || announce("denormals are kept: this processor's mode is not known");
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .start_handler(move |_| flush_denormals())
        .build();
    let pool = pool.expect("threads");
    let half = || black_box(f32::MIN_POSITIVE) * black_box(0.5);
    if pool.broadcast(|_| half()).iter().all(|&half| half == 0.0) {
        pool.install(work);
    } else {
        announce("SKIPPED, denormals are kept: a test with denormals flushed");
    }
}

#[test]
fn the_mode_flushes_results_and_operands_and_only_there() {
    let denormal = || black_box(f32::from_bits(1 << 20));
    flushed(|| {
        rayon::broadcast(|_| {
            assert_eq!(black_box(f32::MIN_POSITIVE) * black_box(0.25), 0.0, "a result");
            assert_eq!(denormal() * black_box(1e30_f32), 0.0, "an operand");
            assert!(denormal() <= black_box(0.0), "a comparison");
        });
    });
    assert!(denormal() * black_box(1e30_f32) > 0.0, "denormals are kept outside");
    // In the twins' own loops too.
    let device = Device::cpu();
    let square = || {
        let row = |value| Buffer::from_slice(&device, "row", &[value; 40]).expect("a buffer");
        let mut distance = Buffer::new(&device, "distance", 1).expect("a buffer");
        let block = Block { query_first: 0, n_queries: 1, n_references: 1, n_features: 40 };
        difference_distances(&device, &row(1e-21), &row(0.0), &mut distance, block)
            .expect("a distance");
        distance.read(&device).expect("a distance")[0]
    };
    assert!(square() > 0.0);
    flushed(|| assert_eq!(square(), 0.0, "the square of 1e-21"));
}

fn times(x: &Matrix, size: f64) -> Matrix {
    let data = x.as_slice().iter().map(|&value| (f64::from(value) * size) as f32).collect();
    Matrix::new(data, x.n_samples(), x.n_features()).expect("finite")
}

/// Panics with all complaints, not the first alone.
fn assert_none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Complaints about every `step`th row of a graph: its neighbours must be those of double
/// precision, in that order but for distances that 32-bit floats cannot tell apart.
fn wrong_neighbors(
    graph: &NeighborGraph,
    expected: impl Fn(usize) -> Vec<(f64, u32)>,
    step: usize,
    what: &str,
) -> Option<String> {
    let k = graph.n_neighbors();
    let right = |row: usize| {
        let expected = expected(row);
        let distance = |id: u32| {
            expected
                .iter()
                .find(|(_, other)| *other == id)
                .map_or(f64::NAN, |(distance, _)| *distance)
        };
        let pairs = graph.neighbors(row).iter().zip(&expected);
        // Some 20 roundings of a sum and a root.
        pairs.into_iter().all(|(&id, (least, _))| (distance(id) - least).abs() <= 2e-6 * least)
    };
    let rows: Vec<usize> = (0..graph.n_samples()).step_by(step).collect();
    let wrong: Vec<usize> = rows.iter().copied().filter(|&row| !right(row)).collect();
    let first = *wrong.first()?;
    let expected: Vec<u32> = expected(first).into_iter().take(k).map(|(_, id)| id).collect();
    let found = graph.neighbors(first);
    Some(format!(
        "{what}: {} of {} rows, row {first} has {found:?}, not {expected:?}",
        wrong.len(),
        rows.len()
    ))
}

fn nearest(x: &Matrix, k: usize, metric: Metric) -> NeighborGraph {
    let search = Search { metric, ..Search::default() };
    search.nearest_neighbors(&Device::cpu(), x, k, &Silent).expect("neighbours")
}

fn nearest_in_double_precision(x: &Matrix, row: usize) -> Vec<(f64, u32)> {
    brute_force(x.row(row), x, Some(row))
}

#[test]
fn neighbours_at_any_size_are_those_of_double_precision() {
    flushed(|| {
        // By products of blocks, and by the bounds that many points are worth.
        for (n, d, step, sizes) in
            [(300, 5, 1, &SIZES[..]), (300, 40, 1, &SIZES[..]), (6000, 6, 301, &SIZES[..2])]
        {
            let x = Matrix::new(normal(300, n * d), n, d).expect("finite");
            let complaints = sizes.iter().filter_map(|&size| {
                let scaled = times(&x, size);
                let graph = nearest(&scaled, 10, Metric::Euclidean);
                wrong_neighbors(
                    &graph,
                    |row| nearest_in_double_precision(&scaled, row),
                    step,
                    &format!("{n} x {d} at {size:e}"),
                )
            });
            assert_none(complaints.collect());
        }
    });
}

/// Complaints about points of which some form a group of that size, the others being of ordinary
/// size: no power of two brings the squares of both near 1.
fn wrong_beside_a_group(sizes: &[f64]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (few, d) in [(100, 2), (100, 20), (20, 2), (20, 20)] {
        for size in sizes {
            let group =
                normal(301, few * d).into_iter().map(|value| (f64::from(value) * size) as f32);
            let x = Matrix::new(group.chain(normal(302, (300 - few) * d)).collect(), 300, d)
                .expect("finite");
            let graph = nearest(&x, 10, Metric::Euclidean);
            let what = format!("{few} of 300 x {d} at {size:e}");
            complaints.extend(wrong_neighbors(
                &graph,
                |row| nearest_in_double_precision(&x, row),
                1,
                &what,
            ));
        }
    }
    complaints
}

#[test]
fn neighbours_within_a_small_group_are_those_of_double_precision() {
    flushed(|| assert_none(wrong_beside_a_group(&[1e-9, 1e-12, 1e-15, 1e-18])));
}

/// Squares of the distances within the group are no normal numbers beside the others.
#[test]
fn neighbours_within_a_tiny_group_are_those_of_double_precision() {
    flushed(|| assert_none(wrong_beside_a_group(&[1e-21, 1e-24])));
}

#[test]
fn neighbours_by_angle_at_any_size_are_those_of_double_precision() {
    flushed(|| {
        let x = Matrix::new(normal(303, 300 * 5), 300, 5).expect("finite");
        let cosine = |a: &[f32], b: &[f32]| {
            let dot: f64 = a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
            let length = |a: &[f32]| squared_distance(a, &vec![0.0; a.len()]).sqrt();
            dot / length(a) / length(b)
        };
        let complaints = SIZES.iter().filter_map(|&size| {
            let scaled = times(&x, size);
            let expected = |row: usize| {
                let others = (0..300).filter(|&id| id as usize != row);
                let mut found: Vec<(f64, u32)> = others
                    .map(|id| (1.0 - cosine(scaled.row(row), scaled.row(id as usize)), id))
                    .collect();
                found.sort_by(|a, b| a.0.total_cmp(&b.0));
                found
            };
            wrong_neighbors(
                &nearest(&scaled, 10, Metric::Cosine),
                expected,
                1,
                &format!("{size:e}"),
            )
        });
        assert_none(complaints.collect());
    });
}

/// At the ends of the range that the searches bring points into: lengths of 2^-40 and 2^55.
#[test]
fn distances_and_norms_keep_their_error_bounds() {
    flushed(|| {
        let (n, d) = (65, 784);
        let device = Device::cpu();
        for exponent in [-40, -20, 0, 55] {
            // Rows of unit length in the mean.
            let size = f64::from(exponent).exp2() / (d as f64 / 3.0).sqrt();
            let x =
                times(&Matrix::new(uniform(304, n * d, -1.0, 1.0), n, d).expect("finite"), size);
            let rows = Buffer::from_slice(&device, "rows", x.as_slice()).expect("a buffer");
            let mean = Buffer::zeros(&device, "mean", d).expect("a buffer");
            let centred = Centred::new(&device, &rows, &mean, 0, n).expect("norms");
            let block = Block { query_first: 0, n_queries: n, n_references: n, n_features: d };
            let mut products = DistanceTile::new(&device, n, n, false).expect("a buffer");
            squared_distances(&device, &centred, &centred, &mut products, (0, n), (0, n))
                .expect("distances");
            let mut differences = Buffer::new(&device, "differences", n * n).expect("a buffer");
            difference_distances(&device, &rows, &rows, &mut differences, block)
                .expect("distances");
            let norms = centred.norms().read(&device).expect("norms");
            let products = products.distances().read(&device).expect("distances");
            let stride = DistanceTile::stride(n);
            let differences = differences.read(&device).expect("distances");
            let bound = f64::from(relative_error(d));
            let length: Vec<f64> =
                x.rows().map(|row| squared_distance(row, &vec![0.0; d]).sqrt()).collect();
            for (i, &norm) in norms[..n].iter().enumerate() {
                let what = format!("row {i} at 2^{exponent}");
                assert!(
                    (f64::from(norm) - length[i].powi(2)).abs() <= bound * length[i].powi(2),
                    "{what}: {norm:e}"
                );
                for j in 0..n {
                    let expected = squared_distance(x.row(i), x.row(j));
                    let apart = (f64::from(differences[i * n + j]) - expected).abs();
                    assert!(
                        apart <= bound * expected,
                        "{what} and {j}: {apart:e} off {expected:e}"
                    );
                    let apart = (f64::from(products[i * stride + j]) - expected).abs();
                    assert!(
                        apart <= bound * (length[i] + length[j]).powi(2),
                        "{what} and {j}: {apart:e} off {expected:e}"
                    );
                }
            }
        }
    });
}

/// n p_ij by bisection in double precision on the neighbours of double precision.
fn affinities_in_double_precision(
    graph: &NeighborGraph,
    x: &Matrix,
    perplexity: f64,
) -> Vec<Vec<f64>> {
    let n = graph.n_samples();
    let mut joint = vec![vec![0.0; n]; n];
    #[expect(clippy::needless_range_loop, reason = "both p_ij and p_ji are written")]
    for i in 0..n {
        let squares: Vec<f64> = graph
            .neighbors(i)
            .iter()
            .map(|&j| squared_distance(x.row(i), x.row(j as usize)))
            .collect();
        let mean = squares.iter().sum::<f64>() / squares.len() as f64;
        let shares = |beta: f64| {
            let weights: Vec<f64> =
                squares.iter().map(|square| (-beta * (square - squares[0]) / mean).exp()).collect();
            let total: f64 = weights.iter().sum();
            weights.into_iter().map(|weight| weight / total).collect::<Vec<f64>>()
        };
        let entropy =
            |beta: f64| -shares(beta).iter().filter(|&&p| p > 0.0).map(|p| p * p.ln()).sum::<f64>();
        let (mut low, mut high) = (0.0, 1e6);
        for _ in 0..100 {
            let middle = (low + high) / 2.0;
            if entropy(middle) > perplexity.ln() { low = middle } else { high = middle }
        }
        for (&j, p) in graph.neighbors(i).iter().zip(shares((low + high) / 2.0)) {
            joint[i][j as usize] += p / 2.0;
            joint[j as usize][i] += p / 2.0;
        }
    }
    joint
}

#[test]
fn affinities_at_any_size_are_those_of_double_precision() {
    flushed(|| {
        let x = Matrix::new(normal(305, 200 * 5), 200, 5).expect("finite");
        let mut complaints = Vec::new();
        for size in SIZES {
            let scaled = times(&x, size);
            let graph = nearest(&scaled, 30, Metric::Euclidean);
            let expected = affinities_in_double_precision(&graph, &scaled, 10.0);
            let found = Affinities::new(&Device::cpu(), &graph, &[10.0]).expect("affinities");
            for (i, expected) in expected.iter().enumerate() {
                let mut row = vec![0.0; 200];
                found.row(i).for_each(|(j, value)| row[j as usize] = f64::from(value));
                // The width is found from an entropy of 30 rounded terms, and distances are rounded
                // to 6e-8 before their squares are taken.
                let off = row.iter().zip(expected).position(|(found, expected)| {
                    (found - expected).abs() > 3e-5 * expected + 1e-7
                });
                complaints.extend(
                    off.map(|j| {
                        format!("{size:e}: of {i} and {j}, {} and {}", row[j], expected[j])
                    }),
                );
            }
        }
        assert_none(complaints);
    });
}

/// A map has no unit: each method's figure of merit must be that at an ordinary size with denormals
/// kept. Sizes that are no powers of two round the points anew, and the methods are chaotic: a
/// tenth for t-SNE's divergence and TriMAP's loss, 0.3 for the size of a map of UMAP after few
/// epochs.
#[test]
fn maps_at_any_size_are_as_good_as_at_an_ordinary_one() {
    let four: Vec<f32> = normal(306, 240 * 5)
        .iter()
        .enumerate()
        .map(|(at, v)| v + 6.0 * ((at / 300 + at % 5) % 4) as f32)
        .collect();
    let x = Matrix::new(four, 240, 5).expect("finite");
    let figures = |x: &Matrix| -> Vec<(&str, f64, f64)> {
        let device = Device::cpu();
        let tsne = Tsne { perplexity: 15.0.into(), max_iter: 300, ..Tsne::default() }
            .fit(&device, x)
            .expect("a map");
        let trimap = Trimap { max_iter: 100, ..Trimap::default() }.fit(&device, x).expect("a map");
        let umap = Umap { n_epochs: 60.into(), ..Umap::default() }.fit(&device, x).expect("a map");
        let spread =
            umap.embedding().as_slice().iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
        vec![
            ("kl_divergence", tsne.result("kl_divergence").expect("a divergence"), 0.1),
            ("loss", trimap.result("loss").expect("a loss"), 0.1),
            ("spread", spread, 0.3),
        ]
    };
    let expected = figures(&x);
    flushed(|| {
        let mut complaints = Vec::new();
        for size in SIZES {
            for ((name, found, tolerance), (_, expected, _)) in
                figures(&times(&x, size)).into_iter().zip(&expected)
            {
                let off = (found / expected - 1.0).abs();
                if off.is_nan() || off > tolerance {
                    complaints.push(format!("{size:e}: {name} is {found}, not {expected}"));
                }
            }
        }
        assert_none(complaints);
    });
}

/// Weights of triplets divide by the distances to a point's own neighbours, which are tiny for
/// points of a tiny group and 0 for copies.
#[test]
fn trimap_with_copies_and_a_tiny_group_is_as_with_denormals_kept() {
    let loss = |x: &Matrix| {
        let map =
            Trimap { max_iter: 100, ..Trimap::default() }.fit(&Device::cpu(), x).expect("a map");
        assert!(map.embedding().as_slice().iter().all(|value| value.is_finite()));
        map.result("loss").expect("a loss")
    };
    let mut complaints = Vec::new();
    for few in [60, 12] {
        for size in [0.0, 1e-12, 1e-18, 1e-21, 1e-24] {
            let group =
                normal(307, few * 5).into_iter().map(|value| (f64::from(value) * size) as f32);
            let x = Matrix::new(group.chain(normal(308, (240 - few) * 5)).collect(), 240, 5)
                .expect("finite");
            let expected = loss(&x);
            flushed(|| {
                let found = loss(&x);
                let off = (found / expected - 1.0).abs();
                if off.is_nan() || off > 0.02 {
                    complaints.push(format!(
                        "a group of {few} at {size:e}: loss {found}, not {expected}"
                    ));
                }
            });
        }
    }
    assert_none(complaints);
}

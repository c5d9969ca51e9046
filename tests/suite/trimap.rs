//! TriMAP: triplets, weights, loss and gradient against formulas in double precision, and what
//! holds whatever the data.

use crate::support::{
    LIMITS, assert_same_bytes, brute_force, cpu, devices, groups, squared_distance, uniform,
    uniform_matrix,
};
use layerlens::compute::{Buffer, Device};
use layerlens::embedding::init::Init;
use layerlens::embedding::placement::Placement;
use layerlens::embedding::trimap::triplet_layout::{Layout, Step};
use layerlens::embedding::trimap::triplets::Triplets;
use layerlens::embedding::{Embedding, FittedTrimap, NewPoints, SavedMap, Trimap, save};
use layerlens::evaluation::Trustworthiness;
use layerlens::matrix::Matrix;
use layerlens::neighbors::{nearest_neighbors, nearest_references};
use layerlens::progress::Silent;
use layerlens::random::Random;

/// The triplets of `x` for the method.
fn triplets(method: &Trimap, x: &Matrix) -> Triplets {
    let k = method.n_neighbors().min(x.n_samples() - 1);
    Triplets::new(method, &nearest_neighbors(&cpu(), x, k, &Silent).expect("neighbours"))
}

/// (i, j, k, weight) of all triplets, points as the triplets number them.
fn listed(triplets: &Triplets, weights: &[f32]) -> Vec<(usize, usize, usize, f64)> {
    let n = triplets.n_samples();
    let outlier = |slot: usize, i: usize| (i + triplets.shifts[slot] as usize) % n;
    let n_near = triplets.n_inliers * triplets.n_outliers;
    let mut all = Vec::new();
    for (at, &weight) in weights.iter().enumerate() {
        let slot = at / n;
        let i = at % n;
        let weight = f64::from(weight);
        if slot < n_near {
            let j = triplets.inliers[slot / triplets.n_outliers * n + i] as usize;
            all.push((i, j, outlier(slot, i), weight));
        } else {
            let first = n_near + 2 * (slot - n_near);
            let a = outlier(first, i);
            let b = outlier(first + 1, i);
            all.push(if weight < 0.0 { (i, b, a, -weight) } else { (i, a, b, weight) });
        }
    }
    all
}

/// Sum of w d_ij / (d_ij + d_ik) with d = 1 + |y - y|^2; `y` axis after axis.
fn loss_of(list: &[(usize, usize, usize, f64)], y: &[f64], n: usize) -> f64 {
    let root = |i: usize, j: usize| {
        1.0 + (0..y.len() / n).map(|axis| (y[axis * n + i] - y[axis * n + j]).powi(2)).sum::<f64>()
    };
    list.iter().map(|&(i, j, k, w)| w * root(i, j) / (root(i, j) + root(i, k))).sum()
}

#[test]
fn loss_and_gradient_are_those_of_the_formula() {
    let method = Trimap { n_inliers: 5, n_outliers: 3, n_random: 2, ..Trimap::default() };
    let x = groups(200, 3, 20, 7);
    let n = x.n_samples();
    let triplets = triplets(&method, &x);
    for device in devices(&LIMITS) {
        for c in [2, 3] {
            let mut layout = Layout::new(&device, &triplets, &x, 0.5, c).expect("a layout");
            let list = listed(&triplets, &layout.weights(&device).expect("weights"));
            assert_eq!(list.len(), n * (5 * 3 + 2));
            let y = uniform(202, c * n, -2.0, 2.0);
            let places = Buffer::from_slice(&device, "places", &y).expect("a buffer");
            let mut total = Buffer::new(&device, "total", 1).expect("a buffer");
            layout.loss(&device, &places, &mut total).expect("a loss");
            let found = f64::from(total.read(&device).expect("a loss")[0]);
            let y: Vec<f64> = y.into_iter().map(f64::from).collect();
            let expected = loss_of(&list, &y, n);
            assert!((found / expected - 1.0).abs() < 1e-5, "{found} for {expected} on {device:?}");
            // From rest, the first step is 1.2 times the learning rate down the gradient, which is
            // half of the derivative.
            let state: Vec<f32> = y
                .iter()
                .map(|&v| v as f32)
                .chain(vec![0.0; c * n])
                .chain(vec![1.0; c * n])
                .collect();
            let mut states = Buffer::from_slice(&device, "states", &state).expect("a buffer");
            let mut ahead = Buffer::new(&device, "ahead", c * n).expect("a buffer");
            let step = Step { learning_rate: 1.0, momentum: 0.5, next_momentum: 0.25 };
            layout.step(&device, &places, &mut states, &mut ahead, step).expect("a step");
            let moved = states.read(&device).expect("states");
            let ahead = ahead.read(&device).expect("places ahead");
            for at in 0..c * n {
                let shifted = |by: f64| {
                    let mut y = y.clone();
                    y[at] += by;
                    loss_of(&list, &y, n)
                };
                let derivative = (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
                let velocity = f64::from(moved[c * n + at]);
                assert!(
                    (velocity + 0.6 * derivative).abs() < 2e-4,
                    "{velocity} at {at}, derivative {derivative}, {device:?}"
                );
                assert!((f64::from(moved[at]) - y[at] - velocity).abs() < 1e-5);
                assert!((f64::from(ahead[at]) - y[at] - 1.25 * velocity).abs() < 1e-5);
            }
        }
    }
}

#[test]
fn inliers_and_weights_are_those_of_the_formula() {
    let method = Trimap { n_inliers: 6, n_outliers: 4, n_random: 3, ..Trimap::default() };
    let x = uniform_matrix(203, 150, 5);
    let n = x.n_samples();
    let found = triplets(&method, &x);
    let row = |i: usize| found.order[i] as usize;
    let near: Vec<Vec<(f64, u32)>> = (0..n).map(|i| brute_force(x.row(i), &x, Some(i))).collect();
    let scale: Vec<f64> = near
        .iter()
        .map(|near| near[2..5].iter().map(|(distance, _)| distance / 3.0).sum())
        .collect();
    // Squared distances in units of the scales.
    let p = |a: usize, b: usize| squared_distance(x.row(a), x.row(b)) / (scale[a] * scale[b]);
    for i in 0..n {
        let mut candidates: Vec<(f64, usize)> =
            near[row(i)][..20].iter().map(|&(_, j)| (p(row(i), j as usize), j as usize)).collect();
        candidates.sort_by(|a, b| a.partial_cmp(b).expect("finite"));
        let inliers: Vec<usize> = (0..6).map(|a| row(found.inliers[a * n + i] as usize)).collect();
        assert_eq!(
            inliers,
            candidates[..6].iter().map(|&(_, j)| j).collect::<Vec<_>>(),
            "of point {i}"
        );
    }
    for device in devices(&LIMITS) {
        for (temperature, tempered) in [
            (0.5, (|u| 2.0 * ((1.0 + u).sqrt() - 1.0)) as fn(f64) -> f64),
            (1.0, f64::ln_1p),
            (0.0, |u| u),
        ] {
            let layout = Layout::new(&device, &found, &x, temperature, 2).expect("a layout");
            let weights = layout.weights(&device).expect("weights");
            let list = listed(&found, &weights);
            for (at, &(i, j, k, weight)) in list.iter().enumerate() {
                let slot = at / n;
                let near = at < 24 * n;
                let margin = p(row(i), row(k)) - p(row(i), row(j));
                let is_inlier =
                    near && (0..=slot / 4).any(|a| found.inliers[a * n + i] as usize == k);
                let share = if near { 1.0 } else { 0.1 };
                let expected = if is_inlier { 0.0 } else { tempered(share * margin.max(0.0)) };
                assert!(
                    (weight - expected).abs() < 1e-5 * (1.0 + expected),
                    "{weight} for {expected}: triplet {at} at temperature {temperature} on \
                     {device:?}"
                );
                assert!(
                    near || margin > -1e-5,
                    "the inlier of a random triplet is the nearer point"
                );
            }
        }
    }
}

#[test]
fn every_point_is_the_outlier_of_one_point_in_each_slot() {
    for n in [4, 5, 30, 108, 109, 110, 111, 1000] {
        let found = triplets(&Trimap::default(), &uniform_matrix(204, n, 3));
        assert_eq!(found.n_inliers, 12.min(n - 2));
        assert_eq!(found.shifts.len(), found.n_inliers * 4 + 6);
        let mut order = found.order.clone();
        order.sort_unstable();
        assert!(order.into_iter().eq(0..n as u32), "every row is one point");
        for &shift in &found.shifts {
            assert!((1..n as u32).contains(&shift), "no point is its own outlier");
        }
        let mut referring = vec![0; n];
        let (starts, references) = found.references();
        for j in 0..n {
            for &reference in &references[starts[j] as usize..starts[j + 1] as usize] {
                assert_eq!(found.inliers[reference as usize] as usize, j);
                referring[j] += 1;
            }
        }
        assert_eq!(referring.iter().sum::<usize>(), found.n_inliers * n);
        let mut pairs: Vec<u32> =
            found.shifts.iter().map(|&shift| shift.min(n as u32 - shift)).collect();
        pairs.sort_unstable();
        if n >= 109 {
            assert!(
                pairs.windows(2).all(|two| two[0] < two[1])
                    && 2 * pairs[pairs.len() - 1] < n as u32,
                "{n}: {pairs:?}"
            );
        }
        let other =
            triplets(&Trimap { random_state: 7, ..Trimap::default() }, &uniform_matrix(204, n, 3));
        assert!(
            n < 30 || (other.shifts != found.shifts && other.order != found.order),
            "the seed draws"
        );
    }
}

/// Share of the points whose nearest other in the map is of their group.
fn share_of_own_group(map: &Matrix, per_group: usize) -> f64 {
    let graph = nearest_neighbors(&cpu(), map, 1, &Silent).expect("neighbours");
    let own = graph
        .indices()
        .iter()
        .enumerate()
        .filter(|&(i, &j)| i / per_group == j as usize / per_group)
        .count();
    own as f64 / map.n_samples() as f64
}

#[test]
fn optimising_brings_groups_together() {
    let x = groups(205, 8, 30, 20);
    for device in devices(&LIMITS[..1]) {
        for c in [2, 3] {
            let method = Trimap { init: Init::Random, n_components: c, ..Trimap::default() };
            let before = Trimap { max_iter: 1, ..method.clone() }.fit(&device, &x).expect("a map");
            let after = method.fit(&device, &x).expect("a map");
            assert!(share_of_own_group(before.embedding(), 30) < 0.5);
            assert!(
                share_of_own_group(after.embedding(), 30) > 0.97,
                "in {c} dimensions on {device:?}"
            );
            assert_eq!(after.embedding().n_features(), c);
            let losses: Vec<f64> = after.course().iter().map(|&(_, loss)| loss).collect();
            assert_eq!(
                after.course().iter().map(|&(at, _)| at).collect::<Vec<_>>(),
                [50, 100, 150, 200, 250, 300]
            );
            assert!(losses[5] < losses[0] && after.result("loss") == Some(losses[5]), "{losses:?}");
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_byte_of_a_map() {
    // More rows than one block of any kernel, and no multiple of any; more features than outliers'
    // distances are taken in.
    let x = groups(206, 7, 150, 120);
    let new = groups(208, 3, 30, 120);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            let method =
                Trimap { max_iter: 60, placement: Placement::Optimise, ..Trimap::default() };
            let map = method.fit(&cpu(), &x).expect("a map");
            let placed = transform(&cpu(), &map, &x, &new);
            (map, placed)
        })
    };
    let one = run(1);
    for threads in [2, 5] {
        let more = run(threads);
        assert_same_bytes(more.0.embedding().as_slice(), one.0.embedding().as_slice(), "map");
        assert_same_bytes(more.1.as_slice(), one.1.as_slice(), "new points");
        assert_eq!(more.0.results(), one.0.results());
    }
}

fn transform(device: &Device, map: &FittedTrimap, x: &Matrix, new: &Matrix) -> Matrix {
    let graph = nearest_references(device, new, x, map.n_neighbors_to_place(), &Silent)
        .expect("neighbours");
    map.transform(device, &NewPoints { x: new, neighbors: &graph }).expect("places")
}

#[test]
fn a_row_placed_by_its_own_triplets_does_not_depend_on_its_companions() {
    let (x, new) = (groups(209, 4, 40, 20), groups(211, 5, 14, 20));
    let n = new.n_samples();
    let order = Random::new(7, 212).permutation(n);
    for device in devices(&LIMITS) {
        let map = Trimap { placement: Placement::Optimise, ..Trimap::default() }
            .fit(&device, &x)
            .expect("a map");
        assert_eq!(map.n_neighbors_to_place(), 20);
        let whole = transform(&device, &map, &x, &new);
        let shuffled = transform(&device, &map, &x, &new.select(&order));
        assert_same_bytes(shuffled.as_slice(), whole.select(&order).as_slice(), "shuffled");
        for i in (0..n).step_by(9) {
            assert_same_bytes(
                transform(&device, &map, &x, &new.select(&[i])).as_slice(),
                whole.row(i),
                "alone",
            );
        }
    }
}

#[test]
fn rows_placed_by_their_own_triplets_land_near_where_they_were_fitted() {
    let x = groups(209, 4, 40, 20);
    let map = Trimap { placement: Placement::Optimise, ..Trimap::default() }
        .fit(&cpu(), &x)
        .expect("a map");
    let placed = transform(&cpu(), &map, &x, &x);
    let span = map.embedding().as_slice().iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    let mut gaps: Vec<f64> = placed
        .rows()
        .zip(map.embedding().rows())
        .map(|(a, b)| squared_distance(a, b).sqrt() / f64::from(span))
        .collect();
    gaps.sort_by(f64::total_cmp);
    assert!(
        gaps[80] < 0.05 && gaps[155] < 0.2,
        "median {}, far {}, of the span",
        gaps[80],
        gaps[155]
    );
    let found =
        nearest_references(&cpu(), &placed, map.embedding(), 1, &Silent).expect("neighbours");
    let own =
        found.indices().iter().enumerate().filter(|&(i, &j)| i / 40 == j as usize / 40).count();
    assert_eq!(own, 160);
}

#[test]
fn a_saved_map_places_new_points_as_the_fitted_one_does() {
    let (x, new) = (groups(209, 4, 40, 20), groups(211, 2, 14, 20));
    let map = Trimap { placement: Placement::Optimise, max_iter: 50, ..Trimap::default() }
        .fit(&cpu(), &x)
        .expect("a map");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trimap.safetensors");
    save(&map, &x, &path).expect("a file");
    let restored = SavedMap::load(&path).expect("a map");
    let placed = restored.transform(&cpu(), Some(&x), &new, &Silent).expect("places");
    assert_same_bytes(
        placed.as_slice(),
        transform(&cpu(), &map, &x, &new).as_slice(),
        "new points",
    );
}

fn scaled(x: &Matrix, factor: f32) -> Matrix {
    Matrix::new(
        x.as_slice().iter().map(|value| value * factor).collect(),
        x.n_samples(),
        x.n_features(),
    )
    .expect("finite")
}

/// Fits and places; a map is finite by its type, so what is left to see is that there is one, no
/// larger than forces make it.
fn fits(device: &Device, x: &Matrix, method: &Trimap, what: &str) {
    let map = method.fit(device, x).unwrap_or_else(|error| panic!("{what} on {device:?}: {error}"));
    assert!(
        map.results().iter().all(|(_, value)| value.is_finite()),
        "{what}: {:?}",
        map.results()
    );
    let span = map.embedding().as_slice().iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    assert!(span < 1e6, "{what}: places up to {span}");
    if method.n_components == 2 {
        transform(device, &map, x, x);
    }
}

#[test]
fn degenerate_data_give_a_finite_map_of_triplets() {
    let n = 150;
    let copies = groups(213, 2, 5, 20).select(&(0..n).map(|i| i / 15).collect::<Vec<_>>());
    let half_equal = groups(213, 2, 75, 20)
        .select(&(0..n).map(|i| if i < 80 { 3 } else { i }).collect::<Vec<_>>());
    let constant: Vec<f32> = uniform_matrix(214, n, 20)
        .as_slice()
        .iter()
        .enumerate()
        .map(|(at, &v)| if at % 20 < 15 { 7.5 } else { v })
        .collect();
    let cases = [
        ("equal points", Matrix::new(vec![0.3; n * 20], n, 20).expect("finite")),
        ("one feature", uniform_matrix(215, n, 1)),
        (
            "one feature, two values",
            Matrix::new((0..n).map(|i| (i % 2) as f32).collect(), n, 1).expect("finite"),
        ),
        ("constant columns", Matrix::new(constant, n, 20).expect("finite")),
        ("half of the points equal", half_equal),
        ("15 of each point", copies.clone()),
        ("15 of each point, as small as squares allow", scaled(&copies, 1e-18)),
        ("15 of each point, huge", scaled(&copies, 1e16)),
        (
            "one point apart",
            Matrix::new((0..n).map(|i| if i == 5 { 1e6 } else { 0.0 }).collect(), n, 1)
                .expect("finite"),
        ),
        (
            "one far from a line",
            Matrix::new((0..n).map(|i| if i == 5 { 1e9 } else { i as f32 }).collect(), n, 1)
                .expect("finite"),
        ),
        ("more features than points", uniform_matrix(216, 50, 300)),
    ];
    for device in devices(&LIMITS[..1]) {
        for (what, x) in &cases {
            fits(&device, x, &Trimap { placement: Placement::Optimise, ..Trimap::default() }, what);
        }
        let wide = uniform_matrix(217, 30, 20_000);
        fits(
            &device,
            &wide,
            &Trimap { init: Init::Random, max_iter: 20, ..Trimap::default() },
            "20,000 features",
        );
    }
}

/// Largest side of a map.
fn extent(map: &Matrix) -> f32 {
    let side = |axis: usize| {
        let values = || map.as_slice().iter().skip(axis).step_by(map.n_features());
        values().copied().fold(f32::NEG_INFINITY, f32::max)
            - values().copied().fold(f32::INFINITY, f32::min)
    };
    (0..map.n_features()).map(side).fold(0.0, f32::max)
}

/// The extent was 200 times as large, and the trustworthiness (k = 12, scikit-learn's) fell from
/// .965 to .888.
#[test]
fn far_rows_leave_the_map_of_the_others_as_it_is() {
    for device in devices(&LIMITS[..1]) {
        for d in [20, 130] {
            let x = groups(230, 6, 80, d);
            let n = x.n_samples();
            let plain = Trimap::default().fit(&device, &x).expect("a map");
            for far in [vec![1e4], vec![1e12], vec![-1e16], vec![1e5, -1e7, 1e9]] {
                let mut values = x.as_slice().to_vec();
                for (at, &distance) in far.iter().enumerate() {
                    values[(7 + 100 * at) * d + 3 * at] = distance;
                }
                let with = Matrix::new(values, n, d).expect("finite");
                let map = Trimap::default().fit(&device, &with).expect("a map");
                let near: Vec<usize> =
                    (0..n).filter(|row| !(0..far.len()).any(|at| *row == 7 + 100 * at)).collect();
                let trust = |map: &Matrix| {
                    let space =
                        Trustworthiness::new(&cpu(), &x.select(&near), 1, &Silent).expect("ranks");
                    space.of(&cpu(), &map.select(&near), &Silent).expect("trustworthiness")
                };
                let (before, after) = (trust(plain.embedding()), trust(map.embedding()));
                assert!(
                    after > before - 0.01,
                    "{far:?} in {d}: trustworthiness {after}, {before} without"
                );
                let (before, after) = (extent(plain.embedding()), extent(map.embedding()));
                assert!(
                    after < 1.6 * before && after > 0.6 * before,
                    "{far:?} in {d}: extent {after}, {before} without"
                );
                let new = Trimap { placement: Placement::Optimise, ..Trimap::default() }
                    .fit(&device, &with)
                    .expect("a map");
                let placed = transform(&device, &new, &with, &with);
                assert!(
                    extent(&placed) < 2.0 * after,
                    "{far:?} in {d}: new points reach {}",
                    extent(&placed)
                );
            }
        }
    }
}

/// Every row of an identity matrix is as near to any other: the first ones, which are neighbours by
/// their index, lay seven times as far out as most.
#[test]
fn where_all_distances_tie_no_row_lies_outside() {
    for device in devices(&LIMITS[..1]) {
        for n in [90, 400] {
            let identity =
                Matrix::new((0..n * n).map(|at| f32::from(at % (n + 1) == 0)).collect(), n, n)
                    .expect("finite");
            let map = Trimap::default().fit(&device, &identity).expect("a map");
            let radii: Vec<f32> =
                map.embedding().rows().map(|place| place[0].hypot(place[1])).collect();
            let median = |radii: &[f32]| {
                let mut sorted = radii.to_vec();
                sorted.sort_by(f32::total_cmp);
                sorted[sorted.len() / 2]
            };
            let first = median(&radii[..20]);
            let all = median(&radii);
            assert!(first < 1.6 * all, "the first 20 of {n} at {first}, half of all within {all}");
            let furthest = radii.iter().copied().fold(0.0, f32::max);
            assert!(furthest < 15.0 * all, "one of {n} at {furthest}, half of all within {all}");
            let mut places: Vec<[i32; 2]> = map
                .embedding()
                .rows()
                .map(|place| [0, 1].map(|axis| (place[axis] / all * 1e4) as i32))
                .collect();
            places.sort_unstable();
            places.dedup();
            assert_eq!(places.len(), n, "rows share places");
        }
    }
}

#[test]
fn thousands_of_duplicates_give_a_finite_map_of_triplets() {
    for device in devices(&LIMITS[..1]) {
        // Software adapters take half a minute for what a CPU does in one second.
        let n = if matches!(device, Device::Cpu(_)) { 6000 } else { 1200 };
        let x = groups(218, 3, 1, 20).select(&(0..n).map(|i| i * 7 % 3).collect::<Vec<_>>());
        fits(
            &device,
            &x,
            &Trimap { max_iter: 120, ..Trimap::default() },
            &format!("3 points in {n} rows"),
        );
    }
}

#[test]
fn the_fewest_points_give_a_finite_map_of_triplets() {
    for device in devices(&LIMITS[..1]) {
        for n in [4, 5, 6, 13, 14, 21, 60, 110] {
            for c in [2, 3] {
                let method =
                    Trimap { n_components: c, placement: Placement::Optimise, ..Trimap::default() };
                fits(
                    &device,
                    &uniform_matrix(219, n, 3),
                    &method,
                    &format!("{n} points in {c} dimensions"),
                );
            }
        }
    }
}

#[test]
fn parameters_out_of_their_range_are_named_with_it() {
    let default = Trimap::default();
    let cases = [
        (Trimap { n_inliers: 0, ..default.clone() }, "n_inliers = 0: between 1 and 100"),
        (Trimap { n_inliers: 101, ..default.clone() }, "n_inliers = 101: between 1 and 100"),
        (Trimap { n_outliers: 0, ..default.clone() }, "n_outliers = 0: between 1 and 50"),
        (Trimap { n_random: 51, ..default.clone() }, "n_random = 51: between 0 and 50"),
        (Trimap { n_components: 4, ..default.clone() }, "n_components = 4: 2 or 3"),
        (Trimap { max_iter: 0, ..default.clone() }, "max_iter = 0: at least 1"),
        (Trimap { learning_rate: 0.0, ..default.clone() }, "learning_rate = 0: above 0"),
        (Trimap { learning_rate: f32::NAN, ..default.clone() }, "learning_rate = NaN: above 0"),
        (Trimap { weight_temp: 1.5, ..default.clone() }, "weight_temp = 1.5: between 0 and 1"),
        (
            Trimap { init: Init::Spectral, ..default.clone() },
            "init = spectral: pca, random or a .npy FILE of coordinates",
        ),
    ];
    let x = uniform_matrix(220, 30, 3);
    for (method, expected) in cases {
        assert_eq!(method.fit(&cpu(), &x).unwrap_err().to_string(), expected);
    }
    let few = default.fit(&cpu(), &uniform_matrix(220, 3, 3)).unwrap_err().to_string();
    assert!(
        few.starts_with("TriMAP with these parameters needs 4 to ") && few.ends_with("there are 3"),
        "{few}"
    );
}

/// Three threes of rows a thousand times as far out as the others. A group of a hundredth of the
/// rows or more is none of few far rows: it moves the mean.
#[test]
fn far_rows_that_lie_together_keep_their_neighbours() {
    for device in devices(&LIMITS[..1]) {
        let (own, others) = (groups(231, 3, 3, 20), groups(232, 6, 200, 20));
        let values: Vec<f32> =
            own.rows().flat_map(|row| [&[row[0] + 16_384.0], &row[1..]].concat()).collect();
        let x = Matrix::new([&values[..], others.as_slice()].concat(), 1209, 20).expect("finite");
        let fitted = Trimap::default().fit(&device, &x).expect("a map");
        assert!(
            fitted.warnings()[0].starts_with("9 rows lie over 100 times as far out"),
            "{:?}",
            fitted.warnings()
        );
        let map = fitted.embedding();
        let pairs = || (0..9_usize).flat_map(|a| (0..a).map(move |b| (a, b)));
        let mean = |same: bool| {
            let lengths = pairs().filter(|&(a, b)| (a / 3 == b / 3) == same);
            let lengths: Vec<f64> =
                lengths.map(|(a, b)| squared_distance(map.row(a), map.row(b)).sqrt()).collect();
            lengths.iter().sum::<f64>() / lengths.len() as f64
        };
        assert!(
            mean(true) < 0.7 * mean(false),
            "{device:?}: {} within the threes, {} between",
            mean(true),
            mean(false)
        );
        let plain = Trimap::default().fit(&device, &others).expect("a map");
        assert!(extent(fitted.embedding()) < 3.0 * extent(plain.embedding()), "{device:?}");
    }
}

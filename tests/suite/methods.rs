//! What holds for every method of the registry: threads, cancellation, files, data that leave
//! little to do, and where the fitted points land when they are placed again.

use crate::support::{
    LIMITS, assert_same_bytes, cpu, devices, fixture, groups, squared_distance, uniform_matrix,
};
use layerlens::compute::Device;
use layerlens::dataset::npy;
use layerlens::embedding::{Embedding, Fitted, METHODS, Method, NewPoints, SavedMap, Space, save};
use layerlens::error::Error;
use layerlens::matrix::Matrix;
use layerlens::neighbors::{nearest_neighbors, nearest_references};
use layerlens::progress::{Observer, Silent};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;

/// The method with these parameters, written as TOML; those that it does not have are left out.
fn built(method: &Method, parameters: &str) -> Box<dyn Embedding> {
    let mut table: toml::Table = toml::from_str(parameters).expect("TOML");
    table.retain(|name, _| method.parameters.iter().any(|parameter| parameter.name == name));
    (method.build)(&table).unwrap_or_else(|error| panic!("{}: {error}", method.name))
}

/// Few iterations of every method, and new points by their objectives.
const SHORT: &str = "
    max_iter = 60
    early_exaggeration_iter = 30
    n_epochs = 60
    placement = 'optimise'
";

/// Methods whose fits are iterations over a graph of neighbours.
fn iterative() -> impl Iterator<Item = &'static Method> {
    METHODS.iter().copied().filter(|method| built(method, "").n_neighbors() > 0)
}

fn fit(
    device: &Device,
    method: &dyn Embedding,
    x: &Matrix,
    observer: &dyn Observer,
) -> Result<Box<dyn Fitted>, Error> {
    method.validate(x.n_samples(), x.n_features())?;
    let k = method.n_neighbors().min(x.n_samples() - 1);
    let graph = if k > 0 { Some(nearest_neighbors(device, x, k, &Silent)?) } else { None };
    method.fit_boxed(device, &Space { neighbors: graph.as_ref(), ..Space::new(x) }, observer)
}

fn transform(device: &Device, map: &dyn Fitted, x: &Matrix, new: &Matrix) -> Matrix {
    let graph = nearest_references(device, new, x, map.n_neighbors_to_place().max(1), &Silent)
        .expect("neighbours");
    map.transform(device, &NewPoints { x: new, neighbors: &graph }).expect("places")
}

/// Enough points for the grid of t-SNE, and no multiple of any block.
#[test]
fn the_number_of_threads_changes_no_byte_of_any_method() {
    let (x, new) = (groups(320, 7, 359, 12), groups(322, 3, 67, 12));
    assert!(x.n_samples() > 2500);
    for method in METHODS {
        let run = |threads: usize| {
            let pool =
                rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| {
                let map = fit(&cpu(), built(method, SHORT).as_ref(), &x, &Silent).expect("a map");
                let placed = transform(&cpu(), map.as_ref(), &x, &new);
                (map, placed)
            })
        };
        let one = run(1);
        for threads in [2, 5] {
            let more = run(threads);
            let what = format!("{} on {threads} threads", method.name);
            assert_same_bytes(more.0.embedding().as_slice(), one.0.embedding().as_slice(), &what);
            assert_same_bytes(more.1.as_slice(), one.1.as_slice(), &format!("new points, {what}"));
            assert_eq!(
                (more.0.results(), more.0.course()),
                (one.0.results(), one.0.course()),
                "{what}"
            );
        }
    }
}

/// Notes what it is told, and wants an end after so many reports.
struct Patient {
    reports: Mutex<Vec<(u64, u64)>>,
    until: usize,
}

impl Patient {
    fn new(until: usize) -> Self {
        Self { reports: Mutex::new(Vec::new()), until }
    }

    fn reports(&self) -> Vec<(u64, u64)> {
        self.reports.lock().expect("reports").clone()
    }
}

impl Observer for Patient {
    fn progress(&self, done: u64, total: u64, _: &[(&str, f64)]) {
        self.reports.lock().expect("reports").push((done, total));
    }

    fn is_cancelled(&self) -> bool {
        self.reports().len() >= self.until
    }
}

#[test]
fn a_fit_reports_every_step_and_ends_when_it_is_told() {
    let x = groups(323, 3, 40, 8);
    for device in devices(&LIMITS[..1]) {
        for method in iterative() {
            let what = format!("{} on {device:?}", method.name);
            let observer = Patient::new(usize::MAX);
            fit(&device, built(method, SHORT).as_ref(), &x, &observer)
                .unwrap_or_else(|error| panic!("{what}: {error}"));
            let reports = observer.reports();
            assert!(reports.len() >= 6, "{what}: {reports:?}");
            assert!(
                reports.iter().all(|&(done, total)| done <= 60 && total == 60),
                "{what}: {reports:?}"
            );
            assert!(reports.windows(2).all(|two| two[0].0 < two[1].0), "{what}: {reports:?}");
            assert_eq!(reports.last().map(|last| last.0), Some(60), "{what}");
            // Whoever did not look would take long, and end well.
            let observer = Patient::new(3);
            let long = built(method, "max_iter = 20000\nn_epochs = 20000");
            let outcome = fit(&device, long.as_ref(), &x, &observer);
            assert!(matches!(outcome, Err(Error::Interrupted)), "{what}: {outcome:?}");
            assert_eq!(observer.reports().len(), 3, "{what}: it went on");
        }
    }
}

/// Fits and places; a map is finite by its type, so what is left to see is that there is one, no
/// larger than forces make it.
fn fits(device: &Device, method: &Method, parameters: &str, x: &Matrix, what: &str) {
    let what = format!("{} of {what} on {device:?}", method.name);
    let map = fit(device, built(method, parameters).as_ref(), x, &Silent)
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(
        map.results().iter().all(|(_, value)| value.is_finite()),
        "{what}: {:?}",
        map.results()
    );
    assert!(map.course().iter().all(|(_, value)| value.is_finite()), "{what}: {:?}", map.course());
    let span = |places: &Matrix| {
        places.as_slice().iter().fold(0.0_f32, |most, value| most.max(value.abs()))
    };
    let most = 1e4;
    assert!(span(map.embedding()) < most, "{what}: places up to {}", span(map.embedding()));
    let placed = transform(device, map.as_ref(), x, x);
    assert_eq!(
        (placed.n_samples(), placed.n_features()),
        (x.n_samples(), map.embedding().n_features()),
        "{what}"
    );
    assert!(span(&placed) < most, "{what}: new places up to {}", span(&placed));
}

#[test]
fn one_point_in_thousands_of_copies_beside_others_gives_a_finite_map() {
    for device in devices(&LIMITS[..1]) {
        // Software adapters take half a minute for what a CPU does in one second.
        let copies = if matches!(device, Device::Cpu(_)) { 3000 } else { 500 };
        let others = groups(324, 4, 50, 10);
        let x = others
            .select(&(0..copies + 200).map(|i| if i < 200 { i } else { 7 }).collect::<Vec<_>>());
        for method in METHODS {
            fits(&device, method, SHORT, &x, &format!("{copies} copies and 200 others"));
        }
    }
}

#[test]
fn little_data_and_much_data_give_a_finite_map() {
    let n = 60;
    let constant: Vec<f32> = uniform_matrix(325, n, 20)
        .as_slice()
        .iter()
        .enumerate()
        .map(|(at, &v)| if at % 20 < 18 { -3.25 } else { v })
        .collect();
    let line = uniform_matrix(326, n, 1);
    let cases = [
        ("all points equal", Matrix::new(vec![0.7; n * 6], n, 6).expect("finite"), 2),
        ("all points zero", Matrix::new(vec![0.0; n * 6], n, 6).expect("finite"), 2),
        ("constant columns", Matrix::new(constant, n, 20).expect("finite"), 2),
        ("one feature", line, 1),
        (
            "a row of whole numbers",
            Matrix::new((0..n).map(|i| i as f32).collect(), n, 1).expect("finite"),
            1,
        ),
        ("one feature, one value", Matrix::new(vec![5.0; n], n, 1).expect("finite"), 1),
        ("20,000 features", uniform_matrix(327, n, 20_000), 2),
        ("4 points", uniform_matrix(328, 4, 3), 2),
        ("4 equal points", Matrix::new(vec![1.5; 12], 4, 3).expect("finite"), 2),
    ];
    for device in devices(&LIMITS[..1]) {
        let iterations = if matches!(device, Device::Cpu(_)) { 120 } else { 50 };
        for (what, x, axes) in &cases {
            let few = x.n_samples() < 10;
            let (perplexity, n_neighbors) = if few { (1.0, 3) } else { (15.0, 15) };
            for placement in ["mode", "optimise"] {
                for method in METHODS {
                    // A projection has no more axes than the points have features.
                    let n_components = if method.is_linear { axes } else { &2 };
                    let parameters = format!(
                        "perplexity = {perplexity:?}\nn_neighbors = {n_neighbors}\nn_components = \
                         {n_components}\nplacement = '{placement}'\nmax_iter = {iterations}\n\
                         n_epochs = {iterations}"
                    );
                    fits(&device, method, &parameters, x, what);
                }
            }
        }
    }
}

/// 1,000 test images of Fashion-MNIST with values 0 to 1.
fn images() -> Matrix {
    let bytes = npy::read_matrix(fixture("x_u8.npy")).expect("images");
    let values = bytes.as_slice().iter().map(|value| value / 255.0).collect();
    Matrix::new(values, bytes.n_samples(), bytes.n_features()).expect("finite")
}

/// Half of the fitted points, placed as if they were new, land within this share of the map's span
/// from where they were fitted: two to three times what was found, 0.012 and 0.0004 for t-SNE,
/// 0.007 and 0.008 for UMAP, 0.008 and 0.008 for TriMAP. Of a method that is not listed
/// [`ANY_LANDING`] is asked.
const LANDING: [(&str, &str, f64); 6] = [
    ("tsne", "mode", 0.03),
    ("tsne", "optimise", 0.002),
    ("umap", "mode", 0.02),
    ("umap", "optimise", 0.02),
    ("trimap", "mode", 0.02),
    ("trimap", "optimise", 0.02),
];

/// The same share for a method of which nothing is known: some widths of a group of neighbours.
const ANY_LANDING: f64 = 0.05;
/// For a projection, which knows of no neighbours: rounding.
const LINEAR_LANDING: f64 = 1e-5;

#[test]
fn the_lists_of_methods_name_methods() {
    for (name, _, _) in LANDING {
        assert!(METHODS.iter().any(|method| method.name == name && !method.is_linear), "{name}");
    }
    let mut ranks: Vec<usize> = METHODS.iter().map(|method| method.display_rank).collect();
    ranks.sort_unstable();
    ranks.dedup();
    assert_eq!(ranks.len(), METHODS.len(), "two methods are shown first");
}

#[test]
fn fitted_points_placed_again_land_near_their_places() {
    let x = images();
    let cases = METHODS.iter().flat_map(|method| {
        let placements = if method.is_linear { &["mode"][..] } else { &["mode", "optimise"] };
        placements.iter().map(move |placement| (*method, *placement))
    });
    for (method, placement) in cases {
        let name = method.name;
        let listed = LANDING.iter().find(|entry| (entry.0, entry.1) == (name, placement));
        let allowed = match listed {
            Some(entry) => entry.2,
            None if method.is_linear => LINEAR_LANDING,
            None => ANY_LANDING,
        };
        let map =
            fit(&cpu(), built(method, &format!("placement = '{placement}'")).as_ref(), &x, &Silent)
                .expect("a map");
        let placed = transform(&cpu(), map.as_ref(), &x, &x);
        let far = map
            .embedding()
            .rows()
            .map(|row| squared_distance(row, map.embedding().row(0)).sqrt())
            .fold(0.0, f64::max);
        let gap = |(a, b): (&[f32], &[f32])| squared_distance(a, b).sqrt() / far;
        let mut gaps: Vec<f64> = placed.rows().zip(map.embedding().rows()).map(gap).collect();
        gaps.sort_by(f64::total_cmp);
        assert!(gaps[500] < allowed, "{name}, {placement}: {} of the span", gaps[500]);
        let may_be_equal = method.is_linear;
        assert!(gaps[500] > 0.0 || may_be_equal, "{name}, {placement}: the places are copied");
    }
}

/// A projection: the place of a midpoint is the midpoint of the places. Other methods say that they
/// are none.
#[test]
fn linear_methods_project() {
    let (x, new) = (groups(334, 4, 40, 12), groups(335, 2, 10, 12));
    let middle = |a: &[f32], b: &[f32]| -> Vec<f32> {
        a.iter().zip(b).map(|(a, b)| (a + b) / 2.0).collect()
    };
    for method in METHODS {
        let method_built = built(method, SHORT);
        assert_eq!(method_built.n_neighbors() == 0, method.is_linear, "{}", method.name);
        assert!(method.is_linear || !method.gives_components, "{}", method.name);
        if !method.is_linear {
            continue;
        }
        let map = fit(&cpu(), method_built.as_ref(), &x, &Silent).expect("a map");
        let between: Vec<f32> = (0..19).flat_map(|i| middle(new.row(i), new.row(i + 1))).collect();
        let between = Matrix::new(between, 19, 12).expect("finite");
        let [ends, middles] = [&new, &between].map(|new| transform(&cpu(), map.as_ref(), &x, new));
        for i in 0..19 {
            for (found, expected) in middles.row(i).iter().zip(middle(ends.row(i), ends.row(i + 1)))
            {
                assert!((found - expected).abs() < 1e-4, "{}: {found}, {expected}", method.name);
            }
        }
    }
}

#[test]
fn saved_maps_place_new_points_as_the_fitted_ones_do() {
    let (x, new) = (groups(330, 4, 40, 20), groups(332, 2, 14, 20));
    let folder = tempfile::tempdir().expect("a folder");
    for device in devices(&LIMITS[..1]) {
        for method in METHODS {
            for (placement, n_components) in
                [("mode", 2), ("optimise", 2), ("mode", 3), ("optimise", 3)]
            {
                let parameters = format!("{SHORT}\nn_components = {n_components}")
                    .replace("optimise", placement);
                let what = format!("{}, {placement}, {n_components} on {device:?}", method.name);
                let map =
                    fit(&device, built(method, &parameters).as_ref(), &x, &Silent).expect("a map");
                let path = folder.path().join("map.safetensors");
                save(map.as_ref(), &x, &path).expect("a file");
                let restored = SavedMap::load(&path).expect("a map");
                assert_eq!(restored.needs_the_fitted_points(), !method.is_linear, "{what}");
                assert_eq!(restored.n_features(), 20);
                let fitted = restored.fitted();
                assert_same_bytes(fitted.embedding().as_slice(), map.embedding().as_slice(), &what);
                // As text and back again, a number may change by its last bit.
                let same = |a: f64, b: f64| (a - b).abs() <= 1e-15 * a.abs();
                let results = fitted.results().iter().zip(map.results());
                assert!(
                    results.into_iter().all(|(a, b)| a.0 == b.0 && same(a.1, b.1)),
                    "{what}: {:?}",
                    fitted.results()
                );
                let course = fitted.course().iter().zip(map.course());
                assert!(
                    course.into_iter().all(|(a, b)| a.0 == b.0 && same(a.1, b.1)),
                    "{what}: {:?}",
                    fitted.course()
                );
                let lengths = |map: &dyn Fitted| (map.results().len(), map.course().len());
                assert_eq!(lengths(fitted), lengths(map.as_ref()), "{what}");
                let placed = restored.transform(&device, Some(&x), &new, &Silent).expect("places");
                assert_same_bytes(
                    placed.as_slice(),
                    transform(&device, map.as_ref(), &x, &new).as_slice(),
                    &what,
                );
                let message = |x: Option<&Matrix>, new: &Matrix| match restored
                    .transform(&device, x, new, &Silent)
                {
                    Err(Error::Data(message)) => message,
                    other => panic!("{what}: {other:?}"),
                };
                assert!(
                    message(Some(&x), &uniform_matrix(333, 5, 19))
                        .contains("19 features, the fitted ones 20")
                );
                if !method.is_linear {
                    assert!(message(None, &new).contains("not given"));
                    assert!(message(Some(&new), &new).contains("another shape"));
                }
            }
        }
    }
}

/// Writes the file again with its description and its arrays changed.
fn rewrite(from: &Path, to: &Path, change: impl FnOnce(&mut Value, &mut Arrays)) {
    const KEY: &str = "layerlens_map";
    let bytes = std::fs::read(from).expect("a file");
    let (_, metadata) = SafeTensors::read_metadata(&bytes).expect("metadata");
    let text = &metadata.metadata().as_ref().expect("metadata")[KEY];
    let mut description: Value = serde_json::from_str(text).expect("JSON");
    let file = SafeTensors::deserialize(&bytes).expect("arrays");
    let mut arrays: Arrays = file
        .tensors()
        .into_iter()
        .map(|(name, view)| {
            (name, (view.shape().to_vec(), bytemuck::pod_collect_to_vec(view.data())))
        })
        .collect();
    description.as_object_mut().expect("an object").remove("sha256");
    change(&mut description, &mut arrays);
    let views = arrays.iter().map(|(name, (shape, values))| {
        (
            name,
            TensorView::new(Dtype::F32, shape.clone(), bytemuck::cast_slice(values))
                .expect("an array"),
        )
    });
    let metadata = HashMap::from([(KEY.to_owned(), description.to_string())]);
    std::fs::write(to, safetensors::serialize(views, Some(metadata)).expect("bytes"))
        .expect("a file");
}

/// As every version has written them.
#[test]
fn files_hold_auto_or_a_number() {
    let x = groups(336, 4, 30, 8);
    let folder = tempfile::tempdir().expect("a folder");
    let [whole, changed] = ["whole", "changed"].map(|name| folder.path().join(name));
    let mut n = 0;
    for method in iterative() {
        let map = fit(&cpu(), built(method, "max_iter = 20").as_ref(), &x, &Silent);
        save(map.expect("a map").as_ref(), &x, &whole).expect("a file");
        for parameter in method.parameters.iter().filter(|parameter| parameter.auto.is_some()) {
            n += 1;
            rewrite(&whole, &changed, |description, _| {
                assert_eq!(description["parameters"][parameter.name], "auto", "{}", method.name);
                description["parameters"][parameter.name] = 7.into();
            });
            SavedMap::load(&changed).unwrap_or_else(|error| panic!("{}: {error}", parameter.name));
            rewrite(&whole, &changed, |description, _| {
                description["parameters"][parameter.name] = "automatic".into();
            });
            let message = SavedMap::load(&changed).unwrap_err().to_string();
            assert!(message.contains("or `auto`"), "{message}");
        }
    }
    assert!(n >= 2, "{n}");
}

/// Shape and values by name.
type Arrays = HashMap<String, (Vec<usize>, Vec<f32>)>;

type Damage = fn(&mut Value, &mut Arrays);

#[test]
fn damaged_maps_are_refused() {
    let damages: [(&str, Damage); 15] = [
        ("`nosuch` is no method", |description, _| description["method"] = "nosuch".into()),
        ("`` is no method", |description, _| description["method"] = Value::Null),
        ("n_samples", |description, _| {
            description["points"] = serde_json::json!({ "n_features": 3 })
        }),
        ("no array `embedding`", |_, arrays| drop(arrays.remove("embedding"))),
        ("array `embedding` has the shape [320]", |_, arrays| {
            arrays.get_mut("embedding").expect("places").0 = vec![320]
        }),
        ("array `embedding`: row 3, column 1 is NaN", |_, arrays| {
            arrays.get_mut("embedding").expect("places").1[7] = f32::NAN;
        }),
        ("150 rows of coordinates for 160 fitted points", |_, arrays| {
            let (shape, values) = arrays.get_mut("embedding").expect("places");
            shape[0] = 150;
            values.truncate(300);
            arrays.remove("row_scales");
        }),
        ("coordinates of 4 dimensions for a map of 2", |_, arrays| {
            arrays.get_mut("embedding").expect("places").0 = vec![80, 4];
            arrays.remove("row_scales");
        }),
        ("3 row scales for 160 fitted points", |_, arrays| {
            arrays.insert("row_scales".into(), (vec![3, 1], vec![1.0; 3]));
        }),
        ("placement_scale = 0", |description, _| description["placement_scale"] = 0.0.into()),
        ("placement_scale = -1", |description, _| description["placement_scale"] = (-1.0).into()),
        ("description is malformed", |description, _| description["placement_scale"] = Value::Null),
        ("description is malformed", |description, _| description["metric"] = "manhattan".into()),
        ("unknown field `nosuch`", |description, _| description["parameters"]["nosuch"] = 1.into()),
        ("description is malformed", |description, _| description["results"] = "none".into()),
    ];
    let x = groups(330, 4, 40, 20);
    let folder = tempfile::tempdir().expect("a folder");
    let [whole, damaged] = ["whole", "damaged"].map(|name| folder.path().join(name));
    for method in iterative() {
        let map = fit(&cpu(), built(method, SHORT).as_ref(), &x, &Silent).expect("a map");
        save(map.as_ref(), &x, &whole).expect("a file");
        rewrite(&whole, &damaged, |_, _| ());
        SavedMap::load(&damaged).expect("nothing was changed");
        for (expected, damage) in damages {
            rewrite(&whole, &damaged, damage);
            let message = SavedMap::load(&damaged).expect_err(expected).to_string();
            assert!(
                message.contains("damaged: not a .safetensors file of a map"),
                "{}: {message}",
                method.name
            );
            assert!(message.contains(expected), "{}: {message}, not {expected}", method.name);
        }
        let bytes = std::fs::read(&whole).expect("a file");
        for length in [0, 7, 100, bytes.len() / 2, bytes.len() - 1] {
            std::fs::write(&damaged, &bytes[..length]).expect("a file");
            let message = SavedMap::load(&damaged).unwrap_err().to_string();
            assert!(
                message.contains("not a .safetensors file of a map"),
                "{length} bytes: {message}"
            );
        }
    }
}

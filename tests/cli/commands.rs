//! What surrounds a map: new points placed later, neighbours from a file, metrics, starts,
//! dimensions, and measuring it all.

use crate::pipeline::{METHODS_RUN, shared_run};
use crate::support::{Place, manifest, points, small_mlp};
use layerlens::dataset::npy;
use layerlens::matrix::Matrix;
use layerlens::model::write_weights;
use layerlens::neighbors::NeighborGraph;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The methods that know the neighbours of their points, each with few iterations.
const SHORT: [(&str, &str); 3] =
    [("tsne", "--max-iter 100"), ("umap", "--n-epochs 60"), ("trimap", "--max-iter 60")];

/// 120 points in `x.npy`, and 30 others in `new.npy`.
fn fitted_and_new() -> Place {
    let place = Place::with_points();
    let all = points(150, 5);
    npy::write_matrix(place.path("new.npy"), &all.select(&(120..150).collect::<Vec<_>>())).unwrap();
    place
}

/// A matrix with one value changed.
fn changed(x: &Matrix, at: usize, value: f32) -> Matrix {
    let mut data = x.as_slice().to_vec();
    data[at] = value;
    Matrix::new(data, x.n_samples(), x.n_features()).unwrap()
}

#[track_caller]
fn assert_same_file(a: &Path, b: &Path) {
    assert!(
        fs::read(a).unwrap() == fs::read(b).unwrap(),
        "{} and {} differ",
        a.display(),
        b.display()
    );
}

fn shape(path: &Path) -> (usize, usize) {
    let matrix = npy::read_matrix(path).unwrap();
    (matrix.n_samples(), matrix.n_features())
}

/// Embeds with new points by `flags` into `out`, then places the same points by the map's file.
fn assert_placed_again(place: &Place, flags: &str, out: &str) {
    place.succeed(&format!("embed x.npy --new new.npy {flags} --device cpu --out {out}"));
    let train = if flags.contains("pca") { "" } else { "--train x.npy" };
    let args = format!(
        "transform {out}/map.safetensors --new new.npy {train} --places {out}.npy --device cpu"
    );
    let stdout = place.succeed(&args).stdout;
    let places = place.path(format!("{out}.npy"));
    let c = if flags.contains("--n-components 3") { 3 } else { 2 };
    assert_same_file(&places, &place.path(format!("{out}/embeddings/new.npy")));
    assert_eq!(shape(&places), (30, c), "{flags}");
    assert_eq!(stdout, format!("30 points placed in {c} dimensions: {out}.npy\n"));
}

#[test]
fn a_map_places_the_same_points_later() {
    let place = fitted_and_new();
    assert_placed_again(&place, "--method pca", "pca");
    for (method, short) in SHORT {
        assert_placed_again(&place, &format!("--method {method} {short}"), method);
        let optimised = format!("{method}_optimised");
        assert_placed_again(
            &place,
            &format!("--method {method} {short} --placement optimise"),
            &optimised,
        );
        let read = |name: String| fs::read(place.path(name)).unwrap();
        let map = |name: &str| read(format!("{name}/embeddings/embedding.npy"));
        assert!(map(method) == map(&optimised), "{method}: the placement changes the fit");
        assert!(
            read(format!("{method}.npy")) != read(format!("{optimised}.npy")),
            "{method}: nothing was optimised"
        );
        assert_eq!(
            manifest(&place.path(&optimised))["config"]["parameters"]["placement"],
            "optimise"
        );
    }
}

#[test]
fn the_maps_of_a_run_place_its_test_points() {
    let out = shared_run();
    let place = Place::new();
    for method in METHODS_RUN {
        let [map, train, new] = [
            format!("maps/{method}_layer_1.safetensors"),
            "activations/layer_1_train.npy".into(),
            "activations/layer_1_test.npy".into(),
        ]
        .map(|name| out.join(name).display().to_string());
        place.succeed(&format!(
            "transform {map} --train {train} --new {new} --places {method}.npy --device cpu"
        ));
        assert_same_file(
            &place.path(format!("{method}.npy")),
            &out.join(format!("embeddings/{method}_layer_1_test.npy")),
        );
    }
}

#[test]
fn what_does_not_fit_a_map_is_refused() {
    let place = fitted_and_new();
    place.succeed("embed x.npy --method umap --n-epochs 10 --device cpu --out map");
    let x = points(120, 5);
    npy::write_matrix(place.path("other.npy"), &changed(&x, 400, 3.5)).unwrap();
    npy::write_matrix(place.path("short.npy"), &x.select(&(0..119).collect::<Vec<_>>())).unwrap();
    place.points("narrow.npy", 30, 4);
    npy::write_f32(place.path("nan.npy"), &[[0.0; 9].as_slice(), &[f32::NAN]].concat(), &[2, 5])
        .unwrap();
    let of = |map: &str, new: &str, train: &str| {
        format!("transform {map} --new {new} --train {train} --device cpu")
    };
    let map = "map/map.safetensors";
    place.refuse(
        2,
        &format!("transform {map} --new new.npy --device cpu"),
        &["--train = none", "fitted to"],
    );
    place.refuse(2, &format!("transform {map} --train x.npy --device cpu"), &["--new"]);
    place.refuse(
        3,
        &of(map, "new.npy", "other.npy"),
        &["other.npy", "has other values", "120 x 5", "SHA-256"],
    );
    place.refuse(
        3,
        &of(map, "new.npy", "short.npy"),
        &["short.npy", "has another shape", "120 x 5", "119 x 5"],
    );
    place.refuse(3, &of(map, "narrow.npy", "x.npy"), &["narrow.npy", "4 columns", "have 5"]);
    place.refuse(3, &of(map, "nan.npy", "x.npy"), &["nan.npy", "row 1, column 4 is NaN"]);
    place.refuse(3, &of(map, "absent.npy", "x.npy"), &["absent.npy", "No such file"]);
    place.refuse(
        3,
        &of("absent.safetensors", "new.npy", "x.npy"),
        &["absent.safetensors", "No such file"],
    );
    // What was placed before stays, unless it may be replaced.
    let args = format!("{} --places p.npy", of(map, "new.npy", "x.npy"));
    place.succeed(&args);
    let before = fs::read(place.path("p.npy")).unwrap();
    place.refuse(
        1,
        &args.replace("new.npy", "x.npy"),
        &["p.npy", "exists already", "--places", "--force"],
    );
    assert!(fs::read(place.path("p.npy")).unwrap() == before);
    place.succeed(&format!("{} --force", args.replace("new.npy", "x.npy")));
    assert_eq!(shape(&place.path("p.npy")), (120, 2));
}

#[test]
fn files_that_are_no_map_are_refused() {
    let place = fitted_and_new();
    place.succeed("embed x.npy --method trimap --max-iter 10 --device cpu --out map");
    let whole = fs::read(place.path("map/map.safetensors")).unwrap();
    fs::write(place.path("cut.safetensors"), &whole[..whole.len() - 7]).unwrap();
    fs::write(place.path("empty.safetensors"), b"").unwrap();
    let mlp = small_mlp(5, 3);
    write_weights(&place.path("weights.safetensors"), &mlp, &mlp.initial_weights(1)).unwrap();
    for (file, part) in [
        ("x.npy", ""),
        ("cut.safetensors", ""),
        ("empty.safetensors", ""),
        ("weights.safetensors", "lack the key `layerlens_map`"),
        ("map/neighbors/input.safetensors", "lack the key `layerlens_map`"),
    ] {
        let args = format!("transform {file} --new new.npy --train x.npy --device cpu");
        place.refuse(3, &args, &[file, "not a .safetensors file of a map", part]);
    }
}

/// The neighbours that one method's run has kept serve every method that needs no more of them.
#[test]
fn neighbours_may_come_from_a_file() {
    let place = fitted_and_new();
    let embed = "embed x.npy --new new.npy --device cpu";
    for (method, short) in SHORT {
        place.succeed(&format!("{embed} --method {method} {short} --out {method}"));
    }
    for (method, short) in SHORT {
        let args = format!(
            "{embed} --method {method} {short} --neighbors tsne/neighbors/input.safetensors --out \
             again"
        );
        place.succeed(&format!("{args} --force"));
        for name in ["embedding", "new"] {
            let name = format!("embeddings/{name}.npy");
            assert_same_file(&place.path("again").join(&name), &place.path(method).join(&name));
        }
        assert!(!place.path("again/neighbors").exists(), "nothing was searched");
        let inputs = manifest(&place.path("again"))["inputs"].clone();
        let names: Vec<_> = inputs
            .as_array()
            .unwrap()
            .iter()
            .map(|input| input["name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["x.npy", "new.npy", "tsne/neighbors/input.safetensors"]);
    }
    // Others than the nearest: what the file says is what counts.
    let far = |i: u32| (1..=14).map(move |step| (i + 8 * step) % 120);
    let graph =
        NeighborGraph::new((0..120).flat_map(far).collect(), vec![1.0; 120 * 14], 14).unwrap();
    graph.write(&place.path("far.safetensors")).unwrap();
    place.succeed(&format!(
        "{embed} --method umap --n-epochs 60 --neighbors far.safetensors --out far"
    ));
    let map = |name: &str| fs::read(place.path(name).join("embeddings/embedding.npy")).unwrap();
    assert!(map("far") != map("umap"), "the file was not read");
}

#[test]
fn neighbours_that_do_not_fit_are_refused() {
    let place = fitted_and_new();
    let write = |name: &str, n: u32, k: u32, first: u32| {
        let ids = (0..n).flat_map(|i| (first..first + k).map(move |step| (i + step) % n)).collect();
        let graph = NeighborGraph::new(ids, vec![1.0; (n * k) as usize], k as usize).unwrap();
        graph.write(&place.path(name)).unwrap();
    };
    write("short.safetensors", 119, 90, 1);
    write("few.safetensors", 120, 20, 1);
    write("own.safetensors", 120, 90, 0);
    let embed = "embed x.npy --device cpu --out out";
    place.refuse(
        3,
        &format!("{embed} --neighbors short.safetensors"),
        &["short.safetensors", "119 points", "there are 120"],
    );
    let few = &["few.safetensors", "20 neighbours of each point", "needs 90"];
    place.refuse(3, &format!("{embed} --neighbors few.safetensors"), few);
    let own = &["own.safetensors", "row 0 has itself as a neighbour"];
    place.refuse(3, &format!("{embed} --neighbors own.safetensors"), own);
    place.refuse(
        3,
        &format!("{embed} --neighbors x.npy"),
        &["x.npy", "not a .safetensors file of neighbours"],
    );
    place.refuse(3, &format!("{embed} --neighbors absent"), &["absent", "No such file"]);
    for flag in ["--metric cosine", "--neighbors-search approximate"] {
        let args = format!("{embed} --neighbors few.safetensors {flag}");
        place.refuse(
            2,
            &args,
            &["--neighbors", flag.split(' ').next().unwrap(), "cannot be used with"],
        );
    }
}

/// By angle the lengths of rows do not matter: a random start and powers of two leave not a bit of
/// them.
#[test]
fn the_cosine_metric_looks_at_directions() {
    let place = fitted_and_new();
    let x = points(120, 5);
    let long = |(at, value): (usize, &f32)| value * [1.0, 4.0, 0.5, 64.0][at / 5 % 4];
    let scaled = Matrix::new(x.as_slice().iter().enumerate().map(long).collect(), 120, 5).unwrap();
    npy::write_matrix(place.path("scaled.npy"), &scaled).unwrap();
    for (method, short) in &SHORT[..2] {
        for (file, metric, out) in
            [("x", "cosine", "a"), ("scaled", "cosine", "b"), ("x", "euclidean", "c")]
        {
            let flags =
                format!("--method {method} {short} --init random --metric {metric} --device cpu");
            place.succeed(&format!("embed {file}.npy --new new.npy {flags} --out {out} --force"));
            assert_eq!(manifest(&place.path(out))["config"]["neighbors"]["metric"], metric);
        }
        for name in ["embedding", "new"] {
            let path = |out: &str| place.path(out).join(format!("embeddings/{name}.npy"));
            assert_same_file(&path("a"), &path("b"));
            assert!(
                fs::read(path("a")).unwrap() != fs::read(path("c")).unwrap(),
                "{method}: the metric changes nothing"
            );
        }
    }
    for (method, short) in SHORT {
        assert_placed_again(
            &place,
            &format!("--method {method} {short} --metric cosine"),
            &format!("cosine_{method}"),
        );
    }
    let mut data = x.into_vec();
    data[7 * 5..8 * 5].fill(0.0);
    npy::write_f32(place.path("zeros.npy"), &data, &[120, 5]).unwrap();
    let args = "embed zeros.npy --metric cosine --device cpu --out zeros";
    place.start(args).assert_error(3, args, &["row 7 is all zeros", "no direction"]);
    assert!(!place.path("zeros").exists(), "it is told before anything is done");
}

#[test]
fn approximate_neighbours_say_their_recall() {
    let place = Place::new();
    // Fewer than 5,793 points are searched exactly all the same.
    for (n, rows, least) in [(300, 300, 1.0), (6000, 1000, 0.8)] {
        place.points("x.npy", n, 12);
        let args = "embed x.npy --method umap --n-epochs 2 --neighbors-search approximate --device cpu --out out --force";
        let stderr = place.succeed(args).stderr;
        let manifest = manifest(&place.path("out"));
        assert_eq!(manifest["config"]["neighbors"]["method"], "approximate");
        let recall = manifest["results"]["neighbor_recall"][0]["recall"][0].as_f64().unwrap();
        assert!((least..=1.0).contains(&recall), "{recall} of {n}");
        let line = format!("approximate neighbours: recall {recall:.4} on {rows} rows");
        assert_eq!(
            stderr.lines().filter(|said| **said == line).count(),
            1,
            "`{line}` is not said: {stderr}"
        );
    }
    // An exact search has nothing to say.
    let stderr =
        place.succeed("embed x.npy --method umap --n-epochs 2 --device cpu --out exact").stderr;
    assert!(!stderr.contains("recall"), "{stderr}");
    assert!(manifest(&place.path("exact"))["results"].get("neighbor_recall").is_none());
}

#[test]
fn several_perplexities_make_one_map() {
    let place = Place::with_points();
    let map = |flag: &str| {
        place.succeed(&format!(
            "embed x.npy --perplexity {flag} --max-iter 100 --device cpu --out out --force"
        ));
        fs::read(place.path("out/embeddings/embedding.npy")).unwrap()
    };
    let both = map("5,20");
    assert_eq!(manifest(&place.path("out"))["config"]["parameters"]["perplexity"], "5,20");
    let graph = NeighborGraph::read(&place.path("out/neighbors/input.safetensors")).unwrap();
    assert_eq!((graph.n_samples(), graph.n_neighbors()), (120, 60), "three times the largest");
    assert!(both == map("20,5"), "their order matters");
    assert!(both != map("20") && both != map("5"), "one of them does not count");
    assert!(map("20,20") == map("20"), "one of them twice is no other");
}

#[test]
fn maps_of_three_dimensions_are_not_drawn() {
    let place = fitted_and_new();
    for (method, short) in SHORT {
        assert_placed_again(&place, &format!("--method {method} {short} --n-components 3"), method);
        let out = place.path(method);
        assert_eq!(shape(&out.join("embeddings/embedding.npy")), (120, 3));
        assert_eq!(
            manifest(&out)["warnings"],
            serde_json::json!(["no figure and no page: the map has 3 dimensions"])
        );
        assert!(!out.join("figures").exists());
        // The third dimension is no copy and no void.
        let map = npy::read_matrix(out.join("embeddings/embedding.npy")).unwrap();
        let column =
            |axis: usize| map.rows().map(move |row| row[axis].to_bits()).collect::<Vec<_>>();
        assert!(
            column(2).iter().collect::<BTreeSet<_>>().len() > 100
                && column(2) != column(0)
                && column(2) != column(1)
        );
        let again = format!(
            "embed x.npy --method {method} {short} --n-components 3 --device cpu --out {method} \
             --force"
        );
        let stderr = place.succeed(&again).stderr;
        assert!(
            stderr.contains("warning: no figure and no page: the map has 3 dimensions"),
            "{stderr}"
        );
    }
}

#[test]
fn a_map_starts_where_a_file_says() {
    let place = Place::with_points();
    let start = layerlens::random::Random::new(3, 1);
    let places: Vec<f32> =
        (0..240).map(|at| start.uniform(at) * if at % 2 == 0 { 1.0 } else { 5.0 }).collect();
    npy::write_f32(place.path("start.npy"), &places, &[120, 2]).unwrap();
    // A single step of no length: the map is the start, but for its scale and its centre.
    place.succeed(
        "embed x.npy --init start.npy --max-iter 1 --learning-rate 1e-9 --device cpu --out still",
    );
    let map = npy::read_matrix(place.path("still/embeddings/embedding.npy")).unwrap();
    let centred = |values: &[f32], axis: usize| {
        let mean =
            values.iter().skip(axis).step_by(2).map(|&value| f64::from(value)).sum::<f64>() / 120.0;
        values
            .iter()
            .skip(axis)
            .step_by(2)
            .map(|&value| f64::from(value) - mean)
            .collect::<Vec<_>>()
    };
    let x = centred(map.as_slice(), 0);
    let expected = centred(&places, 0);
    let scale =
        (x.iter().map(|v| v * v).sum::<f64>() / expected.iter().map(|v| v * v).sum::<f64>()).sqrt();
    for axis in [0, 1] {
        for (found, expected) in centred(map.as_slice(), axis).iter().zip(centred(&places, axis)) {
            assert!(
                (found - scale * expected).abs() < 1e-3 * scale,
                "axis {axis}: {found}, not {}",
                scale * expected
            );
        }
    }
    for (method, short) in SHORT {
        let embed = format!("embed x.npy --method {method} {short} --device cpu");
        place.succeed(&format!("{embed} --init start.npy --out out --force"));
        let map = |out: &str| fs::read(place.path(out).join("embeddings/embedding.npy")).unwrap();
        place.succeed(&format!("{embed} --out pca --force"));
        assert!(map("out") != map("pca"), "{method} starts elsewhere");
    }
}

#[test]
fn starts_that_do_not_fit_are_refused() {
    let place = Place::with_points();
    place.points("short.npy", 119, 2);
    place.points("wide.npy", 120, 3);
    fs::write(place.path("text.npy"), "0.1,0.2\n").unwrap();
    fs::write(place.path("start.txt"), "0.1 0.2\n").unwrap();
    for (method, _) in SHORT {
        let embed = format!("embed x.npy --method {method} --device cpu --out out --init");
        place.refuse(3, &format!("{embed} short.npy"), &["short.npy", "119 x 2", "120 x 2"]);
        place.refuse(3, &format!("{embed} wide.npy"), &["wide.npy", "120 x 3", "120 x 2"]);
        place.refuse(3, &format!("{embed} text.npy"), &["text.npy", "not an NPY file"]);
        place.refuse(3, &format!("{embed} absent.npy"), &["absent.npy", "No such file"]);
        place.refuse(
            2,
            &format!("{embed} start.txt"),
            &["--init = start.txt", "a .npy file of initial coordinates"],
        );
        place.succeed(&format!("{embed} random --force"));
        fs::remove_dir_all(place.path("out")).unwrap();
    }
    // The graph of UMAP alone has a spectrum, if it is in one piece.
    let random = layerlens::random::Random::new(3, 2);
    npy::write_f32(
        place.path("even.npy"),
        &(0..360).map(|at| random.uniform(at)).collect::<Vec<_>>(),
        &[120, 3],
    )
    .unwrap();
    place.succeed(
        "embed even.npy --method umap --init spectral --n-epochs 60 --device cpu --out out",
    );
    let args = "embed x.npy --method umap --init spectral --n-epochs 60 --device cpu --out parts";
    place.start(args).assert_error(3, args, &["falls into 3 parts", "--init pca", "--n-neighbors"]);
}

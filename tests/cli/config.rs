//! Settings from files: the config.toml that a run writes, files by hand, and what is wrong in them.

use crate::support::{Place, finished, manifest, words};
use std::fs;

/// A run of its own for each kind of configuration, the line without `--out`, and what its second
/// run is given beside the file.
const RUNS: [(&str, &str); 4] = [
    (
        "run --dataset fashion-mnist --data-dir data --hidden 8 --epochs 2 --methods umap,pca \
         --n-epochs 20 --umap-spread 2 --clusters dbscan --eps 2000 --report-points 50 --seed 7",
        "run",
    ),
    (
        "train --dataset fashion-mnist --data-dir data --hidden 8,4 --epochs 1 --keep-best \
         --validation-split last --dropout 0.25",
        "train",
    ),
    ("embed x.npy --method tsne --max-iter 60 --perplexity 7 --seed 3", "embed x.npy"),
    ("cluster x.npy --method k-means,hdbscan --n-clusters 3 --min-cluster-size 4", "cluster x.npy"),
];

/// What a run writes is what another run reads, and nothing else need be said.
#[test]
fn the_configuration_of_a_run_is_accepted_as_it_is() {
    let place = Place::with_images();
    place.points("x.npy", 120, 5);
    for (at, (first, again)) in RUNS.into_iter().enumerate() {
        place.succeed(&format!("{first} --device cpu --out a{at}"));
        place.succeed(&format!("{again} --config a{at}/config.toml --device cpu --out b{at}"));
        let [a, b] = ["a", "b"].map(|out| place.path(format!("{out}{at}")));
        let config =
            |folder: &std::path::Path| fs::read_to_string(folder.join("config.toml")).unwrap();
        assert_eq!(config(&a), config(&b), "{first}");
        let (a, b) = (manifest(&a), manifest(&b));
        assert_eq!(a["seed"], b["seed"], "{first}");
        for part in ["test", "knn", "quality", "clusters"] {
            assert_eq!(a["results"][part], b["results"][part], "{first}: {part}");
        }
    }
    // The same of another kind of run, which the typed flag asks for.
    place.succeed(
        "run --config a0/config.toml --model a0/model/weights.safetensors --methods pca --device \
         cpu --out c",
    );
    let accuracy = |out: &str| manifest(&place.path(out))["results"]["test"]["accuracy"].clone();
    assert_eq!(accuracy("c"), accuracy("a0"));
    let methods = &manifest(&place.path("c"))["config"]["methods"];
    assert_eq!(methods.as_object().unwrap().keys().collect::<Vec<_>>(), ["pca"]);
}

#[test]
fn the_models_of_a_comparison_are_accepted_as_they_are() {
    let place = Place::with_images();
    let small = "[[layers]]\ntype = \"dense\"\nunits = 6\nactivation = \"relu\"\n\
                 [[layers]]\ntype = \"dense\"\nactivation = \"softmax\"\n";
    fs::write(place.path("small.toml"), small).unwrap();
    place.succeed(
        "compare-models small.toml mlp --epochs 1 --dataset fashion-mnist --data-dir data \
         --methods pca --clusters none --device cpu --out a",
    );
    place.succeed("compare-models --config a/config.toml --device cpu --out b");
    let [a, b] =
        ["a", "b"].map(|out| fs::read_to_string(place.path(out).join("config.toml")).unwrap());
    assert_eq!(a, b);
    let models = |out: &str| manifest(&place.path(out))["results"]["models"].clone();
    let accuracy = |out: &str| models(out)[1]["test_accuracy"].clone();
    assert_eq!(accuracy("a"), accuracy("b"));
}

#[test]
fn flag_environment_file_and_default_count_in_this_order() {
    let place = Place::with_points();
    fs::write(place.path("c.toml"), "seed = 3\nmethod = \"pca\"\nforce = true\nout = \"out\"\n")
        .unwrap();
    for (flags, variable, expected) in
        [("--seed 5", Some("4"), 5), ("", Some("4"), 4), ("", None, 3)]
    {
        let mut command = place.command(&words("embed x.npy --config c.toml --device cpu"));
        command.args(words(flags)).envs(variable.map(|seed| ("LAYERLENS_SEED", seed)));
        let outcome = finished(&mut command);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        assert_eq!(manifest(&place.path("out"))["seed"], expected, "{flags} {variable:?}");
    }
    place.succeed("embed x.npy --method pca --device cpu --out plain");
    assert_eq!(manifest(&place.path("plain"))["seed"], 42);
    // Where a setting came from is said on request.
    let line = "embed x.npy --config c.toml --device cpu -v";
    let said = place.succeed(line).stderr;
    assert!(said.contains("setting: --seed by c.toml, line 1: seed"), "{said}");
}

#[test]
fn what_is_wrong_in_a_file_is_named_with_its_line() {
    let place = Place::with_points();
    for (text, parts) in [
        ("method = \"pca\"\nsed = 3\n", &["c.toml: line 2: sed", "did you mean seed?"][..]),
        ("epochs = 3\n", &["c.toml: line 1: epochs is no flag of embed"]),
        ("seed = -1\n", &["c.toml: line 1: seed = -1", "whole number"]),
        ("metric = \"manhattan\"\n", &["line 1: metric = manhattan", "euclidean, cosine"]),
        ("method = \"tsne\"\nperplexity = 900\n", &["line 2: perplexity = 900: between 1 and"]),
        (
            "method = \"tsne\"\n[methods.tsne]\nperplexity = 900\n",
            &["line 3: methods.tsne.perplexity = 900: between 1 and"],
        ),
        ("method = \"tnse\"\n", &["line 1: method = tnse", "tsne"]),
        ("balanced = \"yes\"\n", &["line 1: balanced must be true or false"]),
        ("method = \n", &["c.toml: line 1: not TOML"]),
    ] {
        fs::write(place.path("c.toml"), text).unwrap();
        place.refuse(3, "embed x.npy --config c.toml --device cpu --out out", parts);
    }
    place.refuse(3, "embed x.npy --config none.toml", &["none.toml", "No such file"]);
    // Flags that exclude each other do so in a file too.
    fs::write(place.path("c.toml"), "fit_sample = 9\nneighbors = \"n\"\n").unwrap();
    let outcome = place.start("embed x.npy --config c.toml --device cpu");
    outcome.assert_error(2, "a conflict", &["--fit-sample", "--neighbors", "c.toml: line 2"]);
}

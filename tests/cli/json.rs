//! `--json`: one document on stdout, of a success and of a failure, and the words for people on
//! stderr.

use crate::pipeline::shared_run;
use crate::support::{Outcome, Place, manifest};
use serde_json::Value;

/// The document of an outcome, which is all that stdout holds.
fn document(outcome: &Outcome, command: &str) -> Value {
    let document: Value = serde_json::from_str(&outcome.stdout)
        .unwrap_or_else(|error| panic!("{command}: {error}\n{}", outcome.stdout));
    assert_eq!((&document["version"], &document["command"]), (&1.into(), &command.into()));
    document
}

/// The result of a command that succeeds.
fn result(place: &Place, command: &str, flags: &str) -> Value {
    let outcome = place.succeed(&format!("{command} {flags} --json"));
    let document = document(&outcome, command);
    assert!(document["error"].is_null(), "{command}");
    document["result"].clone()
}

#[test]
fn every_command_has_a_result() {
    let place = Place::with_points();
    let run = shared_run();
    let run = run.to_str().unwrap();
    let labels = "--labels labels.npy";
    let embed = format!("x.npy {labels} --method pca --device cpu --out out");
    let found = result(&place, "embed", &embed);
    assert_eq!((&found["path"], &found["method"]), (&"out".into(), &"pca".into()));
    assert_eq!(found["results"], manifest(&place.path("out"))["results"]);
    let found = result(
        &place,
        "transform",
        "out/map.safetensors --new x.npy --device cpu --places new.npy",
    );
    assert_eq!(found["files"][0]["n_points"], 120);
    let found = result(&place, "evaluate", &format!("x.npy {labels} --device cpu"));
    assert_eq!(found["knn"][0]["n_scored"], 120);
    let found = result(&place, "cluster", &format!("x.npy {labels} --device cpu --out groups"));
    assert_eq!(found["clusters"][0]["n_clusters"], 3);
    let found = result(&place, "compare", &format!("{run} {run} --out compared"));
    assert!(found["comparison"].is_object());
    let found = result(&place, "report", &format!("{run} --device cpu --out page.html"));
    assert_eq!(found["bytes"], place.path("page.html").metadata().unwrap().len());
    let found =
        result(&place, "export", &format!("{run} --format parquet --device cpu --out e.parquet"));
    assert_eq!(found["written"][0]["format"], "parquet");
    let found = result(&place, "data info", "digits");
    assert_eq!((&found["n_train"], &found["classes"][0]["n_test"]), (&1000.into(), &79.into()));
    assert_eq!(result(&place, "data list", "")["datasets"][1]["state"], "embedded");
    assert_eq!(result(&place, "model show", "cnn-a")["n_parameters"], 174_629);
    assert_eq!(result(&place, "devices", "")["choices"]["cpu"]["takes"], "CPU");
    let found =
        result(&place, "bench", "--n 200 --d 4 --methods pca --repeats 1 --device cpu --out timed");
    assert!(found["results"]["devices"][0]["timings"].is_array());
}

#[test]
fn a_whole_study_has_the_results_of_its_manifest() {
    let place = Place::with_images();
    let data = "--dataset fashion-mnist --data-dir data --hidden 8 --epochs 1 --device cpu";
    for (command, flags) in [("train", ""), ("run", "--methods pca --clusters none")] {
        let found = result(&place, command, &format!("{data} {flags} --out {command}"));
        assert_eq!(found["results"], manifest(&place.path(command))["results"], "{command}");
        assert_eq!(found["class_names"].as_array().unwrap().len(), 10);
    }
    let found = result(&place, "profile", "run/activations --device cpu --out profile");
    assert!(found["results"]["layer_profiles"].is_array());
}

#[test]
fn the_words_for_people_go_to_stderr_unless_they_are_not_wanted() {
    let place = Place::new();
    let told = place.succeed("data info digits").stdout;
    let beside = place.succeed("data info digits --json");
    assert_eq!(beside.stderr, told);
    let quiet = place.succeed("data info digits --json -q");
    assert_eq!((quiet.stdout, quiet.stderr), (beside.stdout, String::new()));
}

#[test]
fn a_failure_is_a_document_too_and_keeps_its_exit_code() {
    let place = Place::with_points();
    for (args, code, kind, words) in [
        ("embed none.npy", 3, "input", "none.npy"),
        ("embed x.npy --method tsne --perplexity 900", 2, "parameter", "--perplexity = 900"),
        ("embed x.npy --nosuch", 2, "usage", "--nosuch"),
        ("completions bash", 2, "usage", "--json"),
    ] {
        let outcome = place.start(&format!("{args} --json"));
        let document = document(&outcome, args.split(' ').next().unwrap());
        let error = &document["error"];
        assert_eq!(
            (outcome.code, &error["exit_code"], &error["kind"]),
            (Some(code), &code.into(), &kind.into()),
            "{args}"
        );
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(words) && !message.contains("error:"), "{args}: {message}");
        outcome.assert_error(code, args, &[words]);
        assert!(document["result"].is_null(), "{args}");
    }
}

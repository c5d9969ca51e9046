//! A GPU that is lost in the middle of a run: an error that names the work and leaves a run to go
//! on with, or, where `auto` chose the GPU, the same run on the CPU. A hook loses the device at the
//! submit whose number it is given.

use crate::support::{Outcome, Place, assert_outputs_are_whole, finished, gpu, manifest, words};
use std::path::Path;

const LOST_AT: &str = "LAYERLENS_LOST_AT_SUBMIT";
/// Lets `auto` take the software adapter, which is the only one of most machines that test.
const SOFTWARE: &str = "LAYERLENS_AUTO_TAKES_SOFTWARE";

fn start(place: &Place, args: &str, submit: u64) -> Outcome {
    let mut command = place.command(&words(args));
    command.env(LOST_AT, submit.to_string()).env(SOFTWARE, "1");
    finished(&mut command)
}

const RUN: &str =
    "run --dataset data --hidden 8 --epochs 1 --methods pca,umap --n-epochs 30 --out out";

/// Numbers of submits that reach from the training to the last stage of a run of some hundred.
fn moments() -> impl Iterator<Item = u64> {
    [1, 4, 9, 20, 45, 80, 140, 250, 400].into_iter()
}

#[test]
fn a_run_that_loses_its_gpu_fails_by_name_and_goes_on() {
    if gpu().is_none() {
        return;
    }
    let place = Place::with_images();
    let out = place.path("out");
    let mut lost = 0;
    for submit in moments() {
        let resume = if lost > 0 { " --resume" } else { "" };
        let outcome = start(&place, &format!("{RUN} --device gpu{resume}"), submit);
        if outcome.code == Some(0) {
            break;
        }
        lost += 1;
        assert_eq!(outcome.code, Some(1), "submit {submit}: {}", outcome.stderr);
        let last = outcome.stderr.lines().last().unwrap_or_default();
        assert!(
            last.starts_with("error: the GPU was lost during `"),
            "submit {submit}: {}",
            outcome.stderr
        );
        assert!(!outcome.stderr.contains("panicked"), "submit {submit}: {}", outcome.stderr);
        assert_eq!(manifest(&out)["status"], "failed", "submit {submit}");
        assert_outputs_are_whole(&out);
    }
    assert!(lost > 3, "lost {lost} times");
    place.succeed(&format!("{RUN} --device gpu --resume"));
    assert_eq!(manifest(&out)["status"], "complete");
}

#[test]
fn what_a_gpu_that_auto_chose_fails_at_is_done_on_the_cpu() {
    if gpu().is_none() {
        return;
    }
    let place = Place::with_images();
    for submit in [3, 60, 200] {
        let outcome = start(&place, &format!("{RUN} --device auto --force"), submit);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        let found = manifest(&place.path("out"));
        let said = format!("{}", found["warnings"]);
        assert!(
            said.contains("the GPU was lost during") && said.contains("computed on the CPU"),
            "{submit}: {said}"
        );
        assert!(outcome.stderr.contains("the GPU was lost during"), "{}", outcome.stderr);
        assert_eq!(
            (&found["status"], &found["device"]["kind"]),
            (&"complete".into(), &"cpu".into())
        );
        let stages: Vec<&str> = found["stages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|stage| stage["name"].as_str().unwrap())
            .collect();
        assert!(
            stages.iter().enumerate().all(|(at, stage)| !stages[..at].contains(stage)),
            "a stage twice: {stages:?}"
        );
    }
}

#[test]
fn commands_of_one_stage_are_done_again_on_the_cpu() {
    if gpu().is_none() {
        return;
    }
    let place = Place::with_points();
    let commands = [
        "embed x.npy --labels labels.npy --method umap --n-epochs 20 --out map",
        "cluster x.npy --out clusters",
        "evaluate x.npy --labels labels.npy --space x.npy",
        "report --embedding map/embeddings/embedding.npy --space x.npy --out page.html",
    ];
    for args in commands {
        let outcome = start(&place, &format!("{args} --device auto"), 2);
        assert_eq!(outcome.code, Some(0), "{args}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("the GPU was lost during"), "{args}: {}", outcome.stderr);
    }
    let is_whole = |name: &str| manifest(&place.path(Path::new(name)))["status"] == "complete";
    assert!(is_whole("map") && is_whole("clusters"));
}

/// A software adapter is slower at neighbours than the CPU that it runs on, and `auto` may take one
/// here.
#[test]
fn neighbors_that_the_cpu_finds_sooner_are_left_to_it() {
    if gpu().is_none() {
        return;
    }
    let place = Place::new();
    place.points("x.npy", 12_000, 64);
    let mut command = place.command(&words(
        "embed x.npy --method umap --n-epochs 5 --init random --device auto --out out",
    ));
    let outcome = finished(command.env(SOFTWARE, "1"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let found = manifest(&place.path("out"));
    let said = "neighbours of 12000 x 64 on the CPU: ";
    assert!(
        found["warnings"].to_string().contains(said) && outcome.stderr.contains(said),
        "{}",
        outcome.stderr
    );
    let device_of = |name: &str| {
        let stage =
            found["stages"].as_array().unwrap().iter().find(|stage| stage["name"] == name).unwrap();
        stage["device"].as_str().unwrap().to_owned()
    };
    assert_eq!((device_of("neighbours"), device_of("umap")), ("cpu".into(), "gpu".into()));
}

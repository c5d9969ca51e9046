//! Stdout and stderr that take nothing more, and surroundings that lack something: the exit code
//! tells the truth all the same.
#![cfg(target_os = "linux")]

use crate::support::{Place, manifest};
use std::fs;
use std::os::unix::ffi::OsStrExt;

/// Every command, with `OUT` for a folder of its own.
const COMMANDS: [&str; 19] = [
    "--help",
    "--version",
    "run --help",
    "help embed",
    "devices",
    "data list",
    "data info fashion-mnist --data-dir data",
    "data convert fashion-mnist OUT --data-dir data --format idx",
    "model show cnn-a",
    "embed x.npy --method pca --device cpu --out OUT",
    "transform map/map.safetensors --new x.npy --device cpu --places OUT.npy",
    "evaluate x.npy --labels labels.npy --device cpu --out OUT",
    "cluster x.npy --device cpu --out OUT",
    "train --dataset fashion-mnist --data-dir data --hidden 8 --epochs 1 --device cpu --out OUT",
    "run --dataset fashion-mnist --data-dir data --hidden 8 --epochs 1 --methods pca --device cpu \
     --out OUT",
    "compare run run --out OUT",
    "export run --device cpu --out OUT",
    "report run --device cpu --out OUT",
    "bench --n 200 --d 4 --methods pca --repeats 1 --device cpu --out OUT",
];

/// A folder with all that the commands read.
fn place() -> Place {
    let place = Place::with_images();
    place.points("x.npy", 120, 5);
    place.labels("labels.npy", &crate::support::groups(120));
    place.succeed("embed x.npy --method pca --device cpu --out map");
    place.succeed(&COMMANDS[14].replace("OUT", "run"));
    place
}

#[test]
fn a_full_stdout_is_told_and_a_full_stderr_changes_nothing() {
    let place = place();
    for (at, command) in COMMANDS.into_iter().enumerate() {
        let args = command.replace("OUT", &format!("a{at}"));
        let outcome = place.shell(&format!("exec $0 {args} > /dev/full"));
        outcome.assert_error(1, &args, &["cannot write stdout", "No space left on device"]);
        // The work itself is done.
        let made = ["", ".npy"].map(|ending| place.path(format!("a{at}{ending}")).exists());
        assert_eq!(made.contains(&true), command.contains("OUT"), "{args}");
        if place.path(format!("a{at}/manifest.json")).exists() {
            assert_eq!(manifest(&place.path(format!("a{at}")))["status"], "complete", "{args}");
        }
        let args = command.replace("OUT", &format!("b{at}"));
        let outcome = place.shell(&format!("exec $0 {args} 2> /dev/full"));
        assert_eq!((outcome.code, outcome.stdout.is_empty()), (Some(0), false), "{args}");
        // An error stays the error that it is, wherever its words go.
        let is_help = command.contains("help") || command.contains("--version");
        for redirection in
            ["2> /dev/full", "2>&-", "> /dev/full 2>&1"].into_iter().filter(|_| !is_help)
        {
            let code = place.shell(&format!("exec $0 {command} --nosuch {redirection}")).code;
            assert_eq!(code, Some(2), "{command} --nosuch {redirection}");
        }
        // A reader that has gone away is no error.
        let args = command.replace("OUT", &format!("c{at}"));
        let outcome =
            place.shell(&format!("(sleep 0.1; exec $0 {args}) | true; exit ${{PIPESTATUS[0]}}"));
        assert_eq!(outcome.code, Some(0), "{args}: {}", outcome.stderr);
    }
}

/// No home, no environment at all, and languages that order letters otherwise.
#[test]
fn surroundings_change_nothing() {
    let place = place();
    let embed = "embed x.npy --labels labels.npy --method pca --device cpu";
    let mut first: Option<(Vec<u8>, String)> = None;
    for (at, words) in [
        "",
        "-i",
        "-u HOME",
        "LC_ALL=tr_TR.UTF-8",
        "LC_ALL=C LANG=xx",
        "TZ=Nowhere/There HOME=/nonexistent TMPDIR=/nonexistent",
    ]
    .into_iter()
    .enumerate()
    {
        let outcome = place.shell(&format!("exec env {words} $0 {embed} --out s{at}"));
        assert_eq!(outcome.code, Some(0), "{words}: {}", outcome.stderr);
        let map = fs::read(place.path(format!("s{at}/embeddings/embedding.npy"))).unwrap();
        let found = (map, outcome.stdout.replace(&format!("s{at}"), "s"));
        assert_eq!(*first.get_or_insert_with(|| found.clone()), found, "{words}");
        let outcome = place.shell(&format!("exec env {words} $0 data list"));
        assert_eq!(outcome.code, Some(0), "{words}: {}", outcome.stderr);
        let fetch = place
            .shell(&format!("exec env {words} $0 run --dataset mnist --device cpu --out none"));
        fetch.assert_error(3, words, &["mnist"]);
    }
}

#[test]
fn names_that_are_no_utf_8_are_read_and_written() {
    let place = Place::with_points();
    let folder = place.path(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    fs::create_dir(&folder).unwrap();
    fs::rename(place.path("x.npy"), folder.join("x.npy")).unwrap();
    let embed = "exec $0 embed $'caf\\xe9/x.npy' --method pca --device cpu --out $'caf\\xe9/out'";
    for flags in ["", " --force"] {
        let outcome = place.shell(&format!("{embed}{flags}"));
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        assert_eq!(manifest(&folder.join("out"))["status"], "complete");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
    }
    // What is read is not replaced, however its name is written.
    let again = "exec $0 embed $'caf\\xe9/out/embeddings/embedding.npy' --method pca --device cpu --out $'caf\\xe9/out' --force";
    place.shell(again).assert_error(1, again, &["this run reads"]);
    let outcome = place.shell("exec $0 embed $'no\\xe9.npy' --method pca --device cpu");
    outcome.assert_error(3, "a name", &["no\u{fffd}.npy"]);
}

/// Memory that is refused ends with words and exit code 1, and leaves nothing unfinished.
#[test]
fn too_little_memory_is_told() {
    let place = Place::new();
    place.points("x.npy", 60_000, 100);
    let args = "embed x.npy --method pca --device cpu --threads 2 --out out";
    for limit in [150_000, 200_000, 300_000, 600_000] {
        let outcome = place.shell(&format!("ulimit -v {limit}; exec $0 {args}"));
        if outcome.code != Some(0) {
            outcome.assert_error(1, args, &["error: "]);
            let words = [
                "not enough memory",
                "cannot start the threads",
                "Cannot allocate memory",
                "out of memory",
            ];
            assert!(
                words.iter().any(|words| outcome.stderr.contains(words)),
                "{limit}: {}",
                outcome.stderr
            );
        }
        place.assert_nothing_half_written();
        let _ = fs::remove_dir_all(place.path("out"));
    }
}

/// A disk that is full from the beginning, or becomes so: the run before is where it was.
#[test]
fn a_replacement_that_cannot_be_written_leaves_the_run_as_it_was() {
    let place = Place::with_points();
    let args = "embed x.npy --method pca --device cpu --out out";
    place.succeed(args);
    fs::write(place.path("out/mine"), "").unwrap();
    let before = place.files();
    for blocks in [0, 1] {
        let outcome = place.shell(&format!("ulimit -f {blocks}; exec $0 {args} --force"));
        outcome.assert_error(1, args, &["cannot write out", "File too large"]);
        assert_eq!(place.files(), before, "{}", outcome.stderr);
        assert_eq!(manifest(&place.path("out"))["status"], "complete");
    }
}

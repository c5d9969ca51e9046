//! Folders that cannot be written or may not be replaced, full disks, readers that go away.

use crate::support::{Place, manifest};
use std::fs;

const EMBED: &str = "embed x.npy --method pca --device cpu";

#[test]
fn a_folder_below_a_file_is_refused() {
    let place = Place::with_points();
    place.refuse(
        1,
        &format!("{EMBED} --out x.npy/out"),
        &["cannot write x.npy/out", "Not a directory"],
    );
    place.refuse(1, &format!("{EMBED} --out x.npy"), &["x.npy exists already", "--force"]);
    let evaluate = "evaluate x.npy --labels labels.npy --device cpu --out x.npy/out";
    let outcome = place.start(evaluate);
    outcome.assert_error(1, evaluate, &["cannot write x.npy/out"]);
}

/// The system's words stand once in the message, not once more as its cause.
#[test]
fn a_reason_is_said_once() {
    let place = Place::with_points();
    let outcome = place.start(&format!("{EMBED} --out x.npy/out"));
    assert_eq!(outcome.stderr.matches("os error").count(), 1, "{}", outcome.stderr);
}

#[test]
fn a_run_is_replaced_on_demand_and_nothing_else() {
    let place = Place::with_points();
    let run = format!("{EMBED} --out out");
    place.succeed(&run);
    fs::write(place.path("out/mine.txt"), "kept as long as the run").unwrap();
    place.refuse(1, &run, &["out exists already", "--out", "--force"]);
    assert!(place.path("out/mine.txt").exists());
    place.succeed(&format!("{run} --force --seed 7"));
    assert!(!place.path("out/mine.txt").exists());
    assert_eq!(manifest(&place.path("out"))["seed"], 7);
    // An empty folder is as good as none.
    fs::create_dir(place.path("empty")).unwrap();
    place.succeed(&format!("{EMBED} --out empty"));
}

/// A folder of somebody else stays, even if it has a file called manifest.json, as that of a
/// browser extension does.
#[test]
fn force_spares_folders_that_are_no_run() {
    let place = Place::with_points();
    for name in ["plain", "extension", "damaged"] {
        fs::create_dir(place.path(name)).unwrap();
        fs::write(place.path(name).join("precious"), "data").unwrap();
    }
    fs::write(
        place.path("extension/manifest.json"),
        r#"{ "name": "an extension", "manifest_version": 3 }"#,
    )
    .unwrap();
    fs::write(place.path("damaged/manifest.json"), r#"{ "schema_version": 1, "#).unwrap();
    for name in ["plain", "extension", "damaged"] {
        place.refuse(
            1,
            &format!("{EMBED} --out {name} --force"),
            &[name, "not a run folder", "manifest.json"],
        );
    }
}

#[test]
fn tables_are_replaced_on_demand() {
    let place = Place::with_points();
    let evaluate = "evaluate x.npy --labels labels.npy --device cpu --out out";
    place.succeed(evaluate);
    for (kept, gone) in [("knn.csv", "knn_per_class.csv"), ("knn_per_class.csv", "knn.csv")] {
        place.succeed(&format!("{evaluate} --force"));
        fs::remove_file(place.path("out").join(gone)).unwrap();
        place.refuse(1, evaluate, &[kept, "exists already", "--force"]);
    }
}

/// Under a limit on file sizes writes fail as on a full disk. 64 blocks of 1,024 bytes hold the
/// manifest, but no weights, no picture and no map.
#[cfg(unix)]
#[test]
fn a_full_disk_is_reported_and_leaves_no_torn_file() {
    let place = Place::with_images();
    let run = "run --dataset fashion-mnist --data-dir data --epochs 1 --device cpu --out";
    // By default the system kills a program at the limit, unless the caller has it ignore the
    // signal.
    for (out, prelude) in [("a", ""), ("b", "trap '' XFSZ;")] {
        let outcome = place.shell(&format!("ulimit -f 64; {prelude} exec $0 {run} {out}"));
        outcome.assert_error(1, run, &["cannot write", out, "File too large"]);
        assert_eq!(outcome.stderr.matches("File too large").count(), 1, "{}", outcome.stderr);
        let manifest = manifest(&place.path(out));
        assert_eq!(manifest["status"], "failed");
        assert!(
            manifest["error"].as_str().unwrap().contains("File too large"),
            "{}",
            manifest["error"]
        );
    }
    place.points("wide.npy", 5000, 4);
    let args = "embed wide.npy --method pca --device cpu --out c";
    place.shell(&format!("ulimit -f 32; exec $0 {args}")).assert_error(
        1,
        args,
        &["cannot write c/embeddings/embedding.npy"],
    );
    assert!(!place.path("c/embeddings/embedding.npy").exists());
    place.labels("many.npy", &crate::support::groups(5000));
    let args = "evaluate wide.npy --labels many.npy --device cpu --out d";
    place.shell(&format!("ulimit -f 0; exec $0 {args}")).assert_error(
        1,
        args,
        &["cannot write d/knn.csv"],
    );
    assert!(!place.path("d/knn.csv").exists());
    place.assert_nothing_half_written();
}

/// Neither stdout nor stderr need be read to the end.
#[cfg(unix)]
#[test]
fn readers_may_go_away() {
    let place = Place::with_points();
    for args in [
        "devices",
        "--help",
        "run --help",
        &format!("{EMBED} --labels labels.npy --out out1 --progress none"),
    ] {
        let outcome = place.shell(&format!("$0 {args} | head -n 1; exit ${{PIPESTATUS[0]}}"));
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{args}");
        assert_eq!(outcome.stdout.lines().count(), 1, "{args}");
    }
    // Closed before anything is written: the first line meets it already.
    for (out, script) in [("out2", "$0 ARGS 2>&1 >/dev/null | true"), ("out3", "$0 ARGS | true")] {
        let args = format!("{EMBED} --labels labels.npy --out {out}");
        let script = script.replace("$0 ARGS", &format!("(sleep 0.2; exec $0 {args})"));
        let outcome = place.shell(&format!("{script}; exit ${{PIPESTATUS[0]}}"));
        assert_eq!(outcome.code, Some(0), "{script}\n{}", outcome.stderr);
        assert_eq!(manifest(&place.path(out))["status"], "complete");
    }
}

#[test]
fn force_spares_what_the_run_reads() {
    let place = Place::with_points();
    place.succeed("embed x.npy --method pca --device cpu --out old");
    let again = "embed old/embeddings/embedding.npy --method pca --device cpu --out old --force";
    place.refuse(1, again, &["embedding.npy", "this run reads"]);
    place.succeed("embed x.npy --method pca --device cpu --out old --force");
    let left: Vec<_> =
        fs::read_dir(place.path(".")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("replaced")), "{left:?}");
}

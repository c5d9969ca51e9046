//! Killed, interrupted and failed runs go on where they stopped, and end with the bytes of a run
//! that nothing stopped.

use crate::pipeline::{shared, shared_arguments, shared_run};
use crate::support::{Place, assert_outputs_are_whole, files_below, manifest, words};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The arguments of the shared run, into the folder `out`.
fn arguments(out: &str) -> String {
    format!("{} --out {out}", shared_arguments(&shared().0.join("data")))
}

/// Every file below a run's folder; of the manifest without times and the name of the folder.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = files_below(folder).into_iter().filter(|path| folder.join(path).is_file());
    let read = |path: PathBuf| {
        let bytes = match path.to_str() {
            Some("manifest.json") => timeless(folder),
            Some("report.html") => without_tables(folder),
            Some("checkpoints/seconds.csv") => Vec::new(),
            _ => fs::read(folder.join(&path)).unwrap(),
        };
        (path, bytes)
    };
    files.map(read).collect()
}

/// The manifest without times and without the words of the command line that say where the run is
/// and that it is resumed.
fn timeless(folder: &Path) -> Vec<u8> {
    let mut manifest = manifest(folder);
    manifest["started"] = Value::Null;
    without_seconds(&mut manifest);
    // The page has times in it.
    let page = manifest["outputs"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .find(|output| output["path"] == "report.html");
    page.into_iter().for_each(|page| page["sha256"] = Value::Null);
    let argv = manifest["argv"].as_array_mut().unwrap();
    argv.retain(|word| word != "--resume");
    let out = argv.iter().position(|word| word == "--out").unwrap();
    argv.remove(out + 1);
    serde_json::to_vec_pretty(&manifest).unwrap()
}

/// The page without its static part, which has times and the command line.
pub fn without_tables(folder: &Path) -> Vec<u8> {
    let page = fs::read_to_string(folder.join("report.html")).unwrap();
    let (before, tables) = page.split_once("<section id=\"report\"").unwrap();
    [before, tables.split_once("<dialog id=\"help\"").unwrap().1].concat().into_bytes()
}

/// Empties what is called `seconds` or `..._seconds`.
fn without_seconds(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(without_seconds),
        Value::Object(map) => map.iter_mut().for_each(|(key, value)| {
            if key.ends_with("seconds") { *value = Value::Null } else { without_seconds(value) }
        }),
        _ => {}
    }
}

pub fn assert_same_contents(a: &Path, b: &Path) {
    let (a, b) = (contents(a), contents(b));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (path, bytes) in &a {
        if *bytes != b[path] {
            let lines = |bytes: &[u8]| {
                String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>()
            };
            let x = lines(bytes);
            let y = lines(&b[path]);
            let line = x.iter().zip(&y).find(|(x, y)| x != y);
            panic!("{} differs: {line:?}", path.display());
        }
    }
}

/// A random time below `most` milliseconds, another one in every test run.
#[cfg(unix)]
pub fn some_time(most: u32) -> std::time::Duration {
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos();
    let random = layerlens::random::Random::new(u64::from(now), 0);
    std::time::Duration::from_millis(u64::from(random.bits(0) % most))
}

#[cfg(unix)]
#[test]
fn a_run_killed_at_random_moments_ends_with_the_bytes_of_one_that_was_not() {
    let place = Place::new();
    let args = arguments("out");
    let mut killed_at = Vec::new();
    // The first kills come early, in the training perhaps.
    for attempt in 0..12 {
        let resume = if attempt == 0 { "" } else { " --resume" };
        let stderr = fs::File::create(place.path("stderr")).unwrap();
        let mut command = place.command(&words(&args));
        command.args(words(resume)).stdout(std::process::Stdio::null()).stderr(stderr);
        let mut child = command.spawn().unwrap();
        std::thread::sleep(some_time(150 + 100 * attempt));
        // SIGKILL: nothing of the program runs any more.
        let _ = child.kill();
        let status = child.wait().unwrap();
        if status.success() {
            break;
        }
        assert_eq!(status.code(), None, "{}", fs::read_to_string(place.path("stderr")).unwrap());
        let out = place.path("out");
        if out.join("manifest.json").exists() {
            assert_eq!(manifest(&out)["status"], "running");
            assert_outputs_are_whole(&out);
            killed_at.push(manifest(&out)["stages"].as_array().unwrap().len());
        } else {
            // Before the first manifest: what is there must not be in the way.
            killed_at.push(0);
        }
    }
    assert!(killed_at.len() >= 3, "killed after {killed_at:?} stages");
    let outcome = place.succeed(&format!("{args} --resume"));
    assert_same_contents(&shared_run(), &place.path("out"));
    // Times differ: numbers before an `s`.
    let tables = |stdout: &str| {
        let words: Vec<&str> =
            stdout.split("\nwritten to ").next().unwrap().split_whitespace().collect();
        let is_time = |at: usize| {
            words
                .get(at + 1)
                .is_some_and(|next| next.trim_end_matches([';', '.', ',', ':', ')']) == "s")
        };
        (0..words.len())
            .filter(|&at| !is_time(at))
            .map(|at| words[at].to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(tables(&outcome.stdout), tables(&shared().1), "killed after {killed_at:?} stages");
}

/// Killed after every single stage: what is left is the state that the manifest had then.
#[test]
fn a_run_goes_on_after_each_of_its_stages() {
    let place = Place::new();
    let whole = shared_run();
    let n_stages = manifest(&whole)["stages"].as_array().unwrap().len();
    for n_finished in [1, 2, 3, 4, 5, 9, n_stages - 2, n_stages - 1] {
        let out = place.path(format!("out{n_finished}"));
        copy(&whole, &out);
        let mut rewound = manifest(&out);
        rewind(&mut rewound, n_finished);
        fs::write(out.join("manifest.json"), serde_json::to_vec_pretty(&rewound).unwrap()).unwrap();
        // Of the unfinished stage there are half-written files.
        fs::write(out.join("scores/.layerlens-torn"), "torn").unwrap();
        let unfinished = if n_finished == n_stages - 1 { "report.html" } else { "scores/knn.csv" };
        fs::write(out.join(unfinished), "space,me").unwrap();
        place.succeed(&arguments(out.to_str().unwrap()).replace("--out", "--resume --out"));
        assert_same_contents(&whole, &out);
    }
}

/// The manifest of a run as it stood after `n` stages, from that of the whole run: without the
/// files of later stages. What later stages noted is dropped by the run that goes on.
fn rewind(manifest: &mut Value, n: usize) {
    manifest["status"] = "running".into();
    manifest["stages"].as_array_mut().unwrap().truncate(n);
    let stages = manifest["stages"].clone();
    let is_finished =
        |name: &Value| stages.as_array().unwrap().iter().any(|stage| stage["name"] == *name);
    manifest["outputs"].as_array_mut().unwrap().retain(|output| is_finished(&output["stage"]));
}

pub fn copy(from: &Path, to: &Path) {
    for path in files_below(from) {
        let target = to.join(&path);
        if from.join(&path).is_dir() {
            fs::create_dir_all(target).unwrap();
        } else {
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::copy(from.join(&path), target).unwrap();
        }
    }
}

#[test]
fn of_a_complete_run_nothing_is_left_to_do() {
    let place = Place::new();
    copy(&shared_run(), &place.path("out"));
    let before = contents(&place.path("out"));
    let outcome = place.succeed(&format!("{} --resume", arguments("out")));
    assert!(
        outcome.stderr.contains("nothing is left to do: the run in out is complete"),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stdout.contains("k-NN accuracy, fitted on 334 training points"),
        "{}",
        outcome.stdout
    );
    assert_eq!(contents(&place.path("out")), before);
}

#[test]
fn a_run_that_was_begun_otherwise_is_not_resumed() {
    let place = Place::with_images();
    let begun = "run --dataset fashion-mnist --data-dir data --hidden 8 --epochs 1 --methods pca --device cpu";
    place.succeed(&format!("{begun} --out out"));
    let mut left = manifest(&place.path("out"));
    left["status"] = "interrupted".into();
    left["stages"].as_array_mut().unwrap().clear();
    fs::write(place.path("out/manifest.json"), serde_json::to_vec_pretty(&left).unwrap()).unwrap();
    let refuse = |change: &str, parts: &[&str]| {
        let parts = [&["out/manifest.json", "cannot be resumed"], parts].concat();
        place.refuse(3, &format!("{begun} --resume --out out {change}"), &parts);
    };
    refuse("--seed 7", &["--seed was 42 and is 7 now"]);
    refuse("--batch-size 64", &["training.batch_size was 128 and is 64 now"]);
    refuse("--dropout 0.25", &["model.layers[2].rate was 0.5 and is 0.25 now"]);
    refuse("--metric cosine", &["neighbors.metric was \"euclidean\" and is \"cosine\" now"]);
    refuse("--whiten true", &["methods.pca.whiten was false and is true now"]);
    let labels = place.path("data/t10k-labels-idx1-ubyte");
    let mut bytes = fs::read(&labels).unwrap();
    bytes[8] = (bytes[8] + 1) % 10;
    fs::write(&labels, bytes).unwrap();
    refuse("", &["an input was data/t10k-labels-idx1-ubyte with SHA-256"]);
    left["layerlens_version"] = "0.0.1".into();
    fs::write(place.path("out/manifest.json"), serde_json::to_vec_pretty(&left).unwrap()).unwrap();
    refuse("", &["the program's version was 0.0.1"]);
}

#[test]
fn what_is_no_run_is_not_resumed() {
    let place = Place::with_images();
    let train = "train --dataset fashion-mnist --data-dir data --hidden 8 --epochs 1 --device cpu";
    place.refuse(2, &format!("{train} --resume"), &["--out"]);
    place.refuse(2, &format!("{train} --resume --force --out out"), &["--force", "--resume"]);
    place.refuse(2, "devices --resume --out out", &["unexpected argument", "--resume"]);
    place.refuse(2, &format!("--out out {train}"), &["--out", "behind the command"]);
    fs::create_dir(place.path("full")).unwrap();
    fs::write(place.path("full/notes.txt"), "mine").unwrap();
    place.refuse(3, &format!("{train} --resume --out full"), &["full", "not a run folder"]);
    fs::write(place.path("full/manifest.json"), "{ \"layerlens_version\": 3").unwrap();
    place.refuse(3, &format!("{train} --resume --out full"), &["full/manifest.json", "damaged"]);
    fs::write(place.path("full/manifest.json"), "{ \"name\": 3 }").unwrap();
    place.refuse(3, &format!("{train} --resume --out full"), &["was not written by layerlens"]);
    fs::write(
        place.path("full/manifest.json"),
        "{ \"layerlens_version\": \"9\", \"schema_version\": 99 }",
    )
    .unwrap();
    place.refuse(3, &format!("{train} --resume --out full"), &["layout 99", "newer version"]);
    // A run that was killed before it wrote anything whole has nothing to be told apart by.
    fs::create_dir(place.path("out")).unwrap();
    fs::write(place.path("out/.layerlens-torn"), "torn").unwrap();
    place.succeed(&format!("{train} --resume --out out"));
    place.succeed(&format!("{train} --resume --out new"));
    assert_same_contents(&place.path("out"), &place.path("new"));
    let again = place.succeed(&format!("{train} --resume --out out"));
    assert!(
        again.stderr.contains("nothing is left to do") && again.stdout.contains("test accuracy"),
        "{}",
        again.stderr
    );
}

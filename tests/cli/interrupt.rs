//! Signals: the work ends soon, says so, and leaves whole files only.
#![cfg(unix)]

use crate::support::{Place, assert_outputs_are_whole, manifest, words};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Longer than any step of these small jobs takes, however busy the machine is.
const SOON: Duration = Duration::from_secs(20);

/// Iterations and epochs that nobody waits for.
const ENDLESS: &str = "100000000";

/// A program at work; it does not outlive the test.
struct Running {
    child: Child,
}

impl Running {
    fn start(place: &Place, command: &mut Command) -> Self {
        let stderr = std::fs::File::create(place.path("stderr")).unwrap();
        let stdout = std::fs::File::create(place.path("stdout")).unwrap();
        Self { child: command.stdout(stdout).stderr(stderr).spawn().unwrap() }
    }

    /// Waits until `ready`, then a moment, so that the work is well under way.
    fn wait_until(&mut self, ready: impl Fn() -> bool) {
        let start = Instant::now();
        while !ready() {
            assert!(start.elapsed() < 3 * SOON, "it does not begin");
            assert!(self.child.try_wait().unwrap().is_none(), "it ended by itself");
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_millis(200));
    }

    fn signal(&self, signal: libc::c_int) {
        // SAFETY: the process is our child and has not been waited for.
        assert_eq!(unsafe { libc::kill(self.child.id() as libc::pid_t, signal) }, 0);
    }

    /// Its exit code, which must come soon.
    fn end(&mut self) -> Option<i32> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(start.elapsed() < SOON, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether the run in `out` has finished the stage `name`.
fn has_finished(place: &Place, name: &str) -> bool {
    let path = place.path("out");
    path.join("manifest.json").exists()
        && manifest(&path)["stages"].as_array().unwrap().iter().any(|stage| stage["name"] == name)
}

/// Starts `args` until `ready`, sends `signal`, and looks at what is left in `out`.
fn interrupt(place: &Place, args: &str, ready: impl Fn() -> bool, signal: libc::c_int) {
    let mut running = Running::start(place, &mut place.command(&words(args)));
    running.wait_until(ready);
    running.signal(signal);
    assert_eq!(running.end(), Some(130), "{args}");
    assert_interrupted(place);
}

fn assert_interrupted(place: &Place) {
    let stderr = std::fs::read_to_string(place.path("stderr")).unwrap();
    assert!(stderr.contains("stopping at the next step"), "{stderr}");
    assert!(stderr.ends_with("error: interrupted\n"), "{stderr}");
    assert_eq!(std::fs::read_to_string(place.path("stdout")).unwrap(), "");
    let manifest = manifest(&place.path("out"));
    assert_eq!(
        (&manifest["status"], &manifest["error"]),
        (&"interrupted".into(), &"interrupted".into())
    );
    assert_outputs_are_whole(&place.path("out"));
    place.assert_nothing_half_written();
}

#[test]
fn training_ends_at_once() {
    let place = Place::with_images();
    let args = format!(
        "run --dataset fashion-mnist --data-dir data --epochs {ENDLESS} --device cpu --out out"
    );
    // The last file before the training.
    interrupt(&place, &args, || place.path("out/figures/examples.svg").exists(), libc::SIGINT);
    assert!(!place.path("out/model").exists() && !place.path("out/history.csv").exists());
    assert!(manifest(&place.path("out"))["stages"].as_array().unwrap().is_empty());
    // What an interrupted run left is a run: it is replaced on demand only.
    place.refuse(1, &args.replace(ENDLESS, "1"), &["out exists already", "--force"]);
    place.succeed(
        "train --dataset fashion-mnist --data-dir data --epochs 1 --device cpu --out out --force",
    );
}

#[test]
fn t_sne_ends_at_once_and_what_came_before_is_kept() {
    let place = Place::with_images();
    let args = format!(
        "run --dataset fashion-mnist --data-dir data --epochs 1 --max-iter {ENDLESS} --device cpu \
         --out out"
    );
    interrupt(&place, &args, || has_finished(&place, "scores pca raw"), libc::SIGTERM);
    let out = place.path("out");
    assert!(
        out.join("embeddings/pca_raw_test.npy").exists()
            && !out.join("embeddings/tsne_raw_train.npy").exists()
    );
    layerlens::model::read_weights(&out.join("model/weights.safetensors")).unwrap();
}

#[test]
fn a_map_ends_at_once() {
    let place = Place::with_points();
    let args = format!("embed x.npy --max-iter {ENDLESS} --device cpu --out out");
    interrupt(&place, &args, || has_finished(&place, "neighbours"), libc::SIGINT);
    assert!(!place.path("out/embeddings").exists());
}

/// `nohup` has its program ignore SIGHUP; that must stay so, or an overnight run ends with the
/// terminal.
#[test]
fn a_signal_that_the_caller_ignores_stays_ignored() {
    let place = Place::with_points();
    let script =
        format!("trap '' HUP; exec $0 embed x.npy --max-iter {ENDLESS} --device cpu --out out");
    let mut shell = place.bash(&script);
    let mut running = Running::start(&place, &mut shell);
    running.wait_until(|| has_finished(&place, "neighbours"));
    running.signal(libc::SIGHUP);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(running.child.try_wait().unwrap(), None, "SIGHUP ended it");
    let stderr = std::fs::read_to_string(place.path("stderr")).unwrap();
    assert!(!stderr.contains("stopping"), "{stderr}");
    running.signal(libc::SIGINT);
    assert_eq!(running.end(), Some(130));
    assert_interrupted(&place);
}

/// Without a command the study runs on the embedded sample, with the defaults of `run`.
#[test]
fn no_command_means_run() {
    let place = Place::new();
    let configs = ["", "run "].map(|command| {
        let args = format!("{command}--device cpu --seed 5 --out out --force");
        let mut running =
            Running::start(&place, place.command(&words(&args)).env("LAYERLENS_EPOCHS", ENDLESS));
        running.wait_until(|| place.path("out/figures/examples.svg").exists());
        running.signal(libc::SIGINT);
        assert_eq!(running.end(), Some(130), "{args}");
        assert_interrupted(&place);
        let config = manifest(&place.path("out"))["config"].clone();
        std::fs::remove_dir_all(place.path("out")).unwrap();
        config
    });
    assert_eq!(configs[0], configs[1]);
    let config = &configs[0];
    assert_eq!(config["dataset"], "fashion-mnist-sample");
    assert_eq!(config["training"]["epochs"].to_string(), ENDLESS);
    assert_eq!(
        (&config["training"]["random_state"], &config["methods"]["tsne"]["random_state"]),
        (&5.into(), &5.into())
    );
    let layers = config["model"]["layers"].as_array().unwrap();
    let units: Vec<u64> = layers.iter().filter_map(|layer| layer["units"].as_u64()).collect();
    assert_eq!(units, [256, 64, 10]);
    assert_eq!(
        config["methods"].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["pca", "tsne", "umap", "trimap"]
    );
    assert_eq!(
        config["split"],
        serde_json::json!({ "train": 8334, "validation": 1666, "test": 2000 })
    );
}

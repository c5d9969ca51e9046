//! Which device computes, how a user is told, and that the GPU gives what the CPU gives.

use crate::support::{Outcome, Place, finished, gpu, manifest, words};
use layerlens::model::{Weights, read_weights};
use std::fs;
use std::path::Path;

const EMBED: &str = "embed x.npy --labels labels.npy --max-iter 50 --out out";

/// Starts the program where the Vulkan loader finds no driver.
fn without_drivers(place: &Place, args: &str) -> Outcome {
    let mut command = place.command(&words(args));
    finished(command.env("VK_DRIVER_FILES", "/nonexistent").env("VK_ICD_FILENAMES", "/nonexistent"))
}

#[cfg(target_os = "linux")]
#[test]
fn a_gpu_that_is_demanded_and_missing_is_an_error() {
    let place = Place::with_points();
    let before = place.files();
    for args in [
        format!("{EMBED} --device gpu"),
        format!("{EMBED} --adapter nosuch"),
        "run --device gpu --out out".into(),
    ] {
        let outcome = without_drivers(&place, &args);
        outcome.assert_error(
            4,
            &args,
            &["no usable GPU", "no Vulkan, Metal or DX12 adapter was found", "driver"],
        );
        assert_eq!(place.files(), before, "{args}");
    }
    let listed = without_drivers(&place, "devices");
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    assert!(listed.stdout.starts_with("no Vulkan, Metal or DX12 adapter\n"), "{}", listed.stdout);
    assert!(
        listed.stdout.contains("--device gpu   takes an error, exit code 4"),
        "{}",
        listed.stdout
    );
}

#[cfg(target_os = "linux")]
#[test]
fn auto_falls_back_to_the_cpu_and_says_so() {
    let place = Place::with_points();
    let outcome = without_drivers(&place, &format!("{EMBED} --device auto"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let reason = "no Vulkan, Metal or DX12 adapter was found";
    let line =
        outcome.stderr.lines().find(|line| line.starts_with("device: CPU")).unwrap_or_default();
    assert!(line.contains(reason), "{}", outcome.stderr);
    let manifest = manifest(&place.path("out"));
    assert_eq!(manifest["device"]["kind"], "cpu");
    assert!(
        manifest["device"]["reason"].as_str().unwrap().contains(reason),
        "{}",
        manifest["device"]
    );
    assert!(manifest["stages"].as_array().unwrap().iter().all(|stage| stage["device"] == "cpu"));
}

#[test]
fn threads_are_those_asked_for() {
    let place = Place::with_points();
    for (threads, name) in [("1", "CPU, 1 thread"), ("3", "CPU, 3 threads")] {
        place.succeed(&format!("{EMBED} --device cpu --threads {threads} --force"));
        let manifest = manifest(&place.path("out"));
        assert_eq!(
            (&manifest["device"]["name"], &manifest["device"]["reason"]),
            (&name.into(), &"as chosen".into())
        );
    }
}

#[test]
fn adapters_are_listed_and_taken_by_name() {
    let Some(first) = gpu() else { return };
    let place = Place::with_points();
    let listed = place.succeed("devices").stdout;
    assert!(listed.contains(&first.name) && listed.contains(&first.backend), "{listed}");
    assert_eq!(
        listed.contains("(software)"),
        layerlens::compute::adapters().iter().any(|adapter| adapter.software),
        "{listed}"
    );
    for choice in ["--device auto ", "--device gpu ", "--device cpu "] {
        assert_eq!(
            listed
                .lines()
                .filter(|line| line.starts_with(choice) && line.contains("takes"))
                .count(),
            1,
            "{listed}"
        );
    }
    for choice in ["auto", "gpu"] {
        let parts = ["`nosuch`", "there are:", first.name.as_str()];
        place.refuse(4, &format!("{EMBED} --adapter nosuch --device {choice}"), &parts);
    }
    if first.software {
        // A word of its name: flags are separated by spaces here.
        let word = first.name.split(' ').next().unwrap().to_uppercase();
        place.refuse(
            4,
            &format!("{EMBED} --adapter {word}"),
            &[&word, "software adapter", "--device gpu"],
        );
        place.succeed(&format!("{EMBED} --adapter {word} --device gpu"));
    }
}

#[test]
fn a_map_on_the_gpu_is_the_same_every_time() {
    if gpu().is_none() {
        return;
    }
    let place = Place::with_points();
    place.points("new.npy", 30, 5);
    for (out, downlevel) in [("a", "0"), ("b", "0"), ("c", "1"), ("d", "1")] {
        let args = format!(
            "embed x.npy --labels labels.npy --new new.npy --device gpu --max-iter 300 --out {out}"
        );
        let outcome = finished(place.command(&words(&args)).env("LAYERLENS_DOWNLEVEL", downlevel));
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    }
    let read = |name: &str| fs::read(place.path(name)).unwrap();
    for name in ["embeddings/embedding.npy", "embeddings/new.npy", "scores/knn.csv"] {
        assert!(read(&format!("a/{name}")) == read(&format!("b/{name}")), "{name}");
        assert!(read(&format!("c/{name}")) == read(&format!("d/{name}")), "{name}, default limits");
    }
    place.assert_nothing_half_written();
}

/// Weights of one `train` on `device`, and their file.
fn trained(place: &Place, device: &str, out: &str, downlevel: &str) -> Vec<u8> {
    let args = format!(
        "train --dataset fashion-mnist --data-dir data --epochs 1 --hidden 16 --device {device} \
         --out {out}"
    );
    let outcome = finished(place.command(&words(&args)).env("LAYERLENS_DOWNLEVEL", downlevel));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    fs::read(place.path(out).join("model/weights.safetensors")).unwrap()
}

/// Mean and largest difference of the weights of two runs.
fn differences(a: &Path, b: &Path) -> (f64, f64) {
    let [(architecture, a), (_, b)] =
        [a, b].map(|folder| read_weights(&folder.join("model/weights.safetensors")).unwrap());
    let (mut sum, mut largest) = (0.0, 0.0_f64);
    for tensor in architecture.steps().unwrap().iter().flat_map(|step| &step.parameters) {
        let values = |weights: &Weights| weights.get(&tensor.name, &tensor.shape).unwrap().to_vec();
        for (a, b) in values(&a).into_iter().zip(values(&b)) {
            let difference = f64::from((a - b).abs());
            sum += difference;
            largest = largest.max(difference);
        }
    }
    (sum / architecture.n_parameters() as f64, largest)
}

#[test]
fn training_on_the_gpu_follows_the_cpu() {
    if gpu().is_none() {
        return;
    }
    let place = Place::with_images();
    let cpu = trained(&place, "cpu", "cpu", "0");
    let gpu = trained(&place, "gpu", "gpu", "0");
    assert!(gpu == trained(&place, "gpu", "again", "0"), "two trainings on the GPU differ");
    assert!(cpu != gpu, "the GPU was not asked");
    trained(&place, "gpu", "downlevel", "1");
    for folder in ["gpu", "downlevel"] {
        let (mean, largest) = differences(&place.path("cpu"), &place.path(folder));
        // Adam divides each gradient by its own size, so a step moves a weight by 0.001 whatever
        // the gradient, and rounding can turn the sign of one that is nearly 0: at most 2 * 0.001
        // in each of the 3 steps. That is rare: found were 6e-7 at most and 3e-10 in the mean.
        // Other initial weights, batches or masks move the mean by 1e-4 and more.
        assert!(
            largest <= 6e-3 && mean < 1e-6,
            "{folder}: largest difference {largest:e}, mean {mean:e}"
        );
    }
}

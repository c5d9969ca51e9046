//! Files of a run that were changed or deleted afterwards: what reads them says so, and a resumed
//! run makes them again.

use crate::pipeline::{shared, shared_arguments, shared_run};
use crate::resume::{assert_same_contents, copy, without_tables};
use crate::support::{Place, manifest};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// One file of every kind, and the stage that makes it.
const FILES: [(&str, &str); 10] = [
    ("model/weights.safetensors", "training"),
    ("history.csv", "training"),
    ("activations/layer_1_test.npy", "activations"),
    ("activations/class_names.txt", "activations"),
    ("neighbors/layer_1.safetensors", "neighbours layer_1"),
    ("maps/tsne_layer_1.safetensors", "tsne layer_1"),
    ("embeddings/umap_layer_2_train.npy", "umap layer_2"),
    ("scores/predictions/pca_layer_2.npy", "scores pca layer_2"),
    ("clusters/layer_2_k-means_labels.npy", "clusters layer_2"),
    ("figures/tsne_raw.png", "scores and figures"),
];

/// Changes one bit in the middle.
fn change(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 4;
    fs::write(path, bytes).unwrap();
}

fn arguments() -> String {
    shared_arguments(&shared().0.join("data"))
}

#[test]
fn every_file_is_listed_with_its_sha_256() {
    for output in manifest(&shared_run())["outputs"].as_array().unwrap() {
        use sha2::Digest;
        let bytes = fs::read(shared_run().join(output["path"].as_str().unwrap())).unwrap();
        let expected: String =
            sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(output["sha256"], expected, "{output}");
    }
}

#[test]
fn a_resumed_run_makes_changed_files_again_and_what_came_of_them() {
    let place = Place::new();
    for (at, (file, stage)) in FILES.into_iter().enumerate() {
        let out = place.path(format!("out{at}"));
        copy(&shared_run(), &out);
        if at % 3 == 2 {
            fs::remove_file(out.join(file)).unwrap()
        } else {
            change(&out.join(file))
        }
        let outcome = place.succeed(&format!("{} --resume --out out{at}", arguments()));
        let why = if at % 3 == 2 { "is gone" } else { "is not as the run wrote it" };
        let said = [
            format!("out{at}: {file} {why}"),
            format!("the stage `{stage}` and all later stages are repeated"),
        ];
        assert!(
            said.iter().all(|words| outcome.stderr.contains(words)),
            "{file}: {}",
            outcome.stderr
        );
        assert_same_contents(&shared_run(), &out);
    }
}

#[test]
fn a_page_that_was_made_anew_is_no_change() {
    let place = Place::new();
    copy(&shared_run(), &place.path("out"));
    place.succeed("report out --report-points 50 --device cpu");
    let outcome = place.succeed(&format!("{} --resume --out out", arguments()));
    assert!(outcome.stderr.contains("nothing is left to do"), "{}", outcome.stderr);
}

#[test]
fn what_reads_a_run_refuses_changed_files_and_says_how_to_make_them_again() {
    let place = Place::new();
    let other = shared_run().display().to_string();
    for (file, readers) in [
        ("activations/layer_1_test.npy", &["report", "export", "compare"][..]),
        ("activations/labels_test.npy", &["report", "export", "compare"][..]),
        ("embeddings/tsne_raw_train.npy", &["report", "export", "compare"][..]),
        ("scores/predictions/tsne_raw.npy", &["compare"][..]),
    ] {
        let _ = fs::remove_dir_all(place.path("out"));
        copy(&shared_run(), &place.path("out"));
        change(&place.path("out").join(file));
        let named = format!("out/{file}");
        let parts = [named.as_str(), "SHA-256", "--resume --out out"];
        for reader in readers {
            match *reader {
                "compare" => {
                    place.refuse(3, &format!("compare {other} out --out c"), &parts);
                    place.refuse(3, &format!("compare out {other} --out c"), &parts);
                }
                "export" => place.refuse(3, "export out --device cpu --out e", &parts),
                _ => place.refuse(3, "report out --device cpu --out p.html", &parts),
            }
        }
    }
}

#[test]
fn changed_files_that_a_reader_does_not_need_are_named() {
    let place = Place::new();
    copy(&shared_run(), &place.path("out"));
    change(&place.path("out/scores/knn.csv"));
    change(&place.path("out/report.html"));
    let other = shared_run().display().to_string();
    for reader in [
        "report out --device cpu",
        "export out --device cpu --out e",
        &format!("compare {other} out --out c"),
    ] {
        let stderr = place.succeed(reader).stderr;
        let warnings: Vec<&str> = stderr
            .lines()
            .filter(|line| line.starts_with("warning: ") && line.contains("SHA-256"))
            .collect();
        let [warning] = warnings[..] else { panic!("{reader}: {stderr}") };
        assert!(
            warning.contains("out/scores/knn.csv is not as")
                && warning.contains("--resume --out out"),
            "{warning}"
        );
    }
}

/// The manifest of the shared run as an earlier layout had it.
fn earlier(layout: u32) -> Value {
    let mut old = manifest(&shared_run());
    old["schema_version"] = layout.into();
    for output in old["outputs"].as_array_mut().unwrap() {
        let output = output.as_object_mut().unwrap();
        output.retain(|key, _| !["sha256", "stage"].contains(&key.as_str()));
    }
    for stage in old["stages"].as_array_mut().unwrap() {
        stage.as_object_mut().unwrap().remove("n_warnings");
    }
    // Each map had a key of its own, and there was no list of them at first.
    let results = old["results"].as_object_mut().unwrap();
    for map in results["maps"].as_array().unwrap().clone() {
        let key = format!("{}_{}", map["method"].as_str().unwrap(), map["space"].as_str().unwrap());
        let pairs = map["results"].as_array().unwrap().iter();
        let noted = pairs.map(|pair| (pair[0].as_str().unwrap().to_owned(), pair[1].clone()));
        results.insert(key, Value::Object(noted.collect()));
    }
    if layout == 1 {
        results.shift_remove("maps");
    }
    old
}

#[test]
fn manifests_of_earlier_layouts_are_read_but_not_gone_on_with() {
    let place = Place::new();
    for layout in [1, 2] {
        let out = place.path(format!("out{layout}"));
        copy(&shared_run(), &out);
        let before = serde_json::to_vec_pretty(&earlier(layout)).unwrap();
        fs::write(out.join("manifest.json"), &before).unwrap();
        let name = format!("out{layout}");
        place.succeed(&format!("report {name} --device cpu"));
        assert!(without_tables(&out) == without_tables(&shared_run()), "layout {layout}");
        place.succeed(&format!("export {name} --device cpu"));
        place.succeed(&format!("compare {name} {} --out c{layout}", shared_run().display()));
        let expected = [&format!("layout {layout}")[..], "do the run again"];
        place.refuse(3, &format!("{} --resume --out {name}", arguments()), &expected);
        assert_eq!(fs::read(out.join("manifest.json")).unwrap(), before);
    }
}

/// A process that is killed leaves files of a stage that it did not finish, other ones perhaps than
/// those that it listed.
#[test]
fn files_of_an_unfinished_stage_say_nothing_of_the_others() {
    let place = Place::new();
    copy(&shared_run(), &place.path("out"));
    let mut left = manifest(&place.path("out"));
    left["status"] = "running".into();
    let stages = left["stages"].as_array_mut().unwrap();
    stages.truncate(stages.len() - 1);
    let page = left["outputs"].as_array_mut().unwrap().iter_mut();
    page.filter(|output| output["path"] == "report.html").for_each(|output| {
        output.as_object_mut().unwrap().remove("stage");
        output["sha256"] = "0".repeat(64).into();
    });
    fs::write(place.path("out/manifest.json"), serde_json::to_vec_pretty(&left).unwrap()).unwrap();
    let outcome = place.succeed(&format!("{} --resume --out out", arguments()));
    assert!(!outcome.stderr.contains("SHA-256"), "{}", outcome.stderr);
    assert_same_contents(&shared_run(), &place.path("out"));
}

/// Weights, maps, neighbours and checkpoints know by themselves that they were changed.
#[test]
fn given_files_that_were_changed_are_refused() {
    let place = Place::with_images();
    place.points("x.npy", 120, 5);
    let train = "train --dataset fashion-mnist --data-dir data --hidden 8 --epochs 2 --device cpu";
    place.succeed(&format!("{train} --checkpoint-every 1 --out t"));
    place.succeed("embed x.npy --perplexity 10 --device cpu --out e");
    let readers = [
        (
            "t/model/weights.safetensors",
            "run --dataset fashion-mnist --data-dir data --device cpu --out r --model FILE"
                .to_owned(),
        ),
        ("t/checkpoints/epoch_01.safetensors", format!("{train} --out r --resume-from FILE")),
        ("e/map.safetensors", "transform FILE --new x.npy --train x.npy --device cpu".into()),
        (
            "e/neighbors/input.safetensors",
            "embed x.npy --perplexity 10 --device cpu --out r --neighbors FILE".into(),
        ),
    ];
    for (file, reader) in readers {
        let whole = fs::read(place.path(file)).unwrap();
        let header = u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize + 8;
        // The least of the digits: nothing but a checksum tells.
        for at in [header, header + (whole.len() - header) / 8 * 4, whole.len() - 4] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(place.path(file), changed).unwrap();
            place.refuse(
                3,
                &reader.replace("FILE", file),
                &[file, "changed since it was written", "SHA-256"],
            );
        }
        fs::write(place.path(file), whole).unwrap();
    }
}

//! One process at a time works in a folder, and what a killed one left beside it is put right by
//! the next.
#![cfg(unix)]

use crate::resume::{copy, some_time};
use crate::support::{Place, assert_outputs_are_whole, manifest, words};
use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

const EMBED: &str = "embed x.npy --method pca --device cpu --out out";

/// Everything in the folder, hidden or not.
fn names(place: &Place) -> BTreeSet<String> {
    fs::read_dir(place.path("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn seed(place: &Place) -> u64 {
    manifest(&place.path("out"))["seed"].as_u64().unwrap()
}

#[test]
fn a_replacement_killed_at_any_moment_loses_neither_run() {
    let place = Place::with_points();
    place.succeed(&format!("{EMBED} --seed 1"));
    fs::write(place.path("out/mine.txt"), "").unwrap();
    let before = names(&place);
    let mut moments = BTreeSet::new();
    for attempt in 0..25 {
        let mut command = place.command(&words(EMBED));
        let mut child = command
            .args(["--force", "--seed", "2"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(some_time(20 + 15 * attempt));
        let _ = child.kill();
        child.wait().unwrap();
        // The run of seed 1 is there, or that of seed 2 is complete in its place.
        let aside = place.path(".layerlens-replaced-out");
        let old =
            [place.path("out"), aside.clone()].iter().any(|path| path.join("mine.txt").exists());
        if old {
            moments.insert(if aside.exists() { "meanwhile" } else { "before" });
        } else {
            assert_eq!(manifest(&place.path("out"))["status"], "complete");
            moments.insert("after");
        }
        // Whoever comes next finds a run that is whole, or makes one.
        let next = place.start(&format!("{EMBED} --force --seed 3"));
        assert_eq!(next.code, Some(0), "{}", next.stderr);
        assert_eq!(names(&place), before, "attempt {attempt}, {moments:?}: {}", next.stderr);
        assert_outputs_are_whole(&place.path("out"));
        assert!(seed(&place) == 3 && !place.path("out/mine.txt").exists());
        fs::write(place.path("out/mine.txt"), "").unwrap();
    }
    assert!(moments.contains("meanwhile"), "{moments:?}");
}

/// The states that a kill can leave, and those of earlier versions, one by one.
#[test]
fn what_a_killed_replacement_left_is_put_right_and_said() {
    let place = Place::with_points();
    place.succeed(&format!("{EMBED} --seed 1"));
    let whole = place.path("whole");
    fs::rename(place.path("out"), &whole).unwrap();
    let before = names(&place);
    for aside in [".layerlens-replaced-out", ".out-replaced-4711"] {
        // Killed between the two names, or before the first manifest: the run comes back.
        for begun in [false, true] {
            copy(&whole, &place.path(aside));
            if begun {
                fs::create_dir(place.path("out")).unwrap();
                fs::write(place.path("out/.layerlens-torn"), "torn").unwrap();
            }
            let args = format!("{EMBED} --seed 2");
            let outcome = place.start(&args);
            outcome.assert_error(1, &args, &["out exists already", "--force"]);
            assert!(outcome.stderr.contains("it is back"), "{}", outcome.stderr);
            assert_eq!(seed(&place), 1);
            assert!(!place.path(aside).exists() && !place.path("out/.layerlens-torn").exists());
            fs::remove_dir_all(place.path("out")).unwrap();
        }
        // Killed before the old one was deleted: the new one is complete.
        copy(&whole, &place.path("out"));
        copy(&whole, &place.path(aside));
        fs::create_dir(place.path(".layerlens-deleted-out")).unwrap();
        let outcome = place.start(EMBED);
        outcome.assert_error(1, EMBED, &["out exists already"]);
        assert!(
            outcome.stderr.contains("it is deleted now")
                && outcome.stderr.contains("deleted only in part"),
            "{}",
            outcome.stderr
        );
        assert!(!place.path(aside).exists() && !place.path(".layerlens-deleted-out").exists());
        // Killed in the middle: the new one goes, the old one stays until a third is complete.
        let mut half = manifest(&whole);
        half["status"] = "running".into();
        fs::write(place.path("out/manifest.json"), serde_json::to_vec(&half).unwrap()).unwrap();
        copy(&whole, &place.path(aside));
        let outcome = place.succeed(&format!("{EMBED} --seed 3 --force"));
        assert!(outcome.stderr.contains(".layerlens-replaced-out until"), "{}", outcome.stderr);
        assert_eq!(seed(&place), 3);
        fs::remove_dir_all(place.path("out")).unwrap();
        assert_eq!(names(&place), before);
    }
}

/// Neither a folder of somebody else that is called so nor a lock that nobody holds is in the way.
#[test]
fn what_is_not_ours_stays() {
    let place = Place::with_points();
    for name in [".layerlens-replaced-out", ".out-replaced-1", ".out-replaced-x"] {
        fs::create_dir(place.path(name)).unwrap();
        fs::write(place.path(name).join("precious"), "").unwrap();
    }
    fs::write(place.path(".layerlens-lock-out"), "").unwrap();
    let outcome = place.start(EMBED);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    for name in [".layerlens-replaced-out", ".out-replaced-1", ".out-replaced-x"] {
        assert!(place.path(name).join("precious").exists(), "{name}");
    }
    assert!(!place.path(".layerlens-lock-out").exists());
}

#[test]
fn the_target_of_a_symbolic_link_is_replaced_and_the_link_stays() {
    let place = Place::with_points();
    fs::create_dir(place.path("far")).unwrap();
    // One that leads nowhere yet is followed too.
    std::os::unix::fs::symlink("far/run", place.path("out")).unwrap();
    for (flags, seed_of) in [("--seed 1", 1), ("--seed 2 --force", 2)] {
        place.succeed(&format!("{EMBED} {flags}"));
        assert!(fs::symlink_metadata(place.path("out")).unwrap().is_symlink());
        assert_eq!(seed(&place), seed_of);
        let there: Vec<_> = fs::read_dir(place.path("far"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(there, ["run"]);
    }
}

/// Of two that start at once one works, the other says so, and the manifest claims what is there.
#[test]
fn force_and_resume_at_once_never_claim_what_is_gone() {
    let place = Place::with_images();
    let run = "run --dataset fashion-mnist --data-dir data --hidden 8 --epochs 1 --methods pca --device cpu --out out";
    let begun = place.path("begun");
    {
        let mut child =
            place.command(&words(run)).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let stages = || manifest(&place.path("out"))["stages"].as_array().unwrap().len();
        while !place.path("out/manifest.json").exists() || stages() < 3 {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
            std::thread::sleep(Duration::from_millis(3));
        }
        let _ = child.kill();
        child.wait().unwrap();
        fs::rename(place.path("out"), &begun).unwrap();
    }
    let mut refused = 0;
    for round in 0..8 {
        let _ = fs::remove_dir_all(place.path("out"));
        copy(&begun, &place.path("out"));
        let start = |flag: &str| {
            place
                .command(&words(run))
                .arg(flag)
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };
        let flags = if round % 2 == 0 { ["--resume", "--force"] } else { ["--force", "--resume"] };
        let mut first = start(flags[0]);
        // At once, or as soon as the first has the folder.
        while round >= 4
            && !place.path(".layerlens-lock-out").exists()
            && first.try_wait().unwrap().is_none()
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        let second = start(flags[1]);
        let ended = [first, second].map(|child| child.wait_with_output().unwrap());
        let codes = ended.each_ref().map(|output| output.status.code());
        for output in ended.iter().filter(|output| output.status.code() != Some(0)) {
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.code() == Some(1)
                    && stderr.contains("another process works in this folder"),
                "{stderr}"
            );
        }
        assert!(codes.contains(&Some(0)), "{codes:?}");
        assert_eq!(manifest(&place.path("out"))["status"], "complete");
        assert_outputs_are_whole(&place.path("out"));
        assert!(!names(&place).iter().any(|name| name.starts_with('.')), "{:?}", names(&place));
        refused += codes.iter().filter(|code| **code == Some(1)).count();
    }
    assert!(refused > 0, "the two never met");
}

#[test]
fn a_folder_is_claimed_where_nothing_can_be_written_beside_it() {
    let place = Place::with_points();
    fs::create_dir_all(place.path("kept/out")).unwrap();
    let lock = |mode: u32| {
        fs::set_permissions(place.path("kept"), std::os::unix::fs::PermissionsExt::from_mode(mode))
            .unwrap()
    };
    lock(0o555);
    let outcome = place.start(&EMBED.replace("--out out", "--out kept/out"));
    lock(0o755);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(fs::read_dir(place.path("kept")).unwrap().count(), 1);
    assert!(!place.path("kept/out/.layerlens-lock").exists());
}

//! Damaged inputs of every kind, drawn by a seed: each is refused by its name, or read, and nothing
//! is left half-written. `fuzz/campaign` does the same at length, and knows what must have been
//! read.

use crate::support::{Place, finished, small_images, words, write_images};
use layerlens::random::Random;
use std::path::Path;

/// Damaged files of each kind.
const VARIANTS: u64 = 16;

/// One kind of input: the file that is damaged, the command that reads it, and how many bytes at
/// its beginning describe the rest; none where every byte does.
struct Kind<'a> {
    victim: &'a str,
    args: &'a str,
    head: Option<usize>,
}

/// A damage of `bytes`, and whether it must be refused: nothing whole is shorter or longer, and no
/// other header fits the rest, but that of IDX values of one signed byte.
fn damaged(bytes: &[u8], head: Option<usize>, random: &Random, at: u64) -> (Vec<u8>, bool) {
    let draw = |item: u64, below: usize| random.bits(2 * at + item) as usize % below;
    let mut new = bytes.to_vec();
    match (at % 4, head) {
        (0, _) => {
            new.truncate(draw(0, bytes.len()));
            (new, head.is_some())
        }
        (1, Some(_)) => {
            new.extend_from_slice(&[0, 255, 10][..1 + draw(0, 3)]);
            (new, true)
        }
        (2, Some(head)) => {
            new[draw(0, head)] ^= 1 << draw(1, 8);
            let must_be_refused = !new.starts_with(&[0, 0, 9]);
            (new, must_be_refused)
        }
        (2, None) => {
            // First a blank line before all others.
            let (place, byte) = if at == 2 {
                (0, b'\n')
            } else {
                (draw(0, bytes.len()), [0, b'"', b'\n', 255][draw(1, 4)])
            };
            new.insert(place, byte);
            (new, false)
        }
        _ => {
            new[draw(0, bytes.len())] ^= 1 << draw(1, 8);
            (new, false)
        }
    }
}

/// Damages `kind.victim` again and again; the rest of `place` stays as it is.
fn damage(place: &Place, kind: &Kind<'_>) {
    let path = place.path(kind.victim);
    let whole = std::fs::read(&path).unwrap();
    let before = place.files();
    let random = Random::new(11, kind.victim.len() as u64);
    for at in 0..VARIANTS {
        let (bytes, must_be_refused) = damaged(&whole, kind.head, &random, at);
        std::fs::write(&path, &bytes).unwrap();
        let outcome = finished(&mut place.command(&words(kind.args)));
        let context =
            format!("variant {at} of {}: layerlens {}\n{}", kind.victim, kind.args, outcome.stderr);
        outcome.assert_no_fault(&context);
        match outcome.code {
            Some(0) => assert!(!must_be_refused || bytes == whole, "accepted: {context}"),
            Some(2 | 3) => {
                let name =
                    Path::new(kind.victim).file_name().unwrap().to_string_lossy().into_owned();
                assert!(outcome.stderr.contains(&name), "not named: {context}");
                assert_eq!(place.files(), before, "{context}");
            }
            _ => panic!("code {:?}: {context}", outcome.code),
        }
        place.assert_nothing_half_written();
        for new in ["out", "out.npz"] {
            let new = place.path(new);
            let _ =
                if new.is_dir() { std::fs::remove_dir_all(new) } else { std::fs::remove_file(new) };
        }
    }
    std::fs::write(path, whole).unwrap();
}

const CONVERT: &str = "data convert data out.npz";

/// A place with 30 images to train on and 30 to test.
fn few_images() -> Place {
    let place = Place::new();
    let few: Vec<usize> = (0..30).map(|at| at * 4).collect();
    let [train, test] = small_images();
    write_images(&place.path("data"), &[train.select(&few), test.select(&few)]);
    place
}

#[test]
fn idx_files() {
    let place = few_images();
    for (victim, head) in [("data/train-images-idx3-ubyte", 16), ("data/t10k-labels-idx1-ubyte", 8)]
    {
        damage(&place, &Kind { victim, args: CONVERT, head: Some(head) });
    }
}

#[test]
fn csv_files_and_archives() {
    let place = few_images();
    place.succeed("data convert data table --format csv");
    for victim in ["table/x_train.csv", "table/y_test.csv"] {
        damage(&place, &Kind { victim, args: "data convert table out.npz", head: None });
    }
    for flag in ["", " --gzip"] {
        place.succeed(&format!("data convert data in.npz{flag}"));
        damage(&place, &Kind { victim: "in.npz", args: "data convert in.npz out.npz", head: None });
        std::fs::remove_file(place.path("in.npz")).unwrap();
    }
}

#[test]
fn arrays() {
    let place = Place::with_points();
    let embed = "embed x.npy --method pca --device cpu --out out";
    damage(&place, &Kind { victim: "x.npy", args: embed, head: Some(8) });
    let evaluate = "evaluate x.npy --labels labels.npy --device cpu";
    damage(&place, &Kind { victim: "labels.npy", args: evaluate, head: Some(8) });
}

#[test]
fn models_and_groups() {
    let place = few_images();
    let conv = "type = \"conv\"\nfilters = 4\nkernel = 3\npadding = \"same\"";
    let model = format!(
        "[training]\nepochs = 2\n\n[[layers]]\n{conv}\n\n[[layers]]\ntype = \"dense\"\nactivation \
         = \"softmax\"\n"
    );
    std::fs::write(place.path("model.toml"), model).unwrap();
    damage(&place, &Kind { victim: "model.toml", args: "model show model.toml", head: None });
    let groups = "[[group]]\nname = \"even\"\nclasses = [0, 2, 4, 6, 8]\n\n[[group]]\nname = \"odd\"\nclasses = [1, 3, 5, 7, 9]\n";
    std::fs::write(place.path("groups.toml"), groups).unwrap();
    damage(
        &place,
        &Kind {
            victim: "groups.toml",
            args: "data info data --label-groups groups.toml",
            head: None,
        },
    );
}

#[test]
fn maps_and_neighbours() {
    let place = Place::with_points();
    let embed = "embed x.npy --method tsne --max-iter 20 --perplexity 5 --device cpu --out";
    place.succeed(&format!("{embed} first"));
    let transform =
        "transform first/map.safetensors --train x.npy --new x.npy --places out.npz --device cpu";
    damage(&place, &Kind { victim: "first/map.safetensors", args: transform, head: Some(8) });
    let again = format!("{embed} out --neighbors first/neighbors/input.safetensors");
    damage(
        &place,
        &Kind { victim: "first/neighbors/input.safetensors", args: &again, head: Some(8) },
    );
}

#[test]
fn manifests() {
    let place = few_images();
    place
        .succeed("run --dataset data --epochs 1 --hidden 4 --methods pca --device cpu --out first");
    damage(
        &place,
        &Kind {
            victim: "first/manifest.json",
            args: "report first --out out.npz --device cpu",
            head: None,
        },
    );
}

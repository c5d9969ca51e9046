//! The targets as tests: each takes every file of its corpus. So they are compiled with everything
//! else, and what failed once stays mended.

// What the targets know as libFuzzer's crate, and as the crate beside them.
extern crate self as layerlens_fuzz;
extern crate self as libfuzzer_sys;

use std::path::Path;

#[path = "src/lib.rs"]
mod shared;

pub use shared::{Place, check, check_labels, check_names};

macro_rules! targets {
    ($($name:ident: $path:literal),*) => {
        $(
            #[path = $path]
            #[expect(unused_attributes, reason = "no_main is for the target as a program")]
            mod $name;

            #[test]
            fn $name() {
                replay(stringify!($name), $name::run);
            }
        )*
    };
}

targets! {
    idx: "fuzz_targets/idx.rs",
    npy: "fuzz_targets/npy.rs",
    npz: "fuzz_targets/npz.rs",
    csv: "fuzz_targets/csv.rs",
    toml: "fuzz_targets/toml.rs",
    safetensors: "fuzz_targets/safetensors.rs",
    manifest: "fuzz_targets/manifest.rs"
}

/// In the place of libFuzzer's: a function instead of the program's entry. It stands below the
/// targets, which import it.
#[macro_export]
macro_rules! fuzz_target {
    (|$bytes:ident: &[u8]| $body:block) => {
        pub fn run($bytes: &[u8]) $body
    };
}

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty(), "there is no corpus");
    for path in files {
        eprintln!("{}", path.display());
        run(&std::fs::read(path).unwrap());
    }
}

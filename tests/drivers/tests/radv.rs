//! AMD's compiler takes every entry point of the library, and keeps all of it in registers.

use layerlens_drivers::shaders;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn library() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shaders")
}

fn compile(folder: &Path, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_layerlens-drivers");
    Command::new(program).arg(folder).args(arguments).output().expect("the program starts")
}

/// Whether this machine has the driver; LAYERLENS_REQUIRE_GPU=1 makes its absence a failure, as in
/// the library's own tests.
fn driver() -> bool {
    let there = Path::new("/usr/share/vulkan/icd.d/radeon_icd.x86_64.json").exists();
    assert!(
        there || std::env::var_os("LAYERLENS_REQUIRE_GPU").is_none(),
        "no RADV; Debian: mesa-vulkan-drivers, libvulkan1"
    );
    if !there {
        eprintln!("SKIPPED, no RADV");
    }
    there
}

#[test]
fn every_entry_point_compiles_for_amd_cards_without_spills() {
    if !driver() {
        return;
    }
    let output = compile(&library(), &[]);
    let table = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}\n{table}");
    for family in ["NAVI21", "GFX1100"] {
        assert!(table.contains(family), "{table}");
    }
    for shader in shaders::read(&library()).expect("the library's shaders") {
        for entry_point in shader.entry_points() {
            let name = format!("{}/{entry_point} ", shader.name);
            let rows = table.lines().filter(|line| line.starts_with(&name)).count();
            assert_eq!(rows, 4, "{name}: two families, checked and trusted");
        }
    }
}

#[test]
fn registers_in_memory_are_noticed() {
    if !driver() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let wgsl = "@group(0) @binding(0) var<storage, read_write> values: array<f32>;
        @compute @workgroup_size(64)
        fn spill(@builtin(global_invocation_id) id: vec3<u32>) {
            var kept: array<f32, 200>;
            for (var i = 0u; i < 200u; i++) { kept[i] = values[i + id.x]; }
            for (var i = 0u; i < 200u; i++) { kept[u32(kept[i])] += 1.0; }
            values[id.x] = kept[id.x % 200u];
        }";
    fs::write(folder.path().join("spill.wgsl"), wgsl).expect("a shader");
    let output = compile(folder.path(), &[]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert_eq!(errors.matches("registers lie in memory").count(), 4, "{errors}");
    // A family that the driver does not know gives no device, or another name.
    let output = compile(folder.path(), &["--family", "of-nobody"]);
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
}

/// What naga writes is only what wgpu hands to a driver while both are of one version.
#[test]
fn naga_is_the_version_that_the_library_uses() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let version = |lock: PathBuf| {
        let lock = fs::read_to_string(&lock).expect("a lock file");
        let at = lock.find("name = \"naga\"\n").expect("naga");
        lock[at..].lines().nth(1).expect("a version").to_owned()
    };
    assert_eq!(version(root.join("Cargo.lock")), version(root.join("../../Cargo.lock")));
}

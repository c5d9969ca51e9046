//! A small fit of each method under Khronos' validation layer: nothing out of bounds, no missing
//! barrier, no race in a workgroup, no misuse of Vulkan.
//!
//! The layer instruments shaders (indices of buffers) and follows every access of buffers across
//! dispatches and copies. It lies in Debian's chromium-common. The program is `LAYERLENS_BINARY`,
//! or what was built in the root's target/release; `LAYERLENS_SUITE` is what `cargo test --release
//! --test suite --no-run` names in the root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const LAYER: &str = "/usr/lib/chromium/libVkLayer_khronos_validation.so";
const SOFTWARE: &str = "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json";

/// naga gives arrays in workgroup memory a stride, which Vulkan 1.4 wants left out; drivers don't
/// read it.
const KNOWN: &str = "VUID-StandaloneSpirv-None-10684";
/// Said of a constant place of a uniform, by two invocations of a workgroup of 128, where the
/// shader has none of naga's checks: none is bound without bytes, and what is bound is the same for
/// all. The layer's own code goes astray in a loop on this adapter.
const ASTRAY: &str = " 0 bytes were bound";

/// Whether this machine has the layer and a software adapter; LAYERLENS_REQUIRE_GPU=1 makes their
/// absence a failure.
fn layer() -> bool {
    let there = Path::new(LAYER).exists() && Path::new(SOFTWARE).exists();
    let required = std::env::var_os("LAYERLENS_REQUIRE_GPU").is_some();
    assert!(
        there || !required,
        "no validation layer or adapter; Debian: chromium-common, mesa-vulkan-drivers"
    );
    if !there {
        eprintln!("SKIPPED, no validation layer");
    }
    there
}

/// Runs a command with the layer, and gives what it reports as errors, without what is known.
fn reports(mut command: Command) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    let manifest = format!(
        r#"{{"file_format_version": "1.2.0", "layer": {{"name": "VK_LAYER_KHRONOS_validation", "type": "GLOBAL",
        "library_path": "{LAYER}", "api_version": "1.3.0", "implementation_version": "1", "description": "validation"}}}}"#
    );
    fs::write(file("validation.json"), manifest).expect("a file");
    let log = file("log");
    let settings = [
        "debug_action = VK_DBG_LAYER_ACTION_LOG_MSG",
        &format!("log_filename = {}", log.display()),
        // `info` tells which checks are on.
        "report_flags = error,warn,info",
        "validate_core = true",
        "validate_sync = true",
        "syncval_shader_accesses_heuristic = true",
        "gpuav_enable = true",
        "gpuav_shared_memory_data_race = true",
        "enable_message_limit = true",
        "duplicate_message_limit = 10000",
    ];
    let settings: String =
        settings.iter().map(|line| format!("khronos_validation.{line}\n")).collect();
    fs::write(file("settings.txt"), settings).expect("a file");
    // In front of the real loader: the layer says nothing about indices out of bounds on a device
    // with robust buffer access.
    let built =
        Path::new(env!("CARGO_BIN_EXE_planted")).with_file_name("examples").join("libunrobust.so");
    fs::copy(&built, file("libvulkan.so.1"))
        .expect("`cargo build --examples` or `cargo test` of all builds it");
    command
        .env("LD_LIBRARY_PATH", folder.path())
        .env("VK_DRIVER_FILES", SOFTWARE)
        .env("VK_LAYER_PATH", folder.path())
        .env("VK_INSTANCE_LAYERS", "VK_LAYER_KHRONOS_validation")
        .env("VK_LAYER_SETTINGS_PATH", file("settings.txt"));
    let output = command.output().expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let log = fs::read_to_string(&log).expect("the layer's log");
    // The suite keeps its devices until it ends, and the layer aborts then for that; by then the
    // tests have said how they went.
    let passed = output.status.success()
        || text(&output.stdout).contains("test result: ok. 1 passed; 0 failed");
    assert!(passed, "{command:?}: {}\n{}\n{log}", text(&output.stdout), text(&output.stderr));
    for check in ["- Core Checks", "- Synchronization", "- GPU-AV"] {
        assert!(log.contains(check), "not on: {check}\n{log}");
    }
    let messages = log
        .split("Validation Error: ")
        .skip(1)
        .filter(|message| !message.contains(KNOWN) && !message.contains(ASTRAY));
    messages.map(|message| message.chars().take(1500).collect()).collect()
}

#[test]
fn planted_faults_are_reported() {
    if !layer() {
        return;
    }
    let faults = [
        ("out-of-bounds", "access out of bounds"),
        ("no-barrier", "SYNC-HAZARD-WRITE-AFTER-WRITE"),
        ("no-workgroup-barrier", "SharedMemoryDataRace"),
    ];
    let planted = |fault: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_planted"));
        command.arg(fault);
        reports(command).join("\n")
    };
    assert_eq!(planted("none"), "");
    for (fault, report) in faults {
        let found = planted(fault);
        assert!(found.contains(report), "{fault}: {found}");
    }
}

/// `rows` points of ten features in four groups, as NumPy writes them.
fn points(folder: &TempDir, name: &str, rows: usize) -> PathBuf {
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, 10), }}").into_bytes();
    header.resize(117, b' ');
    header.push(b'\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header);
    let value =
        |at: usize| (at * at * 7919 % 1009) as f32 / 1009.0 + (at / 10 % 4 * (at % 3)) as f32;
    bytes.extend((0..rows * 10).flat_map(|at| value(at).to_le_bytes()));
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("a file");
    path
}

#[test]
fn a_fit_of_each_method_is_free_of_errors() {
    let program = std::env::var_os("LAYERLENS_BINARY").map(PathBuf::from);
    let program = program.unwrap_or_else(|| {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/layerlens")
    });
    if !layer() {
        return;
    }
    assert!(program.exists(), "{} isn't built; LAYERLENS_BINARY names another", program.display());
    let folder = tempfile::tempdir().expect("a folder");
    let (x, new) = (points(&folder, "x.npy", 200), points(&folder, "new.npy", 20));
    let short = ["--max-iter", "9", "--early-exaggeration-iter", "3", "--perplexity", "10"];
    let runs: [(&str, &str, Vec<&str>); 5] = [
        (
            "embed",
            "tsne",
            [&short[..], &["--repulsion", "grid", "--placement", "optimise"]].concat(),
        ),
        ("embed", "tsne", [&short[..], &["--repulsion", "exact"]].concat()),
        ("embed", "umap", vec!["--n-epochs", "10", "--placement", "optimise"]),
        ("embed", "trimap", vec!["--max-iter", "10", "--placement", "optimise"]),
        ("cluster", "k-means,dbscan", vec!["--n-init", "1", "--n-clusters", "4"]),
    ];
    for (at, (command, method, arguments)) in runs.iter().enumerate() {
        let mut run = Command::new(&program);
        run.arg(command)
            .arg(&x)
            .args(["--method", method, "--device", "gpu", "--out"])
            .arg(folder.path().join(at.to_string()));
        run.args(arguments);
        if *command == "embed" {
            run.arg("--new").arg(&new);
        }
        let found = reports(run);
        assert!(
            found.is_empty(),
            "{command} --method {method}: {} errors\n{}",
            found.len(),
            found.join("\n")
        );
    }
}

#[test]
fn every_kernel_is_free_of_errors() {
    let suite = std::env::var_os("LAYERLENS_SUITE");
    if !layer() {
        return;
    }
    let Some(suite) = suite else {
        assert!(
            std::env::var_os("LAYERLENS_REQUIRE_GPU").is_none(),
            "LAYERLENS_SUITE names no program"
        );
        return eprintln!("SKIPPED, LAYERLENS_SUITE names no program");
    };
    let test = "parity::every_kernel_agrees_with_its_twin_under_the_limits_of_the_adapter";
    let mut run = Command::new(suite);
    // More than a workgroup, and not a multiple of one; without naga's checks, as users run the
    // shaders.
    run.args(["--exact", test])
        .env("LAYERLENS_PARITY_SIZES", "65")
        .env("LAYERLENS_SHADER_CHECKS", "0");
    run.env("LAYERLENS_REQUIRE_GPU", "1");
    let found = reports(run);
    assert!(found.is_empty(), "{} errors\n{}", found.len(), found.join("\n"));
}

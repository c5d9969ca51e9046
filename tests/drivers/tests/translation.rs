//! naga writes every entry point of the library in the languages of Vulkan, Metal and DirectX,
//! checked and trusted, and Khronos' validator accepts the SPIR-V. The compilers of Apple and
//! Microsoft run on their own systems only.

use anyhow::{Result, ensure};
use layerlens_drivers::shaders::{self, Shader};
use layerlens_drivers::translate::{CHECKS, Checks, direct_x, metal, spirv};
use naga::back::hlsl::ShaderModel;
use std::path::Path;
use std::process::Command;

/// Versions of SPIR-V, with the Vulkan that wgpu takes each for.
const SPIRV: [((u8, u8), &str); 4] =
    [((1, 0), "vulkan1.0"), ((1, 3), "vulkan1.1"), ((1, 5), "vulkan1.2"), ((1, 6), "vulkan1.3")];

/// macOS 12 and 13, the oldest that still have cards of their own makers and the first with Metal
/// 3.
const METAL: [(u8, u8); 2] = [(2, 4), (3, 0)];

/// What FXC takes at most, and what DXC takes at least.
const DIRECT_X: [ShaderModel; 2] = [ShaderModel::V5_1, ShaderModel::V6_0];

/// What speaks against the translations of one entry point, in words; nothing if all is well.
fn complaints(shader: &Shader, entry_point: &str, validate: bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut note = |what: String, result: Result<()>| {
        found.extend(
            result.err().map(|error| format!("{}/{entry_point} as {what}: {error:#}", shader.name)),
        );
    };
    for checks in CHECKS {
        for (version, vulkan) in SPIRV {
            // Drivers of Vulkan 1.3 keep to the bounds of buffers themselves or don't; the older
            // ones are taken not to.
            for robust in [false, true].into_iter().filter(|&robust| !robust || version == (1, 6)) {
                let words = spirv(shader, entry_point, version, checks, robust);
                let valid = words
                    .and_then(|words| if validate { spirv_val(&words, vulkan) } else { Ok(()) });
                note(format!("SPIR-V {version:?}, {checks:?}, robust {robust}"), valid);
            }
        }
    }
    let size = shader
        .module
        .entry_points
        .iter()
        .find(|entry| entry.name == entry_point)
        .map(|entry| entry.workgroup_size[0]);
    let size = format!("[numthreads({}, 1, 1)]", size.unwrap_or(0));
    for version in METAL {
        let write = |checks| metal(shader, entry_point, version, checks);
        note(
            format!("Metal {version:?}"),
            checked_and_trusted(write, "kernel void ", "metal::threadgroup_barrier"),
        );
    }
    for model in DIRECT_X {
        let write = |checks| direct_x(shader, entry_point, model, checks);
        note(
            format!("HLSL {model:?}"),
            checked_and_trusted(write, &size, "GroupMemoryBarrierWithGroupSync"),
        );
    }
    found
}

/// Writes both ways: each must hold `head` once, and trust must add nothing, in particular no
/// barrier.
fn checked_and_trusted(
    write: impl Fn(Checks) -> Result<String>,
    head: &str,
    barrier: &str,
) -> Result<()> {
    let [checked, trusted] = CHECKS.map(write);
    let (checked, trusted) = (checked?, trusted?);
    for source in [&checked, &trusted] {
        ensure!(source.matches(head).count() == 1, "not one `{head}` in\n{source}");
    }
    ensure!(trusted.len() <= checked.len(), "trusted source is the longer one\n{trusted}");
    let barriers = |source: &str| source.matches(barrier).count();
    ensure!(
        barriers(&trusted) <= barriers(&checked),
        "trusted source has more barriers\n{trusted}"
    );
    Ok(())
}

/// What Khronos' validator says against a module for that version of Vulkan.
fn spirv_val(words: &[u32], vulkan: &str) -> Result<()> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), bytes)?;
    let output =
        Command::new("spirv-val").args(["--target-env", vulkan]).arg(file.path()).output()?;
    ensure!(output.status.success(), "spirv-val: {}{}", text(&output.stderr), text(&output.stdout));
    Ok(())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// Whether the validator is there; LAYERLENS_REQUIRE_GPU=1 makes its absence a failure, as in the
/// library's own tests.
fn validator() -> bool {
    let there = Command::new("spirv-val").arg("--version").output().is_ok();
    assert!(
        there || std::env::var_os("LAYERLENS_REQUIRE_GPU").is_none(),
        "no spirv-val; Debian: spirv-tools"
    );
    if !there {
        eprintln!("SPIR-V is not validated, there is no spirv-val");
    }
    there
}

#[test]
fn every_entry_point_is_written_for_vulkan_metal_and_direct_x() {
    let validate = validator();
    let shaders = shaders::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shaders"))
        .expect("the library's shaders");
    let pairs = shaders
        .iter()
        .flat_map(|shader| shader.entry_points().map(move |entry_point| (shader, entry_point)));
    let found: Vec<_> =
        pairs.flat_map(|(shader, entry_point)| complaints(shader, entry_point, validate)).collect();
    assert!(found.is_empty(), "{} translations fail:\n{}", found.len(), found.join("\n"));
}

const WGSL: &str = "@group(0) @binding(0) var<uniform> n: u32;
    @group(0) @binding(1) var<storage, read_write> values: array<u32>;
    var<workgroup> partial: array<u32, 64>;
    @compute @workgroup_size(64)
    fn turn(@builtin(local_invocation_index) thread: u32, @builtin(num_workgroups) groups: vec3<u32>) {
        partial[thread] = values[thread] / n + groups.x;
        workgroupBarrier();
        for (var i = 0u; i < n; i++) { values[thread] += partial[i]; }
    }";

#[test]
fn checks_are_written_and_trust_leaves_them_out() {
    let shader = Shader::parse("turn", WGSL).expect("valid WGSL");
    assert_eq!(complaints(&shader, "turn", validator()), Vec::<String>::new());
    for (checks, times) in [(Checks::Checked, 1), (Checks::Trusted, 0)] {
        let metal = metal(&shader, "turn", (2, 4), checks).expect("Metal");
        let direct_x = direct_x(&shader, "turn", ShaderModel::V5_1, checks).expect("HLSL");
        for (sign, source) in [
            ("partial = {}", &metal),
            ("loop_bound", &metal),
            ("metal::min(", &metal),
            ("= naga_div(", &metal),
            ("partial = (uint[64])0", &direct_x),
            ("loop_bound", &direct_x),
            ("min(uint(", &direct_x),
        ] {
            assert_eq!(source.contains(sign), times == 1, "`{sign}`, {checks:?}:\n{source}");
        }
    }
}

#[test]
fn a_translation_that_fails_is_noticed() {
    let shader = Shader::parse("turn", WGSL).expect("valid WGSL");
    let found = complaints(&shader, "twist", validator());
    for language in ["SPIR-V", "Metal", "HLSL"] {
        assert!(
            found.iter().any(|what| what.starts_with(&format!("turn/twist as {language}"))),
            "{language}: {found:?}"
        );
    }
    // As a wrong writer would: an id beyond the bound of the module.
    if validator() {
        let mut words = spirv(&shader, "turn", (1, 3), Checks::Checked, false).expect("SPIR-V");
        spirv_val(&words, "vulkan1.1").expect("valid");
        words[3] = 2;
        assert!(spirv_val(&words, "vulkan1.1").is_err());
    }
}

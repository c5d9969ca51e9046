//! Entry points as SPIR-V, Metal and DirectX source, translated with the options that wgpu-hal 30
//! takes (`vulkan/adapter.rs`, `metal/device.rs`, `dx12/device.rs`).

use crate::shaders::Shader;
use anyhow::{Context, Result, anyhow};
use naga::ShaderStage;
use naga::back::{hlsl, msl, spv};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};

/// What naga adds to a shader against its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checks {
    /// Bounds of arrays and loops and zeroed workgroup memory: `create_shader_module`.
    Checked,
    /// Nothing: `create_shader_module_trusted` with `ShaderRuntimeChecks::unchecked()`, workgroup
    /// memory as it comes.
    Trusted,
}

/// Both ways.
pub const CHECKS: [Checks; 2] = [Checks::Checked, Checks::Trusted];

impl Checks {
    fn on(self) -> bool {
        self == Self::Checked
    }

    /// The policy for indices of arrays; for those of buffers `robust` tells whether the driver
    /// itself keeps to their bounds.
    fn policies(self, robust: bool) -> BoundsCheckPolicies {
        let policy =
            |on| if on { BoundsCheckPolicy::Restrict } else { BoundsCheckPolicy::Unchecked };
        BoundsCheckPolicies {
            index: policy(self.on()),
            buffer: policy(self.on() && !robust),
            image_load: policy(self.on()),
            binding_array: BoundsCheckPolicy::Unchecked,
        }
    }
}

/// SPIR-V of `version`. `robust`: the driver has robustBufferAccess2, so wgpu leaves the bounds of
/// buffers to it.
///
/// # Errors
/// What naga cannot translate.
pub fn spirv(
    shader: &Shader,
    entry_point: &str,
    version: (u8, u8),
    checks: Checks,
    robust: bool,
) -> Result<Vec<u32>> {
    use spv::Capability::*;
    // Those of the adapters that we open: always there, and SUBGROUP, which is asked for wherever
    // it is.
    let capabilities = [
        Shader,
        Matrix,
        GroupNonUniform,
        GroupNonUniformVote,
        GroupNonUniformArithmetic,
        GroupNonUniformBallot,
        GroupNonUniformShuffle,
        GroupNonUniformShuffleRelative,
    ];
    // Vulkan zeroes workgroup memory itself from 1.3 on, which is SPIR-V 1.6.
    let zeroing = match (checks.on(), version >= (1, 6)) {
        (false, _) => spv::ZeroInitializeWorkgroupMemoryMode::None,
        (true, true) => spv::ZeroInitializeWorkgroupMemoryMode::Native,
        (true, false) => spv::ZeroInitializeWorkgroupMemoryMode::Polyfill,
    };
    let options = spv::Options {
        lang_version: version,
        flags: spv::WriterFlags::LABEL_VARYINGS | spv::WriterFlags::FORCE_POINT_SIZE,
        capabilities: Some(capabilities.into_iter().collect()),
        bounds_check_policies: checks.policies(robust),
        zero_initialize_workgroup_memory: zeroing,
        force_loop_bounding: checks.on(),
        emit_int_div_checks: checks.on(),
        ..Default::default()
    };
    let pipeline = spv::PipelineOptions {
        entry_point: entry_point.to_owned(),
        shader_stage: ShaderStage::Compute,
    };
    spv::write_vec(&shader.module, &shader.info, &options, Some(&pipeline))
        .map_err(|error| anyhow!("{error}"))
}

/// Metal's language of `version`.
///
/// # Errors
/// What naga cannot translate.
pub fn metal(
    shader: &Shader,
    entry_point: &str,
    version: (u8, u8),
    checks: Checks,
) -> Result<String> {
    let bindings = shader.bindings(entry_point)?;
    let resources = bindings.iter().zip(0..).map(|(binding, slot)| {
        (
            binding.at,
            msl::BindTarget { buffer: Some(slot), mutable: binding.writable, ..Default::default() },
        )
    });
    let resources = msl::EntryPointResources {
        resources: resources.collect(),
        sizes_buffer: Some(bindings.len() as u8),
        ..Default::default()
    };
    let options = msl::Options {
        lang_version: version,
        per_entry_point_map: [(entry_point.to_owned(), resources)].into(),
        bounds_check_policies: checks.policies(false),
        zero_initialize_workgroup_memory: checks.on(),
        force_loop_bounding: checks.on(),
        emit_int_div_checks: checks.on(),
        fake_missing_bindings: false,
        ..Default::default()
    };
    let pipeline = msl::PipelineOptions {
        entry_point: Some((ShaderStage::Compute, entry_point.to_owned())),
        vertex_pulling_transform: true,
        ..Default::default()
    };
    let (source, info) = msl::write_string(&shader.module, &shader.info, &options, &pipeline)?;
    only(info.entry_point_names)?;
    Ok(source)
}

/// DirectX's language for a shader model.
///
/// # Errors
/// What naga cannot translate.
pub fn direct_x(
    shader: &Shader,
    entry_point: &str,
    model: hlsl::ShaderModel,
    checks: Checks,
) -> Result<String> {
    let bindings = shader.bindings(entry_point)?;
    let targets = bindings.iter().zip(0..).map(|(binding, register)| {
        (binding.at, hlsl::BindTarget { register, restrict_indexing: true, ..Default::default() })
    });
    let options = hlsl::Options {
        shader_model: model,
        binding_map: targets.collect(),
        fake_missing_bindings: false,
        // wgpu counts workgroups for `num_workgroups` there.
        special_constants_binding: Some(hlsl::BindTarget {
            register: bindings.len() as u32,
            ..Default::default()
        }),
        zero_initialize_workgroup_memory: checks.on(),
        restrict_indexing: checks.on(),
        force_loop_bounding: checks.on(),
        ..Default::default()
    };
    let pipeline =
        hlsl::PipelineOptions { entry_point: Some((ShaderStage::Compute, entry_point.to_owned())) };
    let mut source = String::new();
    let info = hlsl::Writer::new(&mut source, &options, &pipeline).write(
        &shader.module,
        &shader.info,
        None,
    )?;
    only(info.entry_point_names)?;
    Ok(source)
}

/// The one name of an entry point that a writer must give.
fn only<E: std::fmt::Display>(names: Vec<Result<String, E>>) -> Result<String> {
    anyhow::ensure!(names.len() == 1, "{} entry points were written", names.len());
    names
        .into_iter()
        .next()
        .context("no entry point was written")?
        .map_err(|error| anyhow!("{error}"))
}

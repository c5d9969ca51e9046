//! Entry points as SPIR-V, translated with the options that wgpu-hal 30 takes (`vulkan/adapter.rs`).

use crate::shaders::Shader;
use anyhow::{Result, anyhow};
use naga::ShaderStage;
use naga::back::spv;
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};

/// What naga adds to a shader against its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checks {
    /// Bounds of arrays and loops and zeroed workgroup memory: `create_shader_module`.
    Checked,
    /// Nothing: `create_shader_module_trusted` with `ShaderRuntimeChecks::unchecked()`, workgroup memory as it comes.
    Trusted,
}

/// Both ways.
pub const CHECKS: [Checks; 2] = [Checks::Checked, Checks::Trusted];

impl Checks {
    fn on(self) -> bool {
        self == Self::Checked
    }

    /// The policy for indices of arrays; for those of buffers `robust` tells whether the driver itself keeps to their bounds.
    fn policies(self, robust: bool) -> BoundsCheckPolicies {
        let policy = |on| if on { BoundsCheckPolicy::Restrict } else { BoundsCheckPolicy::Unchecked };
        BoundsCheckPolicies {
            index: policy(self.on()),
            buffer: policy(self.on() && !robust),
            image_load: policy(self.on()),
            binding_array: BoundsCheckPolicy::Unchecked,
        }
    }
}

/// SPIR-V of `version`. `robust`: the driver has robustBufferAccess2, so wgpu leaves the bounds of buffers to it.
///
/// # Errors
/// What naga cannot translate.
pub fn spirv(shader: &Shader, entry_point: &str, version: (u8, u8), checks: Checks, robust: bool) -> Result<Vec<u32>> {
    use spv::Capability::*;
    // Those of the adapters that we open: always there, and SUBGROUP, which is asked for wherever it is.
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
    let pipeline = spv::PipelineOptions { entry_point: entry_point.to_owned(), shader_stage: ShaderStage::Compute };
    spv::write_vec(&shader.module, &shader.info, &options, Some(&pipeline)).map_err(|error| anyhow!("{error}"))
}

//! The shaders for graphics cards that this machine hasn't got: compiled by AMD's compiler ([`radv`]) from what wgpu hands to
//! Vulkan ([`translate`]).

pub mod radv;
pub mod shaders;
pub mod translate;

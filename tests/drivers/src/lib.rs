//! The shaders for graphics cards and systems that this machine hasn't got: compiled by AMD's
//! compiler ([`radv`]), and translated to the languages that wgpu hands to Vulkan, Metal and
//! DirectX ([`translate`]).

pub mod radv;
pub mod shaders;
pub mod translate;

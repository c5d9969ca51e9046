//! A WGSL entry point as a constant: its shader, workgroup size and uniform layout.

/// One entry point of one shader. Its CPU twin has the name of the entry point, in `mod cpu` of the
/// file that declares the kernel.
#[derive(Debug)]
pub struct Kernel {
    /// Base name of the shader's file in `shaders/`.
    pub shader: &'static str,
    /// WGSL source, after the common part and the shader's imports.
    pub source: &'static str,
    /// Name of the entry point.
    pub entry_point: &'static str,
    /// Invocations per workgroup, as in the shader's `@workgroup_size`; a test compares the two.
    pub workgroup_size: u32,
    /// Layout of the uniform at binding 0.
    pub uniform: Uniform,
}

/// Size and field offsets of a uniform struct on the host.
#[derive(Debug)]
pub struct Uniform {
    /// Size in bytes.
    pub size: usize,
    /// Name and offset in bytes of each field, in order.
    pub fields: &'static [(&'static str, usize)],
}

/// Amount of work of one dispatch, by count. It determines where the dispatch is split and when it
/// is submitted, and is reported in a profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Number of 32-bit float or integer operations that the result needs. A multiply-add counts
    /// twice; a root, a division, an exponential and a logarithm count once each.
    pub flops: u64,
    /// Bytes read and written in storage buffers. Data read jointly by a workgroup count once for
    /// each workgroup, data gathered by index every time.
    pub bytes: u64,
}

impl Work {
    /// Number of operations of a graphics card in the time of moving one byte.
    const FLOPS_PER_BYTE: u64 = 16;

    /// Work of `flops` operations on `bytes` bytes.
    pub const fn new(flops: u64, bytes: u64) -> Self {
        Self { flops, bytes }
    }

    /// The same work `times` times.
    pub const fn times(self, times: usize) -> Self {
        Self {
            flops: self.flops.saturating_mul(times as u64),
            bytes: self.bytes.saturating_mul(times as u64),
        }
    }

    /// Sum of both.
    pub const fn plus(self, other: Self) -> Self {
        Self {
            flops: self.flops.saturating_add(other.flops),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    /// Estimated time in operations: the larger of the two parts.
    pub const fn steps(self) -> u64 {
        let moved = self.bytes.saturating_mul(Self::FLOPS_PER_BYTE);
        if self.flops > moved { self.flops } else { moved }
    }
}

/// Declares a kernel: shader, entry point, workgroup size and uniform struct. Its source is the
/// common part and the file `shaders/<shader>.wgsl`; a shader with the line `// #import <part>` is
/// given as `"<shader>" + "<part>"`, and `shaders/shared/<part>.wgsl` is inserted before it. A test
/// compares the two.
macro_rules! kernel {
    (
        $shader:literal $(+ $part:literal)*,
        $entry_point:literal, $workgroup_size:literal, $uniform:ident
    ) => {
        crate::compute::Kernel {
            shader: $shader,
            source: concat!(
                include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/common.wgsl")),
                $(
                    include_str!(concat!(
                        env!("CARGO_MANIFEST_DIR"), "/shaders/shared/", $part, ".wgsl"
                    )),
                )*
                include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $shader, ".wgsl"))
            ),
            entry_point: $entry_point,
            workgroup_size: $workgroup_size,
            uniform: $uniform::LAYOUT,
        }
    };
}

/// Declares a uniform struct whose layout a test compares with the shader's: every field has four
/// bytes.
macro_rules! uniform {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($field:ident: $kind:ty),* $(,)? }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
        $vis struct $name { $($vis $field: $kind),* }
        impl $name {
            $vis const LAYOUT: crate::compute::Uniform = crate::compute::Uniform {
                size: size_of::<Self>(),
                fields: &[$((stringify!($field), std::mem::offset_of!($name, $field))),*],
            };
        }
    };
}

/// Maximum number of loop turns of one invocation on a software adapter: Mesa's ends all loops of
/// an invocation after 65,535 turns in total, nested ones included, without an error. Longer loops
/// continue in another dispatch.
pub(crate) const MOST_TURNS: usize = 60_000;

/// Start of each dispatch of a kernel whose invocations take up to `turns` turns, with at most
/// `most` in one dispatch.
pub(crate) fn dispatches(turns: usize, most: usize) -> impl Iterator<Item = u32> {
    (0..turns.max(1)).step_by(most.max(1)).map(|first| first as u32)
}

/// Length of the longest of the compressed rows with these starts.
pub(crate) fn longest_row(row_starts: &[u32]) -> usize {
    row_starts.windows(2).map(|pair| (pair[1] - pair[0]) as usize).max().unwrap_or(0)
}

pub(crate) use {kernel, uniform};

//! A WGSL entry point as a constant: where it stands, its workgroup size and the layout of its
//! uniform.

/// One entry point of one shader. Its CPU twin bears the entry point's name, in `mod cpu` of the
/// file that declares the kernel.
#[derive(Debug)]
pub struct Kernel {
    /// Base name of the file in `shaders/`.
    pub shader: &'static str,
    /// WGSL source, after the common part and what the shader imports.
    pub source: &'static str,
    /// Name of the entry point.
    pub entry_point: &'static str,
    /// Invocations per workgroup, as in the shader's `@workgroup_size`; a test holds the two
    /// together.
    pub workgroup_size: u32,
    /// Layout of the uniform at binding 0.
    pub uniform: Uniform,
}

/// Size and field offsets of a uniform struct, as the host sees it.
#[derive(Debug)]
pub struct Uniform {
    /// Bytes.
    pub size: usize,
    /// Name and offset in bytes of each field, in order.
    pub fields: &'static [(&'static str, usize)],
}

/// What one dispatch does, by count: from it follow how far it is split, when it is submitted, and
/// the figures of a profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Operations in 32-bit floats or integers that the result needs; a multiplication with an
    /// addition counts twice, a root, a division, an exponential and a logarithm once each.
    pub flops: u64,
    /// Bytes read and written in storage buffers: what workgroups read together once for each of
    /// them, what is gathered by index every time.
    pub bytes: u64,
}

impl Work {
    /// Operations that a graphics card does while it moves one byte.
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

    /// Both together.
    pub const fn plus(self, other: Self) -> Self {
        Self {
            flops: self.flops.saturating_add(other.flops),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    /// One number for the time that it takes, in operations: whichever of the two parts is the
    /// longer.
    pub const fn steps(self) -> u64 {
        let moved = self.bytes.saturating_mul(Self::FLOPS_PER_BYTE);
        if self.flops > moved { self.flops } else { moved }
    }
}

/// Declares a kernel: shader, entry point, workgroup size and uniform struct. Its source is the
/// common part and the file `shaders/<shader>.wgsl`; a shader that says `// #import <part>` is
/// given as `"<shader>" + "<part>"`, and `shaders/shared/<part>.wgsl` stands before it. A test
/// holds the two together.
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
    ($(#[$meta:meta])* struct $name:ident { $($field:ident: $kind:ty),* $(,)? }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
        struct $name { $($field: $kind),* }
        impl $name {
            const LAYOUT: crate::compute::Uniform = crate::compute::Uniform {
                size: size_of::<Self>(),
                fields: &[$((stringify!($field), std::mem::offset_of!($name, $field))),*],
            };
        }
    };
}

/// Turns of its loops that one invocation of a kernel takes at most on a software adapter: Mesa's
/// ends all loops of an invocation after 65,535 turns together, nested ones too, without a word.
/// What needs more goes on in another dispatch.
pub(crate) const MOST_TURNS: usize = 60_000;

/// Where each dispatch of a kernel begins whose invocations take up to `turns` turns, `most` of
/// them in one.
pub(crate) fn dispatches(turns: usize, most: usize) -> impl Iterator<Item = u32> {
    (0..turns.max(1)).step_by(most.max(1)).map(|first| first as u32)
}

/// Entries of the longest row of compressed rows that start there.
pub(crate) fn longest_row(row_starts: &[u32]) -> usize {
    row_starts.windows(2).map(|pair| (pair[1] - pair[0]) as usize).max().unwrap_or(0)
}

pub(crate) use {kernel, uniform};

//! A convolution as a matrix product: each window becomes a row (im2col), the product runs over all
//! windows of an image. K. Chellapilla, S. Puri and P. Simard, "High performance convolutional
//! neural networks for document processing", 2006.

use super::block_images;
use multiversion::multiversion;
use rayon::prelude::*;
use std::cell::RefCell;

/// Sizes of a convolution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    n: usize,
    height: usize,
    width: usize,
    channels: usize,
    filters: usize,
    windows: ConvWindows,
    relu: bool,
}

/// Windows of a convolution.
#[derive(Clone, Copy, Debug)]
pub(in crate::model) struct ConvWindows {
    /// Height and width.
    pub(in crate::model) window: [usize; 2],
    /// Rows and columns from one to the next.
    pub(in crate::model) stride: [usize; 2],
    /// Zeros above and below, left and right of the image.
    pub(in crate::model) padding: [(usize, usize); 2],
}

/// Input and output of a forward pass, and the gradient of the output.
pub(super) struct ForwardPass<'a> {
    /// Input, n x height x width x channels.
    pub(super) x: &'a [f32],
    /// ForwardPass, n x rows x columns x filters.
    pub(super) y: &'a [f32],
    /// Gradient of the output.
    pub(super) dy: &'a [f32],
}

/// Images of `size` whose windows are taken, with zeros around, and between their pixels where those
/// lie `apart`.
#[derive(Clone, Copy)]
struct Windows {
    size: [usize; 3],
    apart: [usize; 2],
    window: [usize; 2],
    stride: [usize; 2],
    padding: [(usize, usize); 2],
}

thread_local! {
    /// Buffers for an image with its border, for the windows of an image, and for a masked
    /// gradient: each thread keeps its own.
    static SCRATCH: RefCell<[Vec<f32>; 3]> = const { RefCell::new([Vec::new(), Vec::new(), Vec::new()]) };
}

impl Geometry {
    pub(super) fn new(x: [usize; 4], filters: usize, windows: ConvWindows, relu: bool) -> Self {
        let [n, height, width, channels] = x;
        Self { n, height, width, channels, filters, windows, relu }
    }

    pub(super) fn input(&self) -> [usize; 4] {
        [self.n, self.height, self.width, self.channels]
    }

    pub(super) fn output(&self) -> [usize; 4] {
        let [rows, columns] = self.taken().count();
        [self.n, rows, columns, self.filters]
    }

    /// Rows and columns of the kernel as a matrix.
    pub(super) fn kernel(&self) -> [usize; 2] {
        [self.windows.window[0] * self.windows.window[1] * self.channels, self.filters]
    }

    /// The windows of the input that an output sees.
    fn taken(&self) -> Windows {
        let ConvWindows { window, stride, padding } = self.windows;
        let size = [self.height, self.width, self.channels];
        Windows { size, apart: [1, 1], window, stride, padding }
    }

    /// The windows of the output's gradient that an input value sees.
    fn taken_back(&self) -> Windows {
        let ConvWindows { window, stride, padding } = self.windows;
        let [_, rows, columns, filters] = self.output();
        let around = |side: usize, image: usize, windows: usize| {
            let before = padding[side].0;
            let last = (windows - 1) * stride[side];
            (window[side] - 1 - before, image - 1 + before - last)
        };
        Windows {
            size: [rows, columns, filters],
            apart: stride,
            window,
            stride: [1, 1],
            padding: [around(0, self.height, rows), around(1, self.width, columns)],
        }
    }
}

impl Windows {
    /// Rows and columns of windows.
    fn count(&self) -> [usize; 2] {
        let padded = self.padded();
        [0, 1].map(|side| (padded[side] - self.window[side]) / self.stride[side] + 1)
    }

    /// Height and width with all zeros.
    fn padded(&self) -> [usize; 2] {
        [0, 1].map(|side| {
            let (before, after) = self.padding[side];
            (self.size[side] - 1) * self.apart[side] + 1 + before + after
        })
    }

    /// Lays the windows of `image` out as the rows of `columns`.
    fn lay_out(&self, image: &[f32], padded: &mut Vec<f32>, columns: &mut Vec<f32>) {
        let [height, width, channels] = self.size;
        let [padded_height, padded_width] = self.padded();
        let image = if [padded_height, padded_width] == [height, width] {
            image
        } else {
            padded.clear();
            padded.resize(padded_height * padded_width * channels, 0.0);
            let [(above, _), (left, _)] = self.padding;
            for (row, values) in image.chunks_exact(width * channels).enumerate() {
                let first = (row * self.apart[0] + above) * padded_width + left;
                let target = &mut padded[first * channels..];
                if self.apart[1] == 1 {
                    target[..values.len()].copy_from_slice(values);
                } else {
                    let targets = target.chunks_mut(self.apart[1] * channels);
                    for (target, pixel) in targets.zip(values.chunks_exact(channels)) {
                        target[..channels].copy_from_slice(pixel);
                    }
                }
            }
            padded
        };
        let [rows, across] = self.count();
        let len = rows * across * self.window[0] * self.window[1] * channels;
        // Every value is written: what was there before needs no clearing.
        columns.resize(len.max(columns.len()), 0.0);
        copy_windows(
            image,
            columns,
            [rows, across, self.window[0], self.window[1] * channels],
            [padded_width * channels, channels],
            self.stride,
        );
    }
}

/// `shape`: rows of windows, windows of a row, rows of a window, values of such a row. `strides`:
/// values of an image's row, of a pixel; `steps`:
/// rows and pixels from a window to the next.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn copy_windows(
    image: &[f32],
    columns: &mut [f32],
    shape: [usize; 4],
    strides: [usize; 2],
    steps: [usize; 2],
) {
    let [rows, across, high, wide] = shape;
    let mut targets = columns.chunks_exact_mut(wide);
    for row in 0..rows {
        for column in 0..across {
            for line in 0..high {
                let from = (row * steps[0] + line) * strides[0] + column * steps[1] * strides[1];
                let Some(target) = targets.next() else { return };
                let source = &image[from..from + wide];
                if wide >= 16 {
                    target.copy_from_slice(source);
                } else {
                    // A call to copy so little takes longer than the copy.
                    for (target, &value) in target.iter_mut().zip(source) {
                        *target = value;
                    }
                }
            }
        }
    }
}

/// The outputs for `x`; shapes as [`super::convolution`].
pub(super) fn forward(geometry: &Geometry, x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
    let [_, rows, across, filters] = geometry.output();
    let image = x.len() / geometry.n.max(1);
    let output = rows * across * filters;
    let [inputs, _] = geometry.kernel();
    let mut y = vec![0.0; geometry.n * output];
    let images = x.par_chunks_exact(image).zip(y.par_chunks_exact_mut(output));
    images.for_each(|(x, y)| {
        SCRATCH.with_borrow_mut(|[padded, columns, _]| {
            geometry.taken().lay_out(x, padded, columns);
            let columns = &columns[..rows * across * inputs];
            product(
                y,
                (columns, inputs, 1),
                (weight, filters, 1),
                (rows * across, filters, inputs),
                false,
            );
        });
        finish(y, bias, geometry.relu);
    });
    y
}

/// Adds the bias and applies the ReLU.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn finish(y: &mut [f32], bias: &[f32], relu: bool) {
    let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
    for pixel in y.chunks_exact_mut(bias.len()) {
        for (value, &bias) in pixel.iter_mut().zip(bias) {
            *value = (*value + bias).max(floor);
        }
    }
}

/// The gradients of input (if the weights are given), kernel and bias.
pub(super) fn backward(
    geometry: &Geometry,
    from: &ForwardPass,
    weight: Option<&[f32]>,
) -> (Option<Vec<f32>>, Vec<f32>, Vec<f32>) {
    let [_, rows, across, filters] = geometry.output();
    let image = geometry.height * geometry.width * geometry.channels;
    let output = rows * across * filters;
    let mirrored = weight.map(|weight| mirror(geometry, weight));
    let mut dx = vec![0.0; if weight.is_some() { geometry.n * image } else { 0 }];
    let block = block_images(geometry.n);
    let mut of_block: Vec<&mut [f32]> = dx.chunks_mut(block * image).collect();
    of_block.resize_with(geometry.n.div_ceil(block), Default::default);
    let parts: Vec<(Vec<f32>, Vec<f32>)> = (of_block.into_par_iter().enumerate())
        .map(|(at, dx)| {
            let images = at * block..((at + 1) * block).min(geometry.n);
            let part = ForwardPass {
                x: &from.x[images.start * image..images.end * image],
                y: &from.y[images.start * output..images.end * output],
                dy: &from.dy[images.start * output..images.end * output],
            };
            backward_block(geometry, &part, mirrored.as_deref(), dx)
        })
        .collect();
    let sum = |mut total: Vec<f32>, part: &[f32]| {
        total.iter_mut().zip(part).for_each(|(total, value)| *total += value);
        total
    };
    let mut parts = parts.into_iter();
    let first = parts.next().unwrap_or_default();
    let (dw, db) = parts.fold(first, |(dw, db), part| (sum(dw, &part.0), sum(db, &part.1)));
    (weight.is_some().then_some(dx), dw, db)
}

/// The gradients of a block of images, one image after the other; `dx` is written unless it is
/// empty.
fn backward_block(
    geometry: &Geometry,
    from: &ForwardPass,
    mirrored: Option<&[f32]>,
    dx: &mut [f32],
) -> (Vec<f32>, Vec<f32>) {
    let [_, rows, across, filters] = geometry.output();
    let image = geometry.height * geometry.width * geometry.channels;
    let output = rows * across * filters;
    let [inputs, _] = geometry.kernel();
    let mut dw = vec![0.0; inputs * filters];
    let mut db = vec![0.0; filters];
    let seen = geometry.windows.window[0] * geometry.windows.window[1] * filters;
    SCRATCH.with_borrow_mut(|[padded, columns, dz]| {
        for (at, x) in from.x.chunks_exact(image).enumerate() {
            let span = at * output..(at + 1) * output;
            dz.clear();
            dz.extend_from_slice(&from.dy[span.clone()]);
            mask(dz, &from.y[span], &mut db, geometry.relu);
            geometry.taken().lay_out(x, padded, columns);
            let laid = &columns[..rows * across * inputs];
            product(
                &mut dw,
                (laid, 1, inputs),
                (dz, filters, 1),
                (inputs, filters, rows * across),
                true,
            );
            if let Some(mirrored) = mirrored {
                geometry.taken_back().lay_out(dz, padded, columns);
                let pixels = geometry.height * geometry.width;
                let target = &mut dx[at * image..][..image];
                let laid = &columns[..pixels * seen];
                product(
                    target,
                    (laid, seen, 1),
                    (mirrored, geometry.channels, 1),
                    (pixels, geometry.channels, seen),
                    false,
                );
            }
        }
    });
    (dw, db)
}

/// Keeps the gradient where the output is above zero, if there was a ReLU, and adds it up by
/// filter.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn mask(dz: &mut [f32], y: &[f32], db: &mut [f32], relu: bool) {
    for (dz, y) in dz.chunks_exact_mut(db.len()).zip(y.chunks_exact(db.len())) {
        for ((dz, &y), db) in dz.iter_mut().zip(y).zip(db.iter_mut()) {
            *dz = if relu && y <= 0.0 { 0.0 } else { *dz };
            *db += *dz;
        }
    }
}

/// The kernel that takes gradients back: the window turned by 180 degrees, filters and channels
/// exchanged.
fn mirror(geometry: &Geometry, weight: &[f32]) -> Vec<f32> {
    let offsets = geometry.windows.window[0] * geometry.windows.window[1];
    let channels = geometry.channels;
    let filters = geometry.filters;
    let mut mirrored = vec![0.0; weight.len()];
    for offset in 0..offsets {
        for filter in 0..filters {
            for channel in 0..channels {
                mirrored[((offsets - 1 - offset) * filters + filter) * channels + channel] =
                    weight[(offset * channels + channel) * filters + filter];
            }
        }
    }
    mirrored
}

/// A matrix: its values, and how far apart its rows and its columns lie.
type Strided<'a> = (&'a [f32], usize, usize);

/// `out (+)= a b` on the calling thread, `out` row-major; `shape` is rows, columns, and the length
/// of the sums.
fn product(out: &mut [f32], a: Strided, b: Strided, (m, n, k): (usize, usize, usize), add: bool) {
    let last = |(_, row, column): Strided, rows: usize, columns: usize| {
        (rows - 1) * row + (columns - 1) * column
    };
    assert!(
        m * n * k > 0
            && out.len() == m * n
            && last(a, m, k) < a.0.len()
            && last(b, k, n) < b.0.len()
    );
    // SAFETY: the strides and sizes describe offsets inside the three slices, which was just
    // checked.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            add,
            a.0.as_ptr(),
            a.2 as isize,
            a.1 as isize,
            b.0.as_ptr(),
            b.2 as isize,
            b.1 as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

//! Pooling over windows that touch: the largest value or the mean of each, channel by channel.

use multiversion::multiversion;
use rayon::prelude::*;

/// A window, and what is taken of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pool {
    /// Height and width of the window.
    pub(super) size: [usize; 2],
    /// The mean instead of the largest value.
    pub(super) mean: bool,
}

/// Sizes of one image.
#[derive(Clone, Copy)]
struct Frame {
    width: usize,
    channels: usize,
    /// Windows below and beside each other.
    count: [usize; 2],
    size: [usize; 2],
}

impl Pool {
    /// Shape of what is made of `shape` (images, height, width, channels).
    pub(super) fn output(&self, [n, height, width, channels]: [usize; 4]) -> [usize; 4] {
        [n, height / self.size[0], width / self.size[1], channels]
    }

    fn frame(&self, shape: [usize; 4]) -> Frame {
        let [_, rows, across, channels] = self.output(shape);
        Frame { width: shape[2], channels, count: [rows, across], size: self.size }
    }

    pub(super) fn forward(&self, x: &[f32], shape: [usize; 4]) -> Vec<f32> {
        let output: usize = self.output(shape).iter().product();
        let mut y = vec![0.0; output];
        let n = shape[0].max(1);
        let images = x.par_chunks_exact(x.len() / n).zip(y.par_chunks_exact_mut(output / n));
        images.for_each(|(x, y)| match self.mean {
            true => means(self.frame(shape), x, y),
            false => maxima(self.frame(shape), x, y),
        });
        y
    }

    /// The gradient of the input. That of a largest value goes to the first position in the window
    /// that has it.
    pub(super) fn backward(&self, x: &[f32], y: &[f32], dy: &[f32], shape: [usize; 4]) -> Vec<f32> {
        let mut dx = vec![0.0; x.len()];
        let n = shape[0].max(1);
        let (image, output) = (x.len() / n, y.len() / n);
        let outputs = y.par_chunks_exact(output).zip(dy.par_chunks_exact(output));
        let images = dx.par_chunks_exact_mut(image).zip(x.par_chunks_exact(image)).zip(outputs);
        images.for_each(|((dx, x), (y, dy))| match self.mean {
            true => spread(self.frame(shape), dy, dx),
            false => to_maxima(self.frame(shape), x, y, dy, dx),
        });
        dx
    }
}

impl Frame {
    /// Index at which the pixel at a position of a window begins.
    #[inline(always)]
    fn pixel(&self, window: [usize; 2], row: usize, column: usize) -> usize {
        ((window[0] * self.size[0] + row) * self.width + window[1] * self.size[1] + column)
            * self.channels
    }

    /// Where the window's own pixel begins.
    #[inline(always)]
    fn output(&self, window: [usize; 2]) -> usize {
        (window[0] * self.count[1] + window[1]) * self.channels
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn maxima(frame: Frame, x: &[f32], y: &mut [f32]) {
    for window in
        (0..frame.count[0]).flat_map(|row| (0..frame.count[1]).map(move |column| [row, column]))
    {
        let y = &mut y[frame.output(window)..][..frame.channels];
        y.copy_from_slice(&x[frame.pixel(window, 0, 0)..][..frame.channels]);
        for offset in 1..frame.size[0] * frame.size[1] {
            let x = &x[frame.pixel(window, offset / frame.size[1], offset % frame.size[1])..]
                [..frame.channels];
            for (y, &x) in y.iter_mut().zip(x) {
                *y = if x > *y { x } else { *y };
            }
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn to_maxima(frame: Frame, x: &[f32], y: &[f32], dy: &[f32], dx: &mut [f32]) {
    // What is left to give of the window at hand, channel by channel.
    let mut left = vec![0.0; frame.channels];
    for window in
        (0..frame.count[0]).flat_map(|row| (0..frame.count[1]).map(move |column| [row, column]))
    {
        let at = frame.output(window);
        let y = &y[at..][..frame.channels];
        left.copy_from_slice(&dy[at..][..frame.channels]);
        for offset in 0..frame.size[0] * frame.size[1] {
            let from = frame.pixel(window, offset / frame.size[1], offset % frame.size[1]);
            let x = &x[from..][..frame.channels];
            let dx = &mut dx[from..][..frame.channels];
            for (((dx, &x), &y), left) in dx.iter_mut().zip(x).zip(y).zip(&mut left) {
                *dx = if x == y { *left } else { 0.0 };
                *left = if x == y { 0.0 } else { *left };
            }
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn means(frame: Frame, x: &[f32], y: &mut [f32]) {
    let share = 1.0 / (frame.size[0] * frame.size[1]) as f32;
    for window in
        (0..frame.count[0]).flat_map(|row| (0..frame.count[1]).map(move |column| [row, column]))
    {
        let y = &mut y[frame.output(window)..][..frame.channels];
        for offset in 0..frame.size[0] * frame.size[1] {
            let x = &x[frame.pixel(window, offset / frame.size[1], offset % frame.size[1])..]
                [..frame.channels];
            y.iter_mut().zip(x).for_each(|(y, &x)| *y += x);
        }
        y.iter_mut().for_each(|y| *y *= share);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn spread(frame: Frame, dy: &[f32], dx: &mut [f32]) {
    let share = 1.0 / (frame.size[0] * frame.size[1]) as f32;
    for window in
        (0..frame.count[0]).flat_map(|row| (0..frame.count[1]).map(move |column| [row, column]))
    {
        let dy = &dy[frame.output(window)..][..frame.channels];
        for offset in 0..frame.size[0] * frame.size[1] {
            let from = frame.pixel(window, offset / frame.size[1], offset % frame.size[1]);
            for (dx, &dy) in dx[from..][..frame.channels].iter_mut().zip(dy) {
                *dx = dy * share;
            }
        }
    }
}

//! Gradient of t-SNE and its divergence, as kernels with their twins.
//!
//! With q_ij = 1 / (1 + |y_i - y_j|^2) and Z the sum of all q, the gradient here is sum_j
//! exaggeration p_ij q_ij (y_i - y_j) - (1 / Z) sum_j q_ij^2 (y_i - y_j), as in openTSNE: van der
//! Maaten's, and scikit-learn's, is four times this. Attraction is O(n k).

use super::affinity::Affinities;
use super::optimiser::{Acting, Outline};
use super::repulsion::Repulsor;
use crate::compute::reduce::Sum;
use crate::compute::{Buffer, Device, Kernel, Work, dispatches, kernel, longest_row, uniform};
use crate::error::Result;
use rayon::prelude::*;

uniform! {
    struct AttractionParams { n: u32, n_components: u32, first: u32, most: u32 }
}
uniform! {
    struct DivergenceParams { n: u32, n_components: u32, first: u32, most: u32 }
}

const ATTRACTION: Kernel = kernel!("gradient", "attraction", 64, AttractionParams);
const KL_DIVERGENCE: Kernel = kernel!("gradient", "kl_divergence", 64, DivergenceParams);

/// Number of threads of one row in both kernels.
const LANES: usize = 16;

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&ATTRACTION, &KL_DIVERGENCE];

/// Row sum of n p_ij, 1 on average, above which a point takes shorter steps.
///
/// Gradient descent with momentum m is stable while learning rate x curvature < 2 (1 + m) (B.
/// Polyak, "Some methods of speeding up the convergence of iteration methods", 1964): with the rate
/// n / exaggeration, while gain x row sum is below about 3. If it is not, the gain falls by a fifth
/// at a time until it is. But the gain grows in steps of 0.2, and a single step makes a hub whose
/// row sum is above 15 jump again, and its neighbours with it. Hubs of data with clusters have less
/// than 10.
const LARGEST_ROW_SUM: f32 = 10.0;

/// Affinities on a device.
#[derive(Debug)]
pub struct Graph {
    row_starts: Buffer<u32>,
    columns: Buffer<u32>,
    values: Buffer<f32>,
    /// Share of the learning rate for each point, n.
    rates: Buffer<f32>,
    n: usize,
    n_edges: u64,
    longest_row: usize,
}

impl Graph {
    /// Copies the affinities to the device.
    ///
    /// # Errors
    /// [`Error::GpuMemory`](crate::Error::GpuMemory) if they do not fit.
    ///
    /// # Panics
    /// If a column is not below the number of rows.
    pub fn new(device: &Device, affinities: &Affinities) -> Result<Self> {
        let n = affinities.n_samples();
        assert!(
            affinities.columns.par_iter().all(|&column| (column as usize) < n),
            "an affinity to a point that is none"
        );
        let row_sums =
            (0..n).into_par_iter().map(|i| affinities.row(i).map(|(_, value)| value).sum::<f32>());
        let rates: Vec<f32> = row_sums
            .map(|sum| if sum > LARGEST_ROW_SUM { LARGEST_ROW_SUM / sum } else { 1.0 })
            .collect();
        Ok(Self {
            row_starts: Buffer::from_slice(device, "affinity rows", &affinities.row_starts)?,
            columns: Buffer::from_slice(device, "affinity columns", &affinities.columns)?,
            values: Buffer::from_slice(device, "affinities", &affinities.values)?,
            rates: Buffer::from_slice(device, "rates", &rates)?,
            n,
            n_edges: affinities.columns.len() as u64,
            longest_row: longest_row(&affinities.row_starts),
        })
    }

    /// Work of processing every entry, with `more` operations besides the squared distance: column,
    /// value and coordinates of each, and the row's own data.
    fn work(&self, n_components: u32, more: u64) -> Work {
        let axes = u64::from(n_components);
        let rows = Work::new(0, 4 + 8 * axes).times(self.n);
        Work::new((5 * axes + more) * self.n_edges, rows.bytes + (8 + 4 * axes) * self.n_edges)
    }
}

/// The two forces on every point.
#[derive(Debug)]
pub struct Forces {
    /// n sum_j p_ij q_ij (y_i - y_j), n x n_components.
    attractions: Buffer<f32>,
    /// sum_j q_ij^2 (y_i - y_j), n x n_components.
    repulsions: Buffer<f32>,
    repulsor: Repulsor,
    n: usize,
}

impl Forces {
    /// Buffers for the forces on `n` points in 2 or 3 dimensions.
    ///
    /// # Errors
    /// [`Error::GpuMemory`](crate::Error::GpuMemory).
    pub fn new(device: &Device, n: usize, n_components: usize, repulsor: Repulsor) -> Result<Self> {
        Ok(Self {
            attractions: Buffer::new(device, "attractions", n_components * n)?,
            repulsions: Buffer::new(device, "repulsions", n_components * n)?,
            repulsor,
            n,
        })
    }

    /// Computes repulsion, normaliser and attraction at the coordinates `y`, n x n_components, with
    /// the outline `outline`.
    ///
    /// # Errors
    /// Any error of the device.
    pub fn compute(
        &mut self,
        device: &Device,
        graph: &Graph,
        y: &Buffer<f32>,
        outline: &Outline,
    ) -> Result<()> {
        self.repulsor.compute(device, y, outline, &mut self.repulsions)?;
        attraction(device, y, graph, &mut self.attractions)
    }

    /// Forces on the points of `graph`, after [`Forces::compute`].
    pub fn acting<'a>(&'a self, graph: &'a Graph) -> Acting<'a> {
        let Self { attractions, repulsions, repulsor, .. } = self;
        Acting { attractions, repulsions, q_parts: repulsor.q_parts(), rates: &graph.rates }
    }

    /// Method that computes the repulsive forces.
    pub fn repulsor(&self) -> &Repulsor {
        &self.repulsor
    }

    /// Reads the gradient, n x n_components: exaggeration x attraction - repulsion / Z.
    ///
    /// # Errors
    /// Any error of the device.
    pub fn gradient(&self, device: &Device, exaggeration: f32) -> Result<Vec<f32>> {
        let attractions = self.attractions.read(device)?;
        let repulsions = self.repulsions.read(device)?;
        let scale = 1.0 / self.repulsor.q_total(device)?.read(device)?[0];
        let attract = exaggeration / self.n as f32;
        Ok(attractions.iter().zip(&repulsions).map(|(a, r)| attract * a - scale * r).collect())
    }

    /// Writes KL(P
    /// Q) at the coordinates `y` of the last [`Forces::compute`] to `divergence[0]`.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::Error::Kernel).
    pub fn divergence(
        &self,
        device: &Device,
        graph: &Graph,
        y: &Buffer<f32>,
        divergence: &mut Buffer<f32>,
    ) -> Result<()> {
        let mut shares = Buffer::new(device, "divergences", self.n)?;
        kl_divergence(device, y, graph, &self.repulsor.q_total(device)?, &mut shares)?;
        Sum::new(device, self.n)?.run(device, &shares, divergence)
    }

    /// The same value on the host, waited for.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::Error::Kernel).
    pub fn divergence_now(&self, device: &Device, graph: &Graph, y: &Buffer<f32>) -> Result<f64> {
        let mut divergence = Buffer::new(device, "divergence", 1)?;
        self.divergence(device, graph, y, &mut divergence)?;
        Ok(f64::from(divergence.read(device)?[0]))
    }
}

/// Attractive forces multiplied by n. Shapes: `y` n x c, `attractions` n x c, with c 2 or 3.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn attraction(
    device: &Device,
    y: &Buffer<f32>,
    graph: &Graph,
    attractions: &mut Buffer<f32>,
) -> Result<()> {
    match device {
        Device::Cpu(_) => cpu::attraction(y.host(), graph, attractions.host_mut()),
        Device::Gpu(gpu) => {
            let bindings = [
                (1, y.gpu()),
                (2, graph.row_starts.gpu()),
                (3, graph.columns.gpu()),
                (4, graph.values.gpu()),
                (5, attractions.gpu()),
                (7, y.gpu()),
            ];
            let n = graph.n as u32;
            let n_components = (y.len() / graph.n) as u32;
            let most = LANES * gpu.most_turns();
            for first in dispatches(graph.longest_row, most) {
                let uniform = AttractionParams { n, n_components, first, most: most as u32 };
                gpu.dispatch(
                    &ATTRACTION,
                    &uniform,
                    &bindings,
                    LANES * graph.n,
                    graph.work(n_components, 4),
                )?;
            }
        }
    }
    Ok(())
}

/// Share of each row in KL(P
/// Q). Shapes: `y` n x c, `q_total` 1, `divergences` n, with c 2 or 3.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn kl_divergence(
    device: &Device,
    y: &Buffer<f32>,
    graph: &Graph,
    q_total: &Buffer<f32>,
    divergences: &mut Buffer<f32>,
) -> Result<()> {
    match device {
        Device::Cpu(_) => {
            cpu::kl_divergence(y.host(), graph, q_total.host()[0], divergences.host_mut())
        }
        Device::Gpu(gpu) => {
            let bindings = [
                (1, y.gpu()),
                (2, graph.row_starts.gpu()),
                (3, graph.columns.gpu()),
                (4, graph.values.gpu()),
                (5, q_total.gpu()),
                (6, divergences.gpu()),
                (7, y.gpu()),
            ];
            let n = graph.n as u32;
            let n_components = (y.len() / graph.n) as u32;
            let most = LANES * gpu.most_turns();
            for first in dispatches(graph.longest_row, most) {
                let uniform = DivergenceParams { n, n_components, first, most: most as u32 };
                gpu.dispatch(
                    &KL_DIVERGENCE,
                    &uniform,
                    &bindings,
                    LANES * graph.n,
                    graph.work(n_components, 6),
                )?;
            }
        }
    }
    Ok(())
}

mod cpu {
    #[cfg(target_arch = "x86_64")]
    use super::super::avx512;
    use super::Graph;
    use crate::lanes::{LANES, has_fused_multiply_add, log2, total};
    use multiversion::multiversion;
    use rayon::prelude::*;
    use std::f32::consts::LN_2;

    /// Number of rows of one parallel task.
    const ROWS: usize = 64;

    pub fn attraction(y: &[f32], graph: &Graph, attractions: &mut [f32]) {
        match y.len() / graph.n {
            2 => attract_flat(y, graph, attractions),
            _ => {
                attractions.par_chunks_mut(3 * ROWS).enumerate().for_each(|(chunk, attractions)| {
                    attract_some::<3>(y.as_chunks().0, graph, chunk * ROWS, attractions);
                })
            }
        }
    }

    fn attract_flat(y: &[f32], graph: &Graph, attractions: &mut [f32]) {
        let (places, _) = y.as_chunks::<2>();
        #[cfg(target_arch = "x86_64")]
        if avx512::is_available() {
            let starts = graph.row_starts.host();
            let columns = graph.columns.host();
            let values = graph.values.host();
            assert_eq!(places.len(), graph.n);
            return attractions.par_chunks_mut(2).enumerate().with_min_len(ROWS).for_each(
                |(i, attraction)| {
                    let row = starts[i] as usize..starts[i + 1] as usize;
                    // SAFETY: AVX-512 is available, and `Graph::new` has checked that every column
                    // is below n, the number of points.
                    let force = unsafe {
                        avx512::attract(places, places[i], &columns[row.clone()], &values[row])
                    };
                    attraction.copy_from_slice(&force);
                },
            );
        }
        attractions.par_chunks_mut(2 * ROWS).enumerate().for_each(|(chunk, attractions)| {
            attract_some::<2>(places, graph, chunk * ROWS, attractions);
        });
    }

    #[multiversion(targets("x86_64+avx2+fma"))]
    fn attract_some<const C: usize>(
        places: &[[f32; C]],
        graph: &Graph,
        first: usize,
        attractions: &mut [f32],
    ) {
        let starts = graph.row_starts.host();
        let columns = graph.columns.host();
        let values = graph.values.host();
        for (i, attraction) in (first..).zip(attractions.chunks_exact_mut(C)) {
            let row = starts[i] as usize..starts[i + 1] as usize;
            let mut force = [0.0; C];
            for (&j, &value) in columns[row.clone()].iter().zip(&values[row]) {
                let difference: [f32; C] =
                    std::array::from_fn(|axis| places[i][axis] - places[j as usize][axis]);
                let pull = value / (1.0 + difference.iter().map(|step| step * step).sum::<f32>());
                for (force, step) in force.iter_mut().zip(difference) {
                    *force += pull * step;
                }
            }
            attraction.copy_from_slice(&force);
        }
    }

    pub fn kl_divergence(y: &[f32], graph: &Graph, q_total: f32, divergences: &mut [f32]) {
        let fused = has_fused_multiply_add();
        divergences.par_chunks_mut(ROWS).enumerate().for_each(|(chunk, divergences)| {
            let first = chunk * ROWS;
            match (y.len() / graph.n, fused) {
                (2, true) => {
                    diverge_fused::<2>(y.as_chunks().0, graph, first, q_total.ln(), divergences)
                }
                (2, false) => diverge_some::<2, false>(
                    y.as_chunks().0,
                    graph,
                    first,
                    q_total.ln(),
                    divergences,
                ),
                (_, true) => {
                    diverge_fused::<3>(y.as_chunks().0, graph, first, q_total.ln(), divergences)
                }
                (_, false) => diverge_some::<3, false>(
                    y.as_chunks().0,
                    graph,
                    first,
                    q_total.ln(),
                    divergences,
                ),
            }
        });
    }

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
    fn diverge_fused<const C: usize>(
        places: &[[f32; C]],
        graph: &Graph,
        first: usize,
        log_total: f32,
        divergences: &mut [f32],
    ) {
        diverge_some::<C, true>(places, graph, first, log_total, divergences);
    }

    #[inline(always)]
    fn diverge_some<const C: usize, const FUSED: bool>(
        places: &[[f32; C]],
        graph: &Graph,
        first: usize,
        log_total: f32,
        divergences: &mut [f32],
    ) {
        let starts = graph.row_starts.host();
        let columns = graph.columns.host();
        let values = graph.values.host();
        let scale = 1.0 / graph.n as f32;
        for (i, divergence) in (first..).zip(divergences) {
            let row = starts[i] as usize..starts[i + 1] as usize;
            let mut sums = [0.0_f32; LANES];
            for (columns, values) in
                columns[row.clone()].chunks(LANES).zip(values[row].chunks(LANES))
            {
                // Lanes without an entry have p = 0.
                let (mut roots, mut p) = ([1.0_f32; LANES], [0.0_f32; LANES]);
                for (lane, (&j, &value)) in columns.iter().zip(values).enumerate() {
                    roots[lane] += (0..C)
                        .map(|axis| (places[i][axis] - places[j as usize][axis]).powi(2))
                        .sum::<f32>();
                    p[lane] = value * scale;
                }
                for lane in 0..LANES {
                    let ratio = (p[lane] * roots[lane]).max(f32::MIN_POSITIVE);
                    sums[lane] += p[lane] * (LN_2 * log2::<FUSED>(ratio) + log_total);
                }
            }
            *divergence = total(sums);
        }
    }
}

//! The points of k-means on a device.

use super::{BLOCK_ROWS, LARGEST_BLOCK, assign};
use crate::clustering::bindable_rows;
use crate::compute::{Buffer, Device};
use crate::error::{Error, Result};

/// Maximum size of the block sums, in bytes: if there were more, larger blocks are used.
const SUM_BYTES: usize = 32 << 20;

/// Rows on a device, in parts that it can bind, each of whole blocks.
pub(super) struct Points {
    pub(super) parts: Vec<Part>,
    pub(super) n: usize,
    pub(super) n_features: usize,
    pub(super) block_rows: usize,
}

pub(super) struct Part {
    pub(super) rows: Buffer<f32>,
    pub(super) n: usize,
}

impl Points {
    pub(super) fn new(
        device: &Device,
        rows: &[f32],
        n_features: usize,
        n_clusters: usize,
    ) -> Result<Self> {
        let n = rows.len() / n_features;
        let blocks = (SUM_BYTES / (4 * n_clusters * (n_features + 2))).max(1);
        let block_rows = n.div_ceil(blocks).clamp(BLOCK_ROWS, LARGEST_BLOCK);
        check_loops(device, n_features)?;
        let fitting = bindable_rows(device, n_features)?;
        // A part smaller than a block is a block of its own.
        let part_rows =
            if fitting >= block_rows { fitting / block_rows * block_rows } else { fitting };
        let part = |rows: &[f32]| {
            Ok(Part {
                rows: Buffer::from_slice(device, "points", rows)?,
                n: rows.len() / n_features,
            })
        };
        let parts = rows.chunks(part_rows * n_features).map(part).collect::<Result<_>>()?;
        Ok(Self { parts, n, n_features, block_rows })
    }

    /// Nearest of `k` centres of each point, and its squared distance.
    pub(super) fn assign(
        &self,
        device: &Device,
        centers: &[f32],
        k: usize,
    ) -> Result<(Vec<u32>, Vec<f32>)> {
        let centers = Buffer::from_slice(device, "centres", centers)?;
        let (mut all_labels, mut all_distances) = (Vec::new(), Vec::new());
        for part in &self.parts {
            let mut labels = Buffer::new(device, "labels", part.n)?;
            let mut distances = Buffer::new(device, "distances", part.n)?;
            assign(
                device,
                &part.rows,
                &centers,
                &mut labels,
                &mut distances,
                (part.n, k, self.n_features),
            )?;
            all_labels.extend(labels.read(device)?);
            all_distances.extend(distances.read(device)?);
        }
        Ok((all_labels, all_distances))
    }
}

/// Refuses more features than the loop of `assign` can process on a software adapter.
fn check_loops(device: &Device, n_features: usize) -> Result<()> {
    let Device::Gpu(gpu) = device else { return Ok(()) };
    let most = super::cluster_members::most_features(gpu.most_turns());
    if !gpu.is_software() || n_features <= most {
        return Ok(());
    }
    Err(Error::Data(format!(
        "a software adapter ends loops over more than {most} features without a word; there are {n_features}: pass `DeviceChoice::Cpu`, \
         which is faster too"
    )))
}

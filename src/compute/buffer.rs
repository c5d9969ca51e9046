//! Memory of a device: a vector on the host or a storage buffer on the GPU.

use super::Device;
use super::transfer::Download;
use crate::error::Result;
use bytemuck::Pod;
use std::marker::PhantomData;

/// What fresh buffers hold under test: NaN as `f32`, far out of range as an index.
pub(super) const POISON: u32 = 0xffc0_beef;

/// `len` elements of `T` (four bytes each) in the memory of the device that made it.
///
/// The kernel functions, which match on the device, are the only ones to look inside; handing a
/// buffer of one device to another is a programming error and panics.
#[derive(Debug)]
pub struct Buffer<T> {
    storage: Storage<T>,
    len: usize,
}

#[derive(Debug)]
enum Storage<T> {
    Host(Vec<T>),
    Gpu(wgpu::Buffer, PhantomData<T>),
}

/// Elements on their way to the host.
#[derive(Debug)]
pub enum ReadBack<T> {
    /// Arrived.
    Host(Vec<T>),
    /// Underway.
    Gpu(Download, PhantomData<T>),
}

impl<T: Pod> ReadBack<T> {
    /// Waits until the elements are there; work that was dispatched later goes on.
    ///
    /// # Errors
    /// As [`Buffer::read`].
    pub fn wait(self, device: &Device) -> Result<Vec<T>> {
        match (self, device) {
            (Self::Host(data), _) => Ok(data),
            (Self::Gpu(download, _), Device::Gpu(gpu)) => {
                let mut values = Vec::new();
                gpu.finish_download(download, &mut values)?;
                Ok(values)
            }
            (Self::Gpu(..), Device::Cpu(_)) => panic!("a GPU buffer was given to the CPU"),
        }
    }
}

impl<T: Pod> Buffer<T> {
    /// A buffer whose content is yet to be written: zeros, or poison where the device was made for
    /// tests.
    ///
    /// # Errors
    /// [`Error::GpuMemory`](crate::Error::GpuMemory), naming `label`, if the device cannot hold it.
    pub fn new(device: &Device, label: &str, len: usize) -> Result<Self> {
        let poison = [POISON];
        match device {
            Device::Cpu(cpu) => {
                let fill = if cpu.poison { bytemuck::cast_slice(&poison)[0] } else { T::zeroed() };
                Ok(Self { storage: Storage::Host(vec![fill; len]), len })
            }
            Device::Gpu(gpu) if gpu.options().poison => {
                Self::from_slice(device, label, &vec![bytemuck::cast_slice(&poison)[0]; len])
            }
            Device::Gpu(gpu) => Ok(Self::on_gpu(gpu.create_buffer(label, bytes::<T>(len))?, len)),
        }
    }

    /// A buffer of zeros.
    ///
    /// # Errors
    /// As [`Buffer::new`].
    pub fn zeros(device: &Device, label: &str, len: usize) -> Result<Self> {
        match device {
            Device::Cpu(_) => Ok(Self { storage: Storage::Host(vec![T::zeroed(); len]), len }),
            // WebGPU clears new buffers.
            Device::Gpu(gpu) => Ok(Self::on_gpu(gpu.create_buffer(label, bytes::<T>(len))?, len)),
        }
    }

    /// A copy of `data`.
    ///
    /// # Errors
    /// As [`Buffer::new`].
    pub fn from_slice(device: &Device, label: &str, data: &[T]) -> Result<Self> {
        match device {
            Device::Cpu(_) => Ok(Self { storage: Storage::Host(data.to_vec()), len: data.len() }),
            Device::Gpu(gpu) => {
                let buffer = gpu.create_buffer(label, bytes::<T>(data.len()))?;
                gpu.upload(label, &buffer, bytemuck::cast_slice(data))?;
                Ok(Self::on_gpu(buffer, data.len()))
            }
        }
    }

    /// Waits for the work that was dispatched before and copies the elements out.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::Error::Kernel) or [`Error::DeviceLost`](crate::Error::DeviceLost)
    /// if that work failed.
    pub fn read(&self, device: &Device) -> Result<Vec<T>> {
        match (&self.storage, device) {
            (Storage::Host(data), _) => Ok(data.clone()),
            (Storage::Gpu(buffer, _), Device::Gpu(gpu)) => gpu.download(buffer, self.len),
            (Storage::Gpu(..), Device::Cpu(_)) => panic!("a GPU buffer was given to the CPU"),
        }
    }

    /// Starts copying the elements out, as they are after the work that was dispatched before.
    ///
    /// # Errors
    /// As [`Buffer::read`].
    pub fn read_later(&self, device: &Device) -> Result<ReadBack<T>> {
        match (&self.storage, device) {
            (Storage::Host(data), _) => Ok(ReadBack::Host(data.clone())),
            (Storage::Gpu(buffer, _), Device::Gpu(gpu)) => {
                let bytes = (self.len * size_of::<T>()) as u64;
                Ok(ReadBack::Gpu(gpu.start_download(buffer, 0, bytes)?, PhantomData))
            }
            (Storage::Gpu(..), Device::Cpu(_)) => panic!("a GPU buffer was given to the CPU"),
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The elements of a host buffer.
    pub(crate) fn host(&self) -> &[T] {
        match &self.storage {
            Storage::Host(data) => data,
            Storage::Gpu(..) => panic!("a GPU buffer was given to a CPU kernel"),
        }
    }

    /// The elements of a host buffer, to write.
    pub(crate) fn host_mut(&mut self) -> &mut [T] {
        match &mut self.storage {
            Storage::Host(data) => data,
            Storage::Gpu(..) => panic!("a GPU buffer was given to a CPU kernel"),
        }
    }

    /// The storage buffer of a GPU buffer.
    pub(crate) fn gpu(&self) -> &wgpu::Buffer {
        match &self.storage {
            Storage::Gpu(buffer, _) => buffer,
            Storage::Host(_) => panic!("a host buffer was given to a GPU kernel"),
        }
    }

    fn on_gpu(buffer: wgpu::Buffer, len: usize) -> Self {
        Self { storage: Storage::Gpu(buffer, PhantomData), len }
    }
}

/// Size of a storage buffer; WebGPU does not bind empty ones.
fn bytes<T>(len: usize) -> u64 {
    (len * size_of::<T>()).max(4) as u64
}

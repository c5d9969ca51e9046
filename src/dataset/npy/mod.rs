//! Reading and writing NPY arrays, the files that NumPy's `save` writes and `load` reads.
//!
//! Headers are not trusted: sizes are compared with the length of the file before anything is
//! allocated. Files are written complete or not at all, little-endian and in C order.

mod bytes;
mod images;
mod label_array;
mod labels;
mod matrix;
mod names;
mod read;
mod write;

pub(super) use bytes::{
    Bytes, LabelArray, read_bytes, read_bytes_from, read_label_array, read_labels_from,
    write_bytes, write_label_array,
};
pub use images::{read_images, write_images};
pub(crate) use label_array::{read_label_values, read_line_of_floats};
pub(crate) use labels::read_classes;
pub use labels::read_labels;
pub(crate) use matrix::n_rows;
pub(super) use matrix::shape;
pub use matrix::{read_matrix, read_matrix_less, read_matrix_like, read_values};
pub(super) use names::{read_names_from, write_names};
pub(super) use read::Array;
pub(crate) use write::matrix_head;
pub use write::{write_clusters, write_f32, write_indices, write_labels, write_matrix};

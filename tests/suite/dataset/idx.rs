//! IDX files.

use super::{gzip, idx_bytes, input_error, put, unreadable};
use layerlens::dataset::idx;
use std::path::Path;
use tempfile::TempDir;

#[track_caller]
fn image_error(bytes: &[u8]) -> String {
    input_error(idx::parse_images(bytes, "x"), Path::new("x"))
}

#[test]
fn idx_files_are_read_plain_and_compressed_whatever_their_name() {
    let folder = TempDir::new().unwrap();
    let images = idx_bytes(0x803, &[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
    let labels = idx_bytes(0x801, &[3], &[7, 8, 9]);
    // A gzip file may consist of several members.
    let members = [gzip(&images[..9]), gzip(&images[9..])].concat();
    for (name, bytes) in
        [("a", images.clone()), ("b.gz", images.clone()), ("c", gzip(&images)), ("d", members)]
    {
        let read = idx::read_images(put(&folder, name, &bytes)).unwrap();
        assert_eq!((read.n(), read.height(), read.width(), read.n_values()), (2, 1, 3, 3));
        assert_eq!((read.image(0), read.image(1)), (&[1, 2, 3][..], &[4, 5, 6][..]));
    }
    for bytes in [labels.clone(), gzip(&labels)] {
        assert_eq!(idx::read_labels(put(&folder, "labels", &bytes)).unwrap(), [7, 8, 9]);
    }
}

#[test]
fn idx_errors_say_what_was_found_and_expected() {
    let absent = Path::new("/nowhere/at-all");
    assert_eq!(input_error(idx::read_images(absent), absent), unreadable(absent));
    assert_eq!(input_error(idx::read_labels(absent), absent), unreadable(absent));
    let good = idx_bytes(0x803, &[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
    assert_eq!(
        image_error(&idx_bytes(0x801, &[2], &[1, 2])),
        "magic number 0x00000801 found, 0x00000803 expected (images: unsigned bytes, 3 dimensions)"
    );
    assert_eq!(
        input_error(idx::parse_labels(&good, "x"), Path::new("x")),
        "magic number 0x00000803 found, 0x00000801 expected (labels: unsigned bytes, 1 dimension)"
    );
    assert_eq!(image_error(&[]), "has 0 bytes, too few for a magic number of 4");
    assert_eq!(image_error(&good[..15]), "the header is truncated: 15 bytes found, 16 expected");
    assert_eq!(
        image_error(&good[..21]),
        "the body is truncated: 5 bytes found, 6 expected (2 x 1 x 3)"
    );
    let long = [&good[..], &[0]].concat();
    assert_eq!(
        image_error(&long),
        "bytes follow after the 6 bytes that the header announces (2 x 1 x 3)"
    );
    assert_eq!(
        image_error(&gzip(&long)),
        "bytes follow after the 6 bytes that the header announces (2 x 1 x 3)"
    );
    for sizes in [[0, 1, 3], [2, 0, 3], [2, 1, 0]] {
        let [a, b, c] = sizes;
        let expected = format!("the header says {a} x {b} x {c}: no dimension may be zero");
        assert_eq!(image_error(&idx_bytes(0x803, &sizes, &[])), expected);
    }
}

#[test]
fn idx_sizes_are_not_believed() {
    assert_eq!(
        image_error(&idx_bytes(0x803, &[u32::MAX; 3], &[1, 2])),
        "the header says 4294967295 x 4294967295 x 4294967295: more bytes than memory can address"
    );
    // 2^62 bytes: an attempt to allocate them would abort.
    for bytes in [
        idx_bytes(0x803, &[1 << 31, 1 << 31, 1], &[1, 2]),
        gzip(&idx_bytes(0x803, &[1 << 31, 1 << 31, 1], &[1, 2])),
    ] {
        let expected = "the body is truncated: 2 bytes found, 4611686018427387904 expected (2147483648 x 2147483648 x 1)";
        assert_eq!(image_error(&bytes), expected);
    }
}

#[test]
fn damaged_gzip_is_told_from_truncated_gzip() {
    let body: Vec<u8> =
        (0..6000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let packed = gzip(&idx_bytes(0x803, &[60, 10, 10], &body));
    let message = image_error(&packed[..packed.len() / 2]);
    assert!(message.starts_with("the gzip data are truncated after "), "{message}");
    // Only the trailer is missing: all of the content is there, but its checksum is not.
    assert!(
        image_error(&packed[..packed.len() - 4]).starts_with("the gzip data are truncated after ")
    );
    assert_eq!(image_error(&packed[..2]), "the gzip data are truncated after 0 decompressed bytes");
    let mut damaged = packed.clone();
    let checksum = damaged.len() - 8;
    damaged[checksum] ^= 1;
    let message = image_error(&damaged);
    assert!(
        message.starts_with("the gzip data are damaged after ") && message.contains("checksum"),
        "{message}"
    );
    let followed = [&packed[..], b"garbage garbage"].concat();
    assert!(image_error(&followed).starts_with("the gzip data are damaged after "));
}

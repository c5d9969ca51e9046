//! Members of .zip archives, which .npz and .keras files are.

use crate::error::{Error, Result};
use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, ZipFileHeaderRecord, ZipSliceArchive};
use std::io;
use std::path::Path;

/// Bytes of the member of an archive that is called `name` in its directory, and `called` in errors.
/// Its checksum is verified at the end.
pub(crate) fn member<'a>(
    archive: &'a ZipSliceArchive<&'a [u8]>,
    entry: &ZipFileHeaderRecord<'_>,
    name: &str,
    called: &Path,
    damaged: impl Fn(rawzip::Error) -> Error,
) -> Result<Box<dyn io::Read + 'a>> {
    let member = archive.get_entry(entry.wayfinder()).map_err(damaged)?;
    // The archive stores the name of a member twice; other programs may read the other copy.
    let local = member.local_header();
    let beside = String::from_utf8_lossy(local.file_path().as_ref()).into_owned();
    if beside != name {
        let message = format!(
            "is called {name} in the archive's directory and {beside:?} beside its data: the \
             archive is damaged"
        );
        return Err(Error::input(called, message));
    }
    match entry.compression_method() {
        CompressionMethod::STORE => Ok(Box::new(member.verifying_reader(member.data()))),
        CompressionMethod::DEFLATE => {
            Ok(Box::new(member.verifying_reader(DeflateDecoder::new(member.data()))))
        }
        other => Err(Error::input(
            called,
            format!("is compressed by a method {other:?}, expected stored or deflated"),
        )),
    }
}

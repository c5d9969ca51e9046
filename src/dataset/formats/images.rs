//! Folders of images, one folder for each class.

use super::{Folder, Format, FoundFiles, Layout, Read};
use crate::dataset::image_folder;
use crate::dataset::request::Request;
use crate::error::Result;
use std::path::Path;

pub(super) static FORMAT: Format = Format {
    name: "images",
    title: "folders of images",
    looks_like: "folders of images (train/CLASS/*.png and test/CLASS/*.png, or CLASS/*.png)",
    endings: &[],
    options: &["background", "size", "channels", "train_part", "test_part"],
    find: Some(|folder, _| Ok(find(folder))),
    named_set: None,
    file: None,
    written: None,
};

fn find(folder: &Folder<'_>) -> Option<FoundFiles> {
    if image_folder::folders(folder.entries, folder.request).is_empty() {
        return None;
    }
    let path = folder.path.to_owned();
    let layout = image_folder::check(folder.path, folder.request).map(|()| Layout {
        files: None,
        notes: Vec::new(),
        read: Box::new(move |request| read(&path, request)),
    });
    Some(FoundFiles { first: None, layout })
}

fn read(folder: &Path, request: &Request) -> Result<Read> {
    let read = image_folder::read(folder, request)?;
    let image_folder::Read { class_names, train, test, sources, warnings } = read;
    let settled = Some(class_names);
    Ok(Read { train, test: Some(test), sources, warnings, names: None, settled })
}

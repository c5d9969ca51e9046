//! CSV files: of pixels with labels, of pixels and of labels apart, of labels alone beside names,
//! of groups of classes.
//!
//! The first byte chooses the layout, whether there may be a header and, of labels alone, the
//! file's ending and the column; the first NUL after it separates two files.
#![no_main]

use layerlens::dataset::{Dataset, Header, LabelColumn, LabelGroups, Request};
use layerlens_fuzz::{Place, check, check_labels, check_names};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, text)) = bytes.split_first() else { return };
    let middle = text.iter().position(|&byte| byte == 0);
    let (first, second) = middle.map_or((text, text), |at| (&text[..at], &text[at + 1..]));
    let place = Place::new();
    let header = if choice & 4 == 0 { Header::Auto } else { Header::None };
    match choice & 3 {
        0 => {
            place.file("train.csv", first);
            place.file("test.csv", second);
        }
        1 => {
            for part in ["train", "test"] {
                place.file(&format!("x_{part}.csv"), first);
                place.file(&format!("y_{part}.csv"), second);
            }
        }
        2 => {
            let ending = ["csv", "tsv", "txt"][usize::from(choice >> 3 & 3) % 3];
            let column = [
                None,
                Some(LabelColumn::Last),
                Some(LabelColumn::Number(2)),
                Some(LabelColumn::Name("label".into())),
            ];
            let labels = place.file(&format!("labels.{ending}"), first);
            let names = place.file("names.txt", second);
            check_labels(
                &place,
                &labels,
                column[usize::from(choice >> 5 & 3)].as_ref(),
                middle.map(|_| names.as_path()),
            );
            check_names(&String::from_utf8_lossy(second));
            return;
        }
        _ => {
            check(&place, LabelGroups::open(&place.file("groups.csv", text).to_string_lossy()));
            return;
        }
    }
    let request = Request { header, ..Request::new(place.path().to_string_lossy()) };
    let Some(data) = check(&place, Dataset::open(&request)) else { return };
    for part in [&data.train, &data.test] {
        assert_eq!(part.images.n(), part.len());
        assert!(
            part.labels.iter().all(|&label| usize::from(label) < data.class_names.len()),
            "a label without a class"
        );
    }
});

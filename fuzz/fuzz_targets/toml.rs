//! TOML files: models, sweeps, groups of classes.
#![no_main]

use layerlens::Error;
use layerlens::dataset::LabelGroups;
use layerlens::recipe::{Blueprint, is_sweep, read_sweep};
use layerlens_fuzz::{Place, check};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let place = Place::new();
    let path = place.file("model.toml", bytes);
    if let Some(blueprint) = check(&place, Blueprint::read(&path)) {
        match blueprint
            .build(blueprint.input.unwrap_or([28, 28, 1]), blueprint.n_classes.unwrap_or(10))
        {
            Ok(architecture) => {
                let rows = architecture.summary();
                assert!(!rows.is_empty() && !architecture.summary_text().is_empty());
                architecture.steps().expect("checked by build");
                architecture.recorded_layers();
            }
            Err(Error::Input { path: named, message }) => {
                assert!(named == path && !message.is_empty(), "{message}")
            }
            Err(other) => panic!("the file is not named: {other}"),
        }
    }
    if check(&place, is_sweep(&path)) == Some(true) {
        // A sweep may name the files of other models, which are not there.
        assert!(!matches!(read_sweep(&path), Err(error) if !matches!(error, Error::Input { .. })));
    }
    check(&place, LabelGroups::open(&path.to_string_lossy()));
});

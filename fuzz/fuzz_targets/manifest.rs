//! The manifest of a run: as a page, an export and a resumed run read it.
#![no_main]

use layerlens::compute::{Description, Device, DeviceKind};
use layerlens::progress::Silent;
use layerlens::record::{Destination, Manifest, Opening, RunFolder, Stage};
use layerlens::run::{Export, ExportFormat, Report, export, report};
use layerlens_fuzz::{Place, check};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let place = Place::new();
    place.file("manifest.json", bytes);
    let run = place.path().to_owned();
    let Some(found) = check(&place, Manifest::read(&run)) else { return };
    // Nothing but the manifest is there: only refusals are possible, and they name a file.
    let made = report(
        &Report { run: run.clone(), points: None, out: None, force: false },
        &Device::cpu(),
        &Silent,
    );
    assert!(made.is_err() && check(&place, made).is_none(), "a page without any data");
    let formats = vec![ExportFormat::Tensorboard];
    let job =
        Export { run: run.clone(), formats, points: None, url: None, out: None, force: false };
    assert!(
        check(&place, export(&job, &Device::cpu(), &Silent)).is_none(),
        "an export without any data"
    );
    let device = Description {
        kind: DeviceKind::Cpu,
        name: "CPU".into(),
        reason: String::new(),
        fallback: false,
        by_auto: false,
    };
    let to = Destination { out: Some(run.clone()), ..Destination::default() };
    let opening = Opening { seed: 42, config: Default::default(), device, inputs: Vec::new() };
    if let Some(folder) = check(&place, RunFolder::resume(&to, "", opening, &Silent)) {
        folder.has_finished(Stage::Training);
        assert_eq!(found.seed, 42);
    }
});

//! Data sets that are known by name, and splits.

use super::{FULL, NAMES, gzip, idx_bytes, input_error, put};
use layerlens::dataset::{DATASETS, Dataset, Images, Samples, split};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// The four files of a data set of 3 training and 2 test images, changed by `change`, in a folder.
fn small(change: impl Fn(&mut [Vec<u8>; 4])) -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut files = [
        idx_bytes(0x803, &[3, 1, 2], &[1, 2, 3, 4, 5, 6]),
        gzip(&idx_bytes(0x801, &[3], &[9, 0, 1])),
        gzip(&idx_bytes(0x803, &[2, 1, 2], &[7, 8, 9, 10])),
        idx_bytes(0x801, &[2], &[1, 2]),
    ];
    change(&mut files);
    for ((name, bytes), suffix) in NAMES.iter().zip(&files).zip(["", ".gz", ".gz", ""]) {
        put(&folder, &format!("{name}{suffix}"), bytes);
    }
    folder
}

#[test]
fn own_data_in_the_same_layout_are_loaded_but_not_verified() {
    let folder = small(|_| {});
    let data = Dataset::load("fashion-mnist", Some(folder.path())).unwrap();
    assert_eq!((data.name.as_str(), data.train.len(), data.test.len()), ("fashion-mnist", 3, 2));
    assert_eq!((data.train.labels, data.test.labels), (vec![9, 0, 1], vec![1, 2]));
    assert_eq!(data.test.images.image(1), [9, 10]);
    assert_eq!(data.class_names.len(), 10);
    // Other data have other classes: numbers, not the names of clothes.
    assert_eq!((data.class_names[0].as_str(), data.class_names[9].as_str()), ("0", "9"));
    for (source, name) in data.sources.iter().zip([
        NAMES[0],
        &format!("{}.gz", NAMES[1]),
        &format!("{}.gz", NAMES[2]),
        NAMES[3],
    ]) {
        let path = folder.path().join(name);
        let bytes = fs::read(&path).unwrap();
        assert_eq!(
            (source.name.as_str(), source.bytes),
            (path.to_str().unwrap(), bytes.len() as u64)
        );
        assert_eq!(
            source.sha256,
            format!("{:02x?}", &Sha256::digest(&bytes)[..]).replace(['[', ']', ',', ' '], "")
        );
        assert!(!source.verified);
    }
    let outer = TempDir::new().unwrap();
    fs::rename(folder.path(), outer.path().join("fashion-mnist")).unwrap();
    assert_eq!(Dataset::load("fashion-mnist", Some(outer.path())).unwrap().train.len(), 3);
}

#[test]
fn files_that_do_not_fit_together_are_refused() {
    let load = |folder: &TempDir| Dataset::load("fashion-mnist", Some(folder.path()));
    let at = |folder: &TempDir, name: &str| folder.path().join(name);
    let folder = small(|files| files[1] = idx_bytes(0x801, &[2], &[9, 0]));
    let expected = format!("2 labels for 3 images in {}", at(&folder, NAMES[0]).display());
    assert_eq!(input_error(load(&folder), &at(&folder, "train-labels-idx1-ubyte.gz")), expected);
    let folder = small(|files| files[3] = idx_bytes(0x801, &[2], &[9, 10]));
    assert_eq!(
        input_error(load(&folder), &at(&folder, NAMES[3])),
        "row 1 is 10: labels must be 0 to 9"
    );
    let folder = small(|files| files[2] = idx_bytes(0x803, &[2, 2, 1], &[7, 8, 9, 10]));
    let expected =
        format!("the images are 2 x 1, but those of {} are 1 x 2", at(&folder, NAMES[0]).display());
    assert_eq!(input_error(load(&folder), &at(&folder, "t10k-images-idx3-ubyte.gz")), expected);
    let folder = small(|files| files[3] = idx_bytes(0x801, &[0], &[]));
    assert_eq!(
        input_error(load(&folder), &at(&folder, NAMES[3])),
        "the header says 0: no dimension may be zero"
    );
    let folder = small(|_| {});
    fs::remove_file(at(&folder, NAMES[3])).unwrap();
    let expected = "1 of the four Fashion-MNIST files missing: t10k-labels-idx1-ubyte[.gz]";
    assert_eq!(input_error(load(&folder), folder.path()), expected);
    let images = Images::new(vec![0; 6], 1, 2).unwrap();
    assert_eq!(Samples::new(images, vec![0; 2]).unwrap_err().to_string(), "2 labels for 3 images");
}

#[test]
fn a_missing_data_set_lists_where_it_was_looked_for_and_what_to_do() {
    let folder = TempDir::new().unwrap();
    let message = input_error(Dataset::load("fashion-mnist", Some(folder.path())), folder.path());
    let inner = ["fashion-mnist", "FashionMNIST/raw"].map(|name| folder.path().join(name));
    let looked = format!(
        "looked in {}, {}, {}. Run `layerlens data fetch fashion-mnist`, install the Debian package",
        folder.path().display(),
        inner[0].display(),
        inner[1].display()
    );
    assert!(message.contains(&looked) && message.contains("`Request::data_dir`"), "{message}");
    assert!(NAMES.iter().all(|name| message.contains(name)), "{message}");
    assert!(!message.contains(FULL), "a folder that is given is the only one: {message}");
    let file = put(&folder, "file", b"");
    assert!(input_error(Dataset::load("fashion-mnist", Some(&file)), &file).contains("looked in"));
}

#[test]
fn unknown_data_sets_are_refused_with_the_known_ones() {
    let error = Dataset::load("mnists", None).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with("dataset = mnists: must be one of fashion-mnist, "), "{message}");
    assert!(DATASETS.iter().all(|entry| message.contains(entry.name)), "{message}");
    assert!(message.ends_with(", or the path of a folder or file"), "{message}");
    assert_eq!(error.exit_code(), 2);
    assert!(DATASETS.iter().all(|entry| !entry.summary.is_empty()));
}

/// Loads from the folder that a test in another process put into the environment.
#[test]
fn the_environment_names_a_folder() {
    const CHILD: &str = "LAYERLENS_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        assert_eq!(Dataset::load("fashion-mnist", None).unwrap().train.len(), 3);
        return;
    }
    let folder = small(|_| {});
    let outer = TempDir::new().unwrap();
    fs::create_dir(outer.path().join("layerlens")).unwrap();
    for name in fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()) {
        fs::copy(folder.path().join(&name), outer.path().join("layerlens").join(&name)).unwrap();
    }
    for (variable, value) in
        [("LAYERLENS_DATA_DIR", folder.path()), ("XDG_DATA_HOME", outer.path())]
    {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child
            .args(["--exact", "dataset::named::the_environment_names_a_folder"])
            .env(CHILD, "1")
            .env_remove("LAYERLENS_DATA_DIR");
        let output = child.env(variable, value).output().unwrap();
        assert!(output.status.success(), "{variable}: {}", String::from_utf8_lossy(&output.stdout));
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    }
}

#[test]
fn the_embedded_sample_is_balanced_and_verified() {
    let data = Dataset::load("fashion-mnist-sample", None).unwrap();
    assert_eq!(data.name, "fashion-mnist-sample");
    for (samples, n_per_class) in [(&data.train, 1000), (&data.test, 200)] {
        assert_eq!((samples.len(), samples.images.n()), (10 * n_per_class, 10 * n_per_class));
        assert_eq!((samples.images.height(), samples.images.width()), (28, 28));
        for class in 0..10 {
            assert_eq!(samples.labels.iter().filter(|&&label| label == class).count(), n_per_class);
        }
    }
    let readme = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/README.md"));
    for (source, name) in data.sources.iter().zip(NAMES) {
        assert!(source.verified, "{}", source.name);
        assert_eq!(source.name, format!("embedded:fashion-mnist-sample/{name}.gz"));
        assert!(readme.contains(&source.sha256));
    }
    let features = data.test.images.features();
    assert_eq!((features.n_samples(), features.n_features()), (2000, 784));
    assert!(features.as_slice().iter().all(|value| (0.0..=1.0).contains(value)));
    assert_eq!(features.row(7)[400], f32::from(data.test.images.image(7)[400]) / 255.0);
}

#[test]
fn the_embedded_digits_are_those_of_scikit_learn() {
    let data = Dataset::load("digits", None).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (1000, 797));
    assert!(data.sources[0].verified);
    let readme = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/README.md"));
    assert!(readme.contains(&data.sources[0].sha256));
    // sklearn.datasets.load_digits(): counts of the classes, and rows of images[0] and images[1000].
    let labels = || data.train.labels.iter().chain(&data.test.labels);
    let counts: Vec<usize> =
        (0..10).map(|class| labels().filter(|&&label| label == class).count()).collect();
    assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    let scaled = |row: [u16; 8]| row.map(|pixel| (f64::from(pixel) * 255.0 / 16.0).round() as u8);
    assert_eq!(data.train.images.image(0)[..8], scaled([0, 0, 5, 13, 9, 1, 0, 0]));
    assert_eq!(data.test.images.image(0)[..8], scaled([0, 0, 1, 14, 2, 0, 0, 0]));
    assert_eq!(data.class_names[3], "3");
}

#[test]
fn the_sample_is_the_first_rows_of_each_class_of_the_whole() {
    if !Path::new(FULL).exists() {
        eprintln!("skipped: {FULL} is not there (Debian package dataset-fashion-mnist)");
        return;
    }
    let full = Dataset::load("fashion-mnist", Some(Path::new(FULL))).unwrap();
    let sample = Dataset::load("fashion-mnist-sample", None).unwrap();
    assert_eq!((full.train.len(), full.test.len()), (60_000, 10_000));
    assert!(full.sources.iter().all(|source| source.verified), "{:?}", full.sources);
    assert_eq!(full.class_names, sample.class_names);
    for (whole, part, n_per_class) in
        [(&full.train, &sample.train, 1000), (&full.test, &sample.test, 200)]
    {
        let mut taken = [0; 10];
        let rows: Vec<usize> = (0..whole.len())
            .filter(|&row| {
                let class = &mut taken[usize::from(whole.labels[row])];
                *class += 1;
                *class <= n_per_class
            })
            .collect();
        // Not assert_eq: it would print millions of pixels.
        assert!(whole.select(&rows) == *part);
    }
    // Decompressed copies are known as well.
    let folder = TempDir::new().unwrap();
    for name in NAMES {
        let mut plain = Vec::new();
        let packed = fs::read(Path::new(FULL).join(format!("{name}.gz"))).unwrap();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut plain)
            .unwrap();
        put(&folder, name, &plain);
    }
    let plain = Dataset::load("fashion-mnist", Some(folder.path())).unwrap();
    assert!(plain.sources.iter().all(|source| source.verified));
    assert!(plain.train == full.train && plain.test == full.test);
}

#[test]
fn splits_are_disjoint_complete_and_depend_on_the_seed_alone() {
    for (n, n_train, n_validation) in [(60_000, 50_000, 10_000), (10_000, 8_334, 1_666), (5, 5, 0)]
    {
        let (train, validation) = split(n, 42);
        assert_eq!((train.len(), validation.len()), (n_train, n_validation));
        assert!(train.is_sorted() && validation.is_sorted());
        let mut seen = vec![0_u8; n];
        train.iter().chain(&validation).for_each(|&row| seen[row] += 1);
        assert!(seen.iter().all(|&count| count == 1));
        assert_eq!(split(n, 42), (train, validation));
    }
    let (_, first) = split(60_000, 42);
    assert_ne!(first, split(60_000, 43).1);
    // A random sixth: the mean row is 30,000 with a standard deviation of 17,320 / sqrt(10,000) *
    // sqrt(5 / 6) = 158.
    let mean = first.iter().sum::<usize>() / first.len();
    assert!(mean.abs_diff(30_000) < 5 * 158, "{mean}");
}

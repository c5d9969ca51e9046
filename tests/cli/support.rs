//! Folders, small inputs, and starting the program.

use layerlens::compute::{AdapterDescription, adapters};
use layerlens::dataset::{Dataset, Samples, npy};
use layerlens::matrix::Matrix;
use layerlens::model::Architecture;
use layerlens::recipe::Blueprint;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

/// Images of each class in the small data set: few enough to train in no time, enough for the
/// default perplexity.
const TRAIN_PER_CLASS: usize = 40;
const TEST_PER_CLASS: usize = 12;
/// Images of the small data set that are trained on: a sixth of the 400 is for validation.
pub const N_TRAIN: usize = 334;
pub const N_TEST: usize = 120;

/// An empty folder to start the program in; it is gone afterwards.
pub struct Place {
    folder: TempDir,
}

/// What a finished program left.
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    /// One with the small data set in `data`.
    pub fn with_images() -> Self {
        let place = Self::new();
        write_images(&place.path("data"), small_images());
        place
    }

    /// One with 120 points in three groups: `x.npy` 120 x 5 and `labels.npy`.
    pub fn with_points() -> Self {
        let place = Self::new();
        place.points("x.npy", 120, 5);
        place.labels("labels.npy", &groups(120));
        place
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes `n` points of `d` columns in three groups; row i belongs to group i % 3.
    pub fn points(&self, name: &str, n: usize, d: usize) {
        npy::write_matrix(self.path(name), &points(n, d)).unwrap();
    }

    pub fn labels(&self, name: &str, labels: &[u32]) {
        npy::write_labels(self.path(name), labels).unwrap();
    }

    /// The program, ready to start here, whatever the caller's environment sets.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.plain(Path::new(env!("CARGO_BIN_EXE_layerlens")));
        command.args(args);
        command
    }

    /// A shell, ready to start `script`, in which `$0` is the program.
    pub fn bash(&self, script: &str) -> Command {
        let mut command = self.plain(Path::new("bash"));
        command.args(["-c", script, env!("CARGO_BIN_EXE_layerlens")]);
        command
    }

    /// Starts that shell and waits for its end.
    pub fn shell(&self, script: &str) -> Outcome {
        finished(&mut self.bash(script))
    }

    fn plain(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        // Without it Mesa complains on stderr.
        command.env("XDG_RUNTIME_DIR", self.folder.path());
        for name in [
            "DEVICE",
            "ADAPTER",
            "SEED",
            "THREADS",
            "HIDDEN",
            "EPOCHS",
            "DATA_DIR",
            "DOWNLEVEL",
            "SHADER_CHECKS",
            "LOST_AT_SUBMIT",
        ] {
            command.env_remove(format!("LAYERLENS_{name}"));
        }
        command
    }

    /// Starts the program with `args`, separated by spaces, and waits for its end.
    pub fn start(&self, args: &str) -> Outcome {
        finished(&mut self.command(&words(args)))
    }

    /// The same; demands success.
    pub fn succeed(&self, args: &str) -> Outcome {
        let outcome = self.start(args);
        assert_eq!(outcome.code, Some(0), "layerlens {args}\n{}", outcome.stderr);
        self.assert_nothing_half_written();
        outcome
    }

    /// Demands that the program ends with `code`, says all of `parts` in its error, and writes
    /// nothing at all.
    pub fn refuse(&self, code: i32, args: &str, parts: &[&str]) {
        let before = self.files();
        let outcome = self.start(args);
        outcome.assert_error(code, args, parts);
        assert_eq!(outcome.stdout, "", "layerlens {args}");
        assert_eq!(
            self.files(),
            before,
            "layerlens {args}: files came or went\n{}",
            outcome.stderr
        );
    }

    /// Every file and folder below, by its path from here.
    pub fn files(&self) -> BTreeSet<PathBuf> {
        files_below(self.folder.path())
    }

    /// No temporary file of an unfinished write is left.
    pub fn assert_nothing_half_written(&self) {
        let torn = |path: &&PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".layerlens-"))
        };
        assert_eq!(self.files().iter().find(torn), None);
    }
}

impl Outcome {
    /// Demands the exit code, one error line that says all of `parts`, and no fault of the program.
    pub fn assert_error(&self, code: i32, args: &str, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "layerlens {args}\n{}", self.stderr);
        let error = self
            .stderr
            .lines()
            .skip_while(|line| !line.starts_with("error:"))
            .collect::<Vec<_>>()
            .join("\n");
        for part in parts {
            assert!(
                error.contains(part),
                "layerlens {args}\n`{part}` is not said: {}",
                self.stderr
            );
        }
        self.assert_no_fault(args);
    }

    /// Demands that the last words are not those of a fault of the program, or of a driver that
    /// aborted it.
    pub fn assert_no_fault(&self, context: &str) {
        let is_fault = ["fault of the program", "aborted by a fault"]
            .iter()
            .any(|words| self.stderr.contains(words));
        assert!(!is_fault, "layerlens {context}\n{}", self.stderr);
    }
}

pub fn words(args: &str) -> Vec<&str> {
    args.split_whitespace().collect()
}

/// Runs to the end.
pub fn finished(command: &mut Command) -> Outcome {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

pub fn files_below(folder: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path.clone());
            }
            files.insert(path.strip_prefix(folder).unwrap().to_owned());
        }
    }
    files
}

/// The first images of each class of the embedded sample: 400 to train on and 120 to test.
pub fn small_images() -> &'static [Samples; 2] {
    static IMAGES: OnceLock<[Samples; 2]> = OnceLock::new();
    IMAGES.get_or_init(|| {
        let data = Dataset::load("fashion-mnist-sample", None).unwrap();
        [
            first_of_each_class(&data.train, TRAIN_PER_CLASS),
            first_of_each_class(&data.test, TEST_PER_CLASS),
        ]
    })
}

fn first_of_each_class(samples: &Samples, n: usize) -> Samples {
    let mut taken = [0; 10];
    let rows = samples.labels.iter().enumerate().filter_map(|(row, &label)| {
        let taken = &mut taken[usize::from(label)];
        *taken += 1;
        (*taken <= n).then_some(row)
    });
    samples.select(&rows.collect::<Vec<_>>())
}

/// Writes the four IDX files.
pub fn write_images(folder: &Path, parts: &[Samples; 2]) {
    std::fs::create_dir_all(folder).unwrap();
    for (samples, name) in parts.iter().zip(["train", "t10k"]) {
        let images = &samples.images;
        let pixels: Vec<u8> = (0..images.n()).flat_map(|i| images.image(i)).copied().collect();
        let header = [0x803, images.n() as u32, images.height() as u32, images.width() as u32];
        std::fs::write(folder.join(format!("{name}-images-idx3-ubyte")), idx(&header, &pixels))
            .unwrap();
        let header = [0x801, samples.len() as u32];
        let labels: Vec<u8> = samples.labels.iter().map(|&label| label as u8).collect();
        std::fs::write(folder.join(format!("{name}-labels-idx1-ubyte")), idx(&header, &labels))
            .unwrap();
    }
}

/// A perceptron with one hidden layer of four units.
pub fn small_mlp(features: usize, classes: usize) -> Architecture {
    Blueprint::mlp(&[4]).build([1, features, 1], classes).unwrap()
}

/// An IDX file: big-endian words, then bytes.
pub fn idx(header: &[u32], body: &[u8]) -> Vec<u8> {
    header.iter().flat_map(|word| word.to_be_bytes()).chain(body.iter().copied()).collect()
}

/// `n` points of `d` columns in three groups, 10 apart, within each of which they lie about 1
/// apart.
pub fn points(n: usize, d: usize) -> Matrix {
    let random = layerlens::random::Random::new(7, 0);
    let value = |at: usize| (at / d % 3) as f32 * 10.0 + random.uniform(at as u64) * 3.0;
    Matrix::new((0..n * d).map(value).collect(), n, d).unwrap()
}

pub fn groups(n: u32) -> Vec<u32> {
    (0..n).map(|row| row % 3).collect()
}

/// A row of a table, by the names of its columns.
pub type Row = BTreeMap<String, String>;

/// The rows of a table.
pub fn table(path: &Path) -> Vec<Row> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

/// The manifest of a run.
pub fn manifest(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}

/// Demands that every file that the manifest lists is there, and that every array is whole and of
/// the shape it says.
pub fn assert_outputs_are_whole(folder: &Path) {
    for output in manifest(folder)["outputs"].as_array().unwrap() {
        let name = output["path"].as_str().unwrap();
        let shape = output["shape"].as_array();
        let path = folder.join(name);
        assert!(
            path.metadata().is_ok_and(|metadata| metadata.len() > 0),
            "{name} is missing or empty"
        );
        let found = match shape.map(Vec::as_slice) {
            None => continue,
            // Clusters among them, where noise is -1.
            Some([_]) => vec![
                npyz::NpyFile::new(&std::fs::read(&path).unwrap()[..])
                    .unwrap()
                    .into_vec::<i32>()
                    .unwrap()
                    .len(),
            ],
            Some([_, _, _]) => {
                let images = npy::read_images(&path).unwrap();
                assert_eq!(images.channels(), 1, "{name}");
                vec![images.n(), images.height(), images.width()]
            }
            Some([_, _, _, _]) => {
                let images = npy::read_images(&path).unwrap();
                vec![images.n(), images.height(), images.width(), images.channels()]
            }
            Some(_) => {
                let matrix = npy::read_matrix(&path).unwrap();
                vec![matrix.n_samples(), matrix.n_features()]
            }
        };
        assert_eq!(shape.unwrap(), &found, "{name}");
    }
}

/// Whether a GPU test can run here. Where it cannot, it says so past the harness's capture, and
/// fails if one is required.
pub fn gpu() -> Option<AdapterDescription> {
    let found = adapters().into_iter().next();
    if found.is_none() {
        let reason = "no Vulkan, Metal or DX12 adapter was found";
        assert!(
            std::env::var_os("LAYERLENS_REQUIRE_GPU").is_none_or(|value| value != "1"),
            "a GPU is required: {reason}"
        );
        let line = format!(
            "skipped, {}: {reason}\n",
            std::thread::current().name().unwrap_or("a GPU test")
        );
        // Past the capture: `eprintln!` of a test that passes is not shown.
        #[cfg(unix)]
        let _ = std::fs::OpenOptions::new().write(true).open("/dev/stderr").map(|mut out| {
            let _ = std::io::Write::write_all(&mut out, line.as_bytes());
        });
        #[cfg(not(unix))]
        eprint!("{line}");
    }
    found
}

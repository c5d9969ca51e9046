//! The classes of the points of a folder of layers, and the predictions of the network: labels,
//! predictions, outputs and names, made to mean the same.

use super::outputs::{Outputs, agree, read_values};
use super::{CONFIDENCE, Reader, STRANGERS, file};
use crate::dataset::{LabelFile, Labels, Values, npy, read_names, unmet};
use crate::error::{Error, Result};
use crate::format::{listed, thousands};
use crate::matrix::Matrix;
use std::path::Path;

/// Maximum number of classes in a run: its tables of confusions grow with their square.
const MAX_CLASSES: usize = 1024;

/// What is wrong with so many classes in a run, if anything.
pub(in crate::run) fn too_many_classes(n: usize) -> Option<String> {
    (n > MAX_CLASSES).then(|| {
        format!(
            "there are {n} classes, but a run takes at most {MAX_CLASSES}; `layerlens embed` maps \
             a layer whatever its classes"
        )
    })
}

/// Labels of the points of one part, and the predictions for them.
pub(super) struct PartClasses {
    /// Number of points.
    pub(super) n: usize,
    /// Their classes; none of strangers.
    pub(super) labels: Vec<u16>,
    pub(super) predictions: Option<Vec<u16>>,
    pub(super) confidence: Option<Vec<f32>>,
    /// Probabilities of all classes, n x n_classes, where every class has a column.
    pub(super) probabilities: Option<Matrix>,
    /// Largest probability of each point.
    pub(super) largest: Option<Vec<f32>>,
}

/// Labels and predictions of all points.
pub(super) struct LayerClasses {
    pub(super) class_names: Vec<String>,
    /// Values of the network's output for a point: columns of its file, or one a class.
    pub(super) n_columns: usize,
    pub(super) parts: Vec<PartClasses>,
    pub(super) warnings: Vec<String>,
}

/// The files of one part.
struct PartFiles {
    /// Number of points.
    n: usize,
    /// Labels, which strangers have none of.
    labels: Option<LabelFile>,
    /// Predictions that were given.
    given: Option<LabelFile>,
    outputs: Option<Outputs>,
    confidence: Option<Vec<f32>>,
}

impl Reader<'_> {
    /// Reads the classes of the parts, and the predictions for them. `layers` are the names of the
    /// layers.
    pub(super) fn classes(&mut self, parts: &[&str], layers: &[String]) -> Result<LayerClasses> {
        let mut files = parts
            .iter()
            .map(|part| self.files_of(part, layers))
            .collect::<Result<Vec<PartFiles>>>()?;
        let (labelled, strangers): (Vec<_>, Vec<_>) =
            files.iter_mut().partition(|files| files.labels.is_some());
        let mut labelled: Vec<_> =
            labelled.into_iter().filter_map(|files| files.outputs.as_mut()).collect();
        agree(labelled.iter_mut().map(|outputs| &mut **outputs).collect());
        for outputs in strangers.into_iter().filter_map(|files| files.outputs.as_mut()) {
            outputs.follow(&labelled);
        }
        let mut warnings: Vec<String> = files
            .iter()
            .filter_map(|files| files.outputs.as_ref())
            .flat_map(|outputs| outputs.notes.clone())
            .collect();
        for (part, files) in parts.iter().zip(&mut files) {
            files.confidence = self.confidence(part, files, &mut warnings)?;
        }
        let names = if self.found.files.contains("class_names.txt") {
            let path = self.path("class_names.txt");
            Some((read_names(&path)?, path))
        } else {
            None
        };
        let names = names.as_ref().map(|(names, path)| (&names[..], path.as_path()));
        check_outputs(&files, names)?;
        if names.is_none() {
            check_counting(&files)?;
        }
        let resolved = Resolved::of(&files, names, &mut warnings)?;
        resolved.warn(names.is_some(), &mut warnings);
        let of_outputs = files.iter().find_map(|files| files.outputs.as_ref());
        let n_columns = of_outputs.map_or(resolved.labels.names.len(), Outputs::n_columns);
        let parts = files
            .into_iter()
            .enumerate()
            .map(|(at, files)| resolved.part(at, files, &mut warnings))
            .collect();
        Ok(LayerClasses { class_names: resolved.labels.names, n_columns, parts, warnings })
    }

    fn files_of(&mut self, part: &str, layers: &[String]) -> Result<PartFiles> {
        let (labels, n) = if part == STRANGERS {
            (None, npy::n_rows(&self.layer_path(&self.first, part))?)
        } else {
            // What is wrong with a layer is said when it is read.
            let first = layers.iter().find_map(|layer| self.found.file(layer, part));
            let n = first.and_then(|layer| npy::n_rows(&self.folder.join(layer)).ok());
            let path = self.path(self.found.labels_file(part));
            let labels = LabelFile::read(&path, None, n)?;
            let n = labels.values.len();
            (Some(labels), n)
        };
        let given_name = file("predictions", part);
        let given = if self.found.files.contains(&given_name) {
            let path = self.path(&given_name);
            let given = LabelFile::read(&path, None, Some(n))?;
            self.check_rows(&path, "predictions", given.values.len(), part, n)?;
            Some(given)
        } else {
            None
        };
        let outputs = Outputs::read(self.folder, part)?;
        if let Some(outputs) = &outputs {
            self.files.push(outputs.path.clone());
            self.check_rows(&outputs.path, "rows", outputs.n(), part, n)?;
        }
        Ok(PartFiles { n, labels, given, outputs, confidence: None })
    }

    /// Probabilities of the predictions, from a file of their own. It is left out, which is
    /// said, where the outputs hold them and where there are no predictions.
    fn confidence(
        &mut self,
        part: &str,
        files: &PartFiles,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Vec<f32>>> {
        let name = file(CONFIDENCE, part);
        if !self.found.files.contains(&name) {
            return Ok(None);
        }
        match &files.outputs {
            Some(outputs) if outputs.are_clear() => {
                let outputs = name_of(&outputs.path);
                warnings.push(format!(
                    "{outputs} holds the probabilities, {name} beside it is left out"
                ));
                return Ok(None);
            }
            None if files.given.is_none() => {
                let missing = file("predictions", part);
                warnings.push(format!("{name} is left out: there are no predictions ({missing})"));
                return Ok(None);
            }
            _ => {}
        }
        let path = self.path(&name);
        let values = read_values(&path)?;
        self.check_rows(&path, "rows", values.n_samples(), part, files.n)?;
        let bad = |value: &f32| !(0.0..=1.0).contains(value);
        if values.n_features() != 1 || values.as_slice().iter().any(bad) {
            return Err(Error::input(path, "expected one column of probabilities, from 0 to 1"));
        }
        Ok(Some(values.into_vec()))
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Refuses outputs that do not have one column for each class.
fn check_outputs(files: &[PartFiles], names: Option<(&[String], &Path)>) -> Result<()> {
    let columns = |files: &PartFiles| {
        files.outputs.as_ref().map(|outputs| (outputs.n_columns(), outputs.path.clone()))
    };
    let mut all = files.iter().filter_map(columns);
    let Some((k, path)) = all.next() else { return Ok(()) };
    if let Some((other, path_of_other)) = all.find(|(other, _)| *other != k) {
        return Err(Error::input(
            path_of_other,
            format!("has {other} columns, {} has {k}", path.display()),
        ));
    }
    // One column is about two classes.
    let n_classes = k.max(2);
    for file in files.iter().flat_map(|files| files.labels.iter().chain(&files.given)) {
        let Values::Numbers(numbers) = &file.values else { continue };
        let beyond =
            |number: &i64| !usize::try_from(*number).is_ok_and(|number| number < n_classes);
        let Some(row) = numbers.iter().position(beyond) else { continue };
        let (least, most) = (numbers.iter().min(), numbers.iter().max());
        // Two classes may be called as one likes: one column says which is likelier.
        if k == 1 && names.is_none() {
            continue;
        }
        let from_one =
            least == Some(&1) && most.is_some_and(|&most| usize::try_from(most) == Ok(n_classes));
        let advice = if from_one { "; they go from 1 on: save labels - 1" } else { "" };
        let columns =
            if k == 1 { "one column, of two classes".into() } else { format!("{k} columns") };
        let message = format!(
            "{} is {}, but {} has {columns}: the classes are 0 to {}, as the columns are \
             counted{advice}",
            file.place(row),
            numbers[row],
            path.display(),
            n_classes - 1
        );
        return Err(Error::input(&file.path, message));
    }
    if let Some((names, of_names)) = names.filter(|(names, _)| names.len() != n_classes) {
        let columns = if k == 1 {
            "one column, the probability of the second of two classes".into()
        } else {
            format!("{k} columns")
        };
        let message = format!("has {columns}, but {} names {}", of_names.display(), names.len());
        return Err(Error::input(path, message));
    }
    Ok(())
}

/// Labels and predictions as classes.
struct Resolved {
    /// The files are the labels of the parts, then the predictions that were given, or that had to
    /// be compared with the labels.
    labels: Labels,
    /// The classes of each part.
    classes: Vec<Vec<u16>>,
    /// The predictions for each part, if there are any.
    predictions: Vec<Option<Vec<u16>>>,
    /// The column of each class, if the outputs have one for it.
    columns: Vec<usize>,
}

impl Resolved {
    fn of(
        files: &[PartFiles],
        names: Option<(&[String], &Path)>,
        warnings: &mut Vec<String>,
    ) -> Result<Self> {
        let given = |files: &PartFiles| [files.labels.clone(), files.given.clone()];
        let named: Vec<LabelFile> = files.iter().flat_map(given).flatten().collect();
        let known =
            Labels::by_place(&named.iter().collect::<Vec<_>>(), names.map(|(names, _)| names))?;
        files
            .iter()
            .filter_map(|files| files.outputs.as_ref())
            .try_for_each(|outputs| check_classes(outputs, &known))?;
        // Where the classes are numbers, a column is the class of its number, which no label may
        // have. Otherwise columns number the classes.
        let several = files
            .iter()
            .filter_map(|files| files.outputs.as_ref())
            .any(|outputs| outputs.n_columns() > 1);
        let numbered = known.numbered && several;
        let mut all: Vec<LabelFile> =
            files.iter().filter_map(|files| files.labels.clone()).collect();
        let n_labelled = all.len();
        let mut indices = Vec::new();
        for files in files {
            let columns = files.outputs.as_ref().filter(|_| numbered).map(columns_as_numbers);
            let of_part = files.given.clone().or(columns);
            indices.push(of_part.is_some().then_some(all.len()));
            all.extend(of_part);
        }
        let labels =
            Labels::by_place(&all.iter().collect::<Vec<_>>(), names.map(|(names, _)| names))?;
        warnings.extend(labels.notes.iter().cloned());
        let n = labels.names.len();
        if let Some(message) = too_many_classes(n) {
            return Err(Error::input(&all[0].path, message));
        }
        let mut classes = labels.classes.clone();
        if let Some(outputs) = files.iter().find_map(|files| files.outputs.as_ref()) {
            say_columns(outputs, &labels, names.is_some(), warnings);
        }
        let column = |class: usize| match labels.names[class].parse() {
            Ok(column) if numbered => column,
            _ => class,
        };
        let columns = (0..n).map(column).collect();
        let predictions_of =
            |(files, index): (&PartFiles, Option<usize>)| match (index, &files.outputs) {
                (Some(index), _) => Some(classes[index].clone()),
                (None, Some(outputs)) => {
                    Some(outputs.predictions().into_iter().map(|column| column as u16).collect())
                }
                (None, None) => None,
            };
        let predictions = files.iter().zip(indices).map(predictions_of).collect();
        classes.truncate(n_labelled);
        Ok(Self { labels, classes, predictions, columns })
    }

    fn part(&self, at: usize, files: PartFiles, warnings: &mut Vec<String>) -> PartClasses {
        let predictions = self.predictions[at].clone();
        let mut confidence = files.confidence;
        if let (Some(outputs), Some(predictions)) = (&files.outputs, &predictions) {
            let columns: Vec<usize> =
                predictions.iter().map(|&class| self.columns[usize::from(class)]).collect();
            confidence = outputs.probabilities(&columns).or(confidence);
            let differ = outputs
                .predictions()
                .iter()
                .zip(&columns)
                .filter(|(own, given)| own != given)
                .count();
            if let Some(given) = files.given.filter(|_| differ > 0) {
                warnings.push(format!(
                    "{} and {} differ in {differ} of {} rows: the former are the predictions, the \
                     latter give their probabilities",
                    name_of(&given.path),
                    name_of(&outputs.path),
                    columns.len()
                ));
            }
        }
        let probabilities =
            files.outputs.as_ref().and_then(|outputs| outputs.all_probabilities(&self.columns));
        let largest =
            files.outputs.as_ref().and_then(Outputs::largest).or_else(|| confidence.clone());
        // Strangers come last, and have no labels.
        let labels = self.classes.get(at).cloned().unwrap_or_default();
        PartClasses { n: files.n, labels, predictions, confidence, probabilities, largest }
    }

    /// Of each class whether a point of the given classes has it.
    fn has_points<'c>(&self, classes: impl IntoIterator<Item = &'c u16>) -> Vec<bool> {
        let mut has = vec![false; self.labels.names.len()];
        classes.into_iter().for_each(|&class| has[usize::from(class)] = true);
        has
    }

    /// Warns of classes that have no points, none in training, or no name.
    fn warn(&self, named: bool, warnings: &mut Vec<String>) {
        let labelled = self.has_points(self.classes.iter().flatten());
        if named {
            let without = unmet(&self.labels.names, |class| labelled[class]);
            warnings.extend(without.map(|classes| {
                format!("class_names.txt names classes that no point has: {classes}")
            }));
        } else if labelled.contains(&false) {
            // Here a class has no number but its name.
            let without = (0..labelled.len()).filter(|&class| !labelled[class]);
            let without: Vec<String> =
                without.map(|class| format!("`{}`", self.labels.names[class])).collect();
            warnings.push(format!(
                "the network predicts classes that no label names: {}",
                listed(&without)
            ));
        }
        if let [train, test, ..] = &self.classes[..] {
            let [trained, tested] = [train, test].map(|classes| self.has_points(classes));
            let n = test.iter().filter(|&&class| !trained[usize::from(class)]).count();
            let is_known = |class: usize| trained[class] || !tested[class];
            warnings.extend(unmet(&self.labels.names, is_known).map(|classes| {
                format!(
                    "no training point has the classes of {} test points, which neither k-NN nor a \
                     probe can find: {classes}",
                    thousands(n)
                )
            }));
        }
        if self.labels.numbered {
            warnings.push("there is no class_names.txt: the classes are numbered".into());
        }
    }
}

/// Refuses outputs that are not about as many classes as there are, where the columns have no
/// numbers.
fn check_classes(outputs: &Outputs, known: &Labels) -> Result<()> {
    let k = outputs.n_columns();
    let n = known.names.len();
    if n == k.max(2) || (known.numbered && k > 1) {
        return Ok(());
    }
    let message = match k {
        1 => format!(
            "has one column, the probability of the second of two classes, but there are {n} \
             classes: a column for each is expected"
        ),
        k => format!(
            "has {k} columns, but the labels name {n} classes: class_names.txt beside it says \
             which column is which"
        ),
    };
    Err(Error::input(&outputs.path, message))
}

/// The predictions of outputs as labels that number the columns.
fn columns_as_numbers(outputs: &Outputs) -> LabelFile {
    let numbers = outputs.predictions().into_iter().map(|column| column as i64).collect();
    LabelFile {
        path: outputs.path.clone(),
        values: Values::Numbers(numbers),
        notes: Vec::new(),
        lines: None,
    }
}

/// Refuses labels and predictions that count the classes from different numbers, where no names say
/// how they are counted: the predictions end one beyond the labels and leave their first number
/// out, or begin one before them and leave their last number out.
fn check_counting(files: &[PartFiles]) -> Result<()> {
    let range = |files: &dyn Fn(usize) -> Option<(i64, i64)>, n: usize| {
        let ranges = (0..n).filter_map(files);
        ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    };
    let of = |file: &LabelFile| match &file.values {
        Values::Numbers(numbers) => Some((*numbers.iter().min()?, *numbers.iter().max()?)),
        Values::Names(_) => None,
    };
    let labels = range(&|at| files[at].labels.as_ref().and_then(of), files.len());
    let given = range(&|at| files[at].given.as_ref().and_then(of), files.len());
    let (Some(labels), Some(given), Some(file)) =
        (labels, given, files.iter().find_map(|files| files.given.as_ref()))
    else {
        return Ok(());
    };
    let after = given.1.checked_sub(1) == Some(labels.1) && given.0 > labels.0;
    let before = given.0.checked_add(1) == Some(labels.0) && given.1 < labels.1;
    if !after && !before {
        return Ok(());
    }
    let message = format!(
        "the predictions go from {} to {}, but the labels from {} to {}: both must count the classes \
         from the same number, or class_names.txt must name them",
        given.0, given.1, labels.0, labels.1
    );
    Err(Error::input(&file.path, message))
}

/// Warns which column is taken for which class, if no file says so.
fn say_columns(outputs: &Outputs, labels: &Labels, named: bool, warnings: &mut Vec<String>) {
    if outputs.n_columns() == 1 {
        if let [_, second] = &labels.names[..] {
            warnings.push(format!(
                "{} has one column: it is read as the probability of `{second}`",
                name_of(&outputs.path)
            ));
        }
    } else if !named && !labels.numbered {
        warnings.push(format!(
            "there is no class_names.txt: the columns of {} are taken in the order of the names, \
             {}",
            name_of(&outputs.path),
            listed(&labels.names)
        ));
    }
}

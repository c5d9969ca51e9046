//! The layers of a network: which values they are, and which of them are taken.

use super::costs::{Sizes, macs, parameters};
use super::form::{Form, Placed};
use super::graph::{Cut, Graph, Node};
use super::operators::{Step, step};
use crate::error::{Error, Result};
use crate::format::listed;
use serde::Serialize;
use std::collections::HashSet;
use std::str::FromStr;

/// Layers that are taken if nothing is said, at most.
pub const MAX_LAYERS: usize = 12;
/// Longest name of a file of a layer; of longer ones the end is kept.
const LONGEST_NAME: usize = 80;
/// Names that other files of activations have.
const RESERVED: [&str; 8] =
    ["raw", "labels", "predictions", "images", "rows", "softmax", "logits", "confidence"];

/// Which layers are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerChoice {
    /// [`MAX_LAYERS`] spread evenly, the first and the last among them.
    #[default]
    Spread,
    /// All.
    All,
    /// Those of these names, of files or of values.
    Named(Vec<String>),
}

impl FromStr for LayerChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names: Vec<&str> = text.split(',').map(str::trim).collect();
        match names[..] {
            _ if names.contains(&"") => Err("expected all, or names with commas between".into()),
            ["all"] => Ok(Self::All),
            _ => Ok(Self::Named(names.into_iter().map(Into::into).collect())),
        }
    }
}

/// A layer of a network from a file: a value through which every path goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NetworkLayer {
    /// Name of its files: that of the value, in letters that files may have.
    pub name: String,
    /// Name of the value in the network's file.
    pub value: String,
    /// Operator that gives it.
    pub operator: String,
    /// Sizes for one image.
    pub shape: Vec<usize>,
    /// What is kept of it.
    pub form: Form,
    /// Number of values that are kept for an image.
    pub width: usize,
    /// Multiply-accumulate operations for one image since the layer before.
    pub macs: u64,
    /// Parameters since the layer before.
    pub n_parameters: usize,
    /// `true` if it is taken.
    pub is_taken: bool,
    /// The node that gives it.
    #[serde(skip)]
    giver: usize,
    #[serde(skip)]
    pub(super) placed: Placed,
}

/// The answer of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Name of the value.
    pub value: String,
    /// Number of its values for an image.
    pub width: usize,
    /// Multiply-accumulate operations since the last layer.
    pub macs: u64,
    /// Parameters since the last layer.
    pub n_parameters: usize,
    pub(super) placed: Placed,
}

/// Cuts that belong together: the first computes something new, the others change its values one
/// by one, or their form.
#[derive(Clone, Debug)]
struct Run {
    /// Positions of its cuts.
    cuts: std::ops::Range<usize>,
    /// The last cut that changes values.
    value: usize,
}

/// What the layers are found from.
pub(super) struct Analysis<'a> {
    pub(super) graph: &'a Graph,
    pub(super) cuts: &'a [Cut],
    /// Values that depend on the images.
    pub(super) data: &'a HashSet<&'a str>,
    /// Sizes of all values for the batch below.
    pub(super) sizes: &'a Sizes,
    /// Images of that batch.
    pub(super) batch: usize,
    /// Places of the images in a value; none if it does not hold values of each.
    pub(super) place: &'a dyn Fn(&str) -> Option<Placed>,
}

/// What the layers of a network and its output take.
pub(super) struct Layers {
    pub(super) layers: Vec<NetworkLayer>,
    /// Operations and parameters since the last layer.
    pub(super) output: (u64, usize),
    /// Names of files that are taken.
    pub(super) names: HashSet<String>,
}

impl Analysis<'_> {
    /// The layers, none of them taken yet.
    pub(super) fn layers(&self) -> Layers {
        let runs = self.runs();
        let mut layers = Vec::new();
        let mut costs = (0, 0);
        let mut counted = HashSet::new();
        let mut names: HashSet<String> = RESERVED.map(Into::into).into();
        for (at, run) in runs.iter().enumerate() {
            let (macs, n_parameters) = self.costs(run, &mut counted);
            costs = (costs.0 + macs, costs.1 + n_parameters);
            // The first holds the images, the last the answer.
            if at == 0 || at + 1 == runs.len() {
                continue;
            }
            let Some(placed) = (self.place)(&self.cuts[run.value].value) else { continue };
            // What is kept of it would be the next layer once more.
            let are_means = matches!(placed.form, Form::ChannelMeans | Form::TokenMean);
            if are_means && self.is_pooled(run, &placed, &runs[at + 1]) {
                continue;
            }
            layers.push(self.layer(&self.cuts[run.value].value, placed, costs, &mut names));
            costs = (0, 0);
        }
        Layers { layers, output: costs, names }
    }

    /// A layer of any value, which no other is called like.
    pub(super) fn layer(
        &self,
        value: &str,
        placed: Placed,
        (macs, n_parameters): (u64, usize),
        names: &mut HashSet<String>,
    ) -> NetworkLayer {
        let gives = |node: &Node| node.outputs.iter().any(|output| output == value);
        let giver = self.graph.nodes.iter().position(gives).unwrap_or_default();
        let operator = self.graph.nodes[giver].operator.clone();
        NetworkLayer {
            name: file_name(value, &operator, names),
            value: value.to_owned(),
            operator,
            shape: placed.shape.clone(),
            form: placed.form,
            width: placed.width(),
            macs,
            n_parameters,
            is_taken: false,
            giver,
            placed,
        }
    }

    fn region(&self, cut: usize) -> Vec<&Node> {
        self.cuts[cut].region.iter().map(|&node| &self.graph.nodes[node]).collect()
    }

    fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for cut in 0..self.cuts.len() {
            let step = if cut == 0 { Step::New } else { step(&self.region(cut)) };
            match runs.last_mut() {
                Some(run) if step != Step::New => {
                    run.cuts.end = cut + 1;
                    if step == Step::Elementwise {
                        run.value = cut;
                    }
                }
                _ => runs.push(Run { cuts: cut..cut + 1, value: cut }),
            }
        }
        runs
    }

    fn costs<'a>(&'a self, run: &Run, counted: &mut HashSet<&'a str>) -> (u64, usize) {
        let data = |name: &str| self.data.contains(name);
        let nodes = run.cuts.clone().flat_map(|cut| &self.cuts[cut].region);
        let mut costs = (0, 0);
        for node in nodes.map(|&node| &self.graph.nodes[node]) {
            costs.0 += macs(node, self.sizes, self.graph) / self.batch as u64;
            costs.1 += parameters(node, &data, self.sizes, self.graph, counted);
        }
        costs
    }

    /// `true` if the first cut of `next` is what is kept of the value of `run`.
    fn is_pooled(&self, run: &Run, placed: &Placed, next: &Run) -> bool {
        let [node] = self.region(next.cuts.start)[..] else { return false };
        let sizes = |name: &str| self.sizes.get(name).map_or(&[][..], Vec::as_slice);
        let from = node.inputs.first().map_or(&[][..], |name| sizes(name));
        let to = sizes(&self.cuts[next.cuts.start].value);
        let are_means = match node.operator.as_str() {
            "GlobalAveragePool" | "ReduceMean" => true,
            "AveragePool" => node.numbers.get("kernel_shape").is_some_and(|kernel| {
                kernel.iter().map(|&size| size as usize).eq(from.iter().skip(2).copied())
            }),
            _ => false,
        };
        let is_last = run.value + 1 == run.cuts.end;
        let is_kept = to.iter().product::<usize>() == self.batch * placed.width();
        is_last && are_means && is_kept
    }
}

/// Name of the files of a value: what exporters put before and behind is left out, signs that files
/// cannot have are replaced, and what is only a number gets the operator's name.
fn file_name(value: &str, operator: &str, names: &mut HashSet<String>) -> String {
    let short = value
        .trim_start_matches("StatefulPartitionedCall/")
        .trim_end_matches("_output_0")
        .trim_end_matches(":0")
        .trim_matches('/');
    let sign = |letter: char| {
        if letter.is_alphanumeric() || "._-".contains(letter) { letter } else { '_' }
    };
    let mut name: String = short.chars().map(sign).collect();
    if !name.chars().any(char::is_alphabetic) {
        name = format!("{}_{name}", operator.rsplit(':').next().unwrap_or_default());
    }
    let length = name.chars().count();
    let name: String = name.chars().skip(length.saturating_sub(LONGEST_NAME)).collect();
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    let free = std::iter::once(name.clone()).chain(numbered).find(|name| !names.contains(name));
    let free = free.unwrap_or(name);
    names.insert(free.clone());
    free
}

/// Marks the layers that are taken. A value that is no layer, but holds values of each image, is
/// one if its name is given; `more` makes it.
///
/// # Errors
/// [`Error::Parameter`] for a name that no value has.
pub(super) fn choose(
    layers: &mut Vec<NetworkLayer>,
    choice: &LayerChoice,
    more: &mut dyn FnMut(&str) -> Option<NetworkLayer>,
) -> Result<()> {
    let n = layers.len();
    match choice {
        LayerChoice::All => layers.iter_mut().for_each(|layer| layer.is_taken = true),
        LayerChoice::Spread => {
            let kept = n.min(MAX_LAYERS);
            for at in 0..kept {
                // Rounded to the nearest.
                let place =
                    if kept > 1 { (2 * at * (n - 1) + kept - 1) / (2 * (kept - 1)) } else { 0 };
                layers[place].is_taken = true;
            }
        }
        LayerChoice::Named(names) => {
            for name in names {
                // Its own name tells a value from another, whose file is called so.
                if !layers.iter().any(|layer| layer.value == *name) {
                    layers.extend(more(name));
                }
                let of_value = layers.iter().position(|layer| layer.value == *name);
                let of_file = || layers.iter().position(|layer| layer.name == *name);
                let Some(at) = of_value.or_else(of_file) else {
                    let all: Vec<&String> = layers.iter().map(|layer| &layer.name).collect();
                    let expected = format!("all, or layers of {}", listed(&all));
                    return Err(Error::parameter("layers", name, expected));
                };
                layers[at].is_taken = true;
            }
            layers.sort_by_key(|layer| layer.giver);
        }
    }
    Ok(())
}

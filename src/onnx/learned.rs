//! What one run of a network on black images tells: the sizes of its values, and so its layers.

use super::Engine;
use super::costs::Sizes;
use super::form::{Found, Placed, Tokens};
use super::graph::{Cut, Graph};
use super::layers::{Analysis, LayerChoice, NetworkLayer, Output, choose};
use super::operators::{Channels, channels_of};
use super::plan::Plan;
use crate::error::{Error, Result};
use std::collections::{HashMap, HashSet};

/// A graph with the sizes of its values.
pub(super) struct Learned<'a> {
    graph: &'a Graph,
    cuts: Vec<Cut>,
    /// Values that depend on the images.
    data: HashSet<&'a str>,
    /// Axis of the channels of each of them.
    channels: HashMap<String, Channels>,
    sizes: Sizes,
    /// Values that are floats.
    floats: HashSet<String>,
    /// Sizes for twice as many images, where the network takes any number.
    twice: Option<Sizes>,
    /// Images of the batch.
    n: usize,
}

impl<'a> Learned<'a> {
    /// Runs the network.
    ///
    /// # Errors
    /// [`Error::Input`] naming the node that fails; [`Error::Data`] for values that nothing gives.
    pub(super) fn of(engine: &Engine, graph: &'a Graph, plan: &Plan) -> Result<Self> {
        let computes = graph.data_nodes()?;
        let cuts = graph.cuts()?;
        let computing = graph.nodes.iter().zip(&computes).filter(|(_, computes)| **computes);
        let computing: Vec<_> = computing.map(|(node, _)| node).collect();
        let given = computing.iter().flat_map(|node| &node.outputs).map(String::as_str);
        let data: HashSet<&str> = given.chain([graph.input.name.as_str()]).collect();
        let taken = computing.iter().flat_map(|node| &node.inputs).map(String::as_str);
        // Constants of the file have sizes already; what no node takes may not be computed at all.
        let is_open = |name: &&str| !name.is_empty() && !graph.constants.contains_key(*name);
        let wanted = taken.chain([graph.output.as_str()]).filter(is_open);
        let mut names: Vec<String> = wanted.map(str::to_owned).collect();
        names.sort();
        names.dedup();
        names.retain(|name| *name != graph.input.name);
        let run = |n: usize| engine.run(0, &plan.batch(n), vec![0.0; n * plan.size()], &names);
        let n = graph.input.dims[0].unwrap_or(1);
        let found = run(n)?;
        let floats = names.iter().zip(&found).filter(|(_, found)| !found.values.is_empty());
        let floats = floats.map(|(name, _)| name.clone()).collect();
        let sizes = |found: Vec<Found>, n: usize| -> Sizes {
            let sizes = names.iter().cloned().zip(found.into_iter().map(|found| found.dims));
            sizes.chain([(graph.input.name.clone(), plan.batch(n))]).collect()
        };
        let is_any = graph.input.dims[0].is_none();
        let mut learned = Self {
            graph,
            cuts,
            data,
            channels: channels_of(graph, &computes, plan.is_last),
            sizes: sizes(found, n),
            floats,
            twice: if is_any { run(2).ok().map(|found| sizes(found, 2)) } else { None },
            n,
        };
        // A reshape inside may hold on to one image, whatever the input says.
        if learned.place(&graph.output, Tokens::Mean).is_none() {
            learned.twice = None;
        }
        Ok(learned)
    }

    /// Images of the batch that was run.
    pub(super) fn n(&self) -> usize {
        self.n
    }

    /// `true` if it takes that number of images and no other.
    pub(super) fn is_fixed(&self) -> bool {
        self.twice.is_none()
    }

    /// Bytes of all values for an image.
    pub(super) fn bytes_of_image(&self) -> usize {
        let elements = self.sizes.values().map(|dims| dims.iter().product::<usize>());
        elements.sum::<usize>() * size_of::<f32>() / self.n
    }

    fn place(&self, value: &str, tokens: Tokens) -> Option<Placed> {
        let dims = self.sizes.get(value).filter(|_| self.floats.contains(value))?;
        let twice = match &self.twice {
            Some(twice) => Some(twice.get(value)?.as_slice()),
            None => None,
        };
        let channels = self.channels.get(value).copied().unwrap_or(Channels::First);
        Placed::new(dims, twice, self.n, channels, tokens)
    }

    /// The layers, with those marked that are taken, and the answer.
    ///
    /// # Errors
    /// [`Error::Data`] if there is no layer or no answer; [`Error::Parameter`] for a name that no
    /// layer has.
    pub(super) fn layers(
        &self,
        tokens: Tokens,
        choice: &LayerChoice,
    ) -> Result<(Vec<NetworkLayer>, Output)> {
        let value = &self.graph.output;
        let answer = self.place(value, tokens).ok_or_else(|| {
            Error::Data(format!(
                "the output `{value}` does not hold floats for each image: logits or \
                 probabilities are expected"
            ))
        })?;
        let place = |value: &str| self.place(value, tokens);
        let analysis = Analysis {
            graph: self.graph,
            cuts: &self.cuts,
            data: &self.data,
            sizes: &self.sizes,
            batch: self.n,
            place: &place,
        };
        let mut found = analysis.layers();
        let mut more = |value: &str| {
            let placed = place(value).filter(|_| self.data.contains(value))?;
            Some(analysis.layer(value, placed, (0, 0), &mut found.names))
        };
        choose(&mut found.layers, choice, &mut more)?;
        if found.layers.is_empty() {
            return Err(Error::Data(
                "has no hidden layer: no value between input and output is on every path".into(),
            ));
        }
        let placed = answer.whole();
        let width = placed.width();
        let (macs, n_parameters) = found.output;
        Ok((found.layers, Output { value: value.clone(), width, macs, n_parameters, placed }))
    }
}

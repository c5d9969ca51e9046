//! Replacement for reader and interpreter in a build without them.

use super::form::Found;
use super::graph::Graph;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// A network that was read: there is none.
pub(super) enum Parsed {}

impl Parsed {
    /// Refuses to read.
    pub(super) fn read(_: &Path) -> Result<Self> {
        Err(Error::Feature { what: "a network in an ONNX file", feature: "onnx" })
    }

    pub(super) fn path(&self) -> &Path {
        match *self {}
    }

    pub(super) fn graph(&self) -> &Graph {
        match *self {}
    }

    pub(super) fn warnings(&self) -> &[String] {
        match *self {}
    }

    pub(super) fn files(&self) -> Vec<PathBuf> {
        match *self {}
    }
}

/// A network ready to run: there is none.
pub(super) enum Engine {}

impl Engine {
    pub(super) fn new(parsed: Parsed) -> Result<Self> {
        match parsed {}
    }

    pub(super) fn n_workers(&self) -> usize {
        match *self {}
    }

    pub(super) fn run(
        &self,
        _: usize,
        _: &[usize],
        _: Vec<f32>,
        _: &[String],
    ) -> Result<Vec<Found>> {
        match *self {}
    }
}

//! Identity of a map: its space, its method and its dimensions, and from them its names in titles
//! and in files.

use crate::embedding;
use crate::model::RAW;
use std::fmt;

/// Identity of a map, or of a space itself.
///
/// ```
/// use layerlens::evaluation::MapId;
///
/// let map = MapId::new("layer_1", Some("tsne"), 3);
/// assert_eq!(map.title(), "t-SNE in 3-D");
/// assert_eq!(map.to_string(), "layer 1, t-SNE in 3-D");
/// assert_eq!(map.file_stem(), "tsne_layer_1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MapId {
    /// Name of the space: `raw`, `layer_1`, ...
    pub space: String,
    /// Name of the method that made the map, or none for the space itself.
    pub method: Option<String>,
    /// Dimensions of the map, or of the space itself.
    pub n_components: usize,
}

impl MapId {
    /// Map of `space` by `method` in `n_components` dimensions, or without a method the space
    /// itself.
    pub fn new(space: &str, method: Option<&str>, n_components: usize) -> Self {
        Self { space: space.into(), method: method.map(str::to_owned), n_components }
    }

    /// Title of the map among those of its space: `t-SNE in 2-D`, or `all dimensions` of the space
    /// itself.
    pub fn title(&self) -> String {
        map_title(self.method.as_deref(), self.n_components)
    }

    /// Title of the method alone: `t-SNE`; empty of the space itself.
    pub fn method_title(&self) -> &str {
        self.method.as_deref().map_or("", method_title)
    }

    /// Title of the space: `raw input`, `layer 1`.
    pub fn space_title(&self) -> String {
        space_title(&self.space)
    }

    /// Beginning of the names of its files in the folder of a run: `tsne_layer_1`, or `layer_1` of
    /// the space itself.
    pub fn file_stem(&self) -> String {
        match &self.method {
            Some(method) => format!("{method}_{}", self.space),
            None => self.space.clone(),
        }
    }
}

/// Title in a sentence: `layer 1, t-SNE in 2-D`, or `layer 1` of the space itself.
impl fmt::Display for MapId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.method {
            Some(_) => write!(f, "{}, {}", self.space_title(), self.title()),
            None => f.write_str(&self.space_title()),
        }
    }
}

/// Title of the maps that a method makes of any space in `n_components` dimensions; without a
/// method that of the spaces themselves.
pub fn map_title(method: Option<&str>, n_components: usize) -> String {
    method.map_or_else(
        || "all dimensions".into(),
        |name| format!("{} in {n_components}-D", method_title(name)),
    )
}

/// Title of a method: `t-SNE`; an unknown one keeps its name.
pub fn method_title(name: &str) -> &str {
    embedding::method(name).map_or(name, |method| method.title)
}

/// Title of a space by its name: `raw input`, `layer 1`.
pub fn space_title(space: &str) -> String {
    if space == RAW { "raw input".into() } else { space.replace('_', " ") }
}

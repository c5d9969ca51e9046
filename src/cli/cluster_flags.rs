//! Flags of the methods of clustering.

use super::parameter_flags::{Flag, Owner, ParameterFlags, Registry, make_flags};
use clap::builder::{PossibleValue, PossibleValuesParser};
use layerlens::Error;
use layerlens::clustering::{ClusterMethod, METHODS, Method, method};
use layerlens::embedding;
use std::sync::OnceLock;

/// Value that stands for no clustering at all.
const NONE: &str = "none";

/// The methods of clustering.
#[derive(Clone, Debug)]
pub struct Clusters;

/// Parameters of the methods of clustering.
pub type ClusterFlags = ParameterFlags<Clusters>;

impl Registry for Clusters {
    const HEADING: &'static str = "Clusters";

    fn flags() -> &'static [Flag] {
        static FLAGS: OnceLock<Vec<Flag>> = OnceLock::new();
        FLAGS.get_or_init(|| {
            let owner = |method: &&Method| Owner {
                name: method.name,
                title: method.title,
                parameters: method.parameters,
                defaults: (method.defaults)().unwrap_or_default(),
            };
            let owners: Vec<Owner> = METHODS.iter().map(owner).collect();
            // `--max-iter` is a flag of the embedding methods.
            let of_methods = || embedding::METHODS.iter().flat_map(|method| method.parameters);
            make_flags(&owners, |name| of_methods().any(|parameter| parameter.name == name))
        })
    }
}

/// Names of methods of clustering, and `none`.
pub fn cluster_names() -> PossibleValuesParser {
    let named = |method: &&Method| {
        PossibleValue::new(method.name).aliases(method.aliases).help(method.summary)
    };
    let none = PossibleValue::new(NONE).help("Not at all");
    PossibleValuesParser::new(std::iter::once(none).chain(METHODS.iter().map(named)))
}

impl ClusterFlags {
    /// The chosen methods with their parameters, each once; the seed goes to those that take one.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a value of another type, and for a flag that none of the chosen
    /// methods has.
    pub fn methods(&self, names: &[String], seed: u64) -> Result<Vec<ClusterMethod>, Error> {
        if names.len() > 1 && names.iter().any(|name| name == NONE) {
            return Err(Error::parameter("clusters", NONE, "none alone, or methods"));
        }
        let mut chosen: Vec<ClusterMethod> = Vec::new();
        let mut used: Vec<String> = Vec::new();
        for name in names.iter().filter(|name| *name != NONE) {
            let Method { name, parameters, .. } = method(name)?;
            let parameters = self.of(name, parameters, seed, &mut used);
            let method = ClusterMethod::new(name, parameters)?;
            if chosen.iter().all(|other| other.name() != method.name()) {
                chosen.push(method);
            }
        }
        match self.unused(&used) {
            None => Ok(chosen),
            Some((flag, value)) => {
                let whose = owners(flag).join(" and ");
                Err(Error::parameter(
                    flag,
                    value,
                    format!("a flag of {whose}, which is not among the methods of clustering"),
                ))
            }
        }
    }
}

/// Names of the methods that have a flag.
fn owners(flag: &str) -> Vec<&'static str> {
    let has = |method: &&&Method| {
        let name = method.name.replace('-', "_");
        let alone = flag.strip_prefix(&name).and_then(|rest| rest.strip_prefix('_'));
        let is_named = |name: &str| method.parameters.iter().any(|own| own.name == name);
        is_named(flag) || alone.is_some_and(is_named)
    };
    METHODS.iter().filter(has).map(|method| method.name).collect()
}

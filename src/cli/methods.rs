//! Flags of the embedding methods.

use super::parameter_flags::{Flag, Owner, ParameterFlags, Registry, make_flags};
use layerlens::Error;
use layerlens::embedding::METHODS;
use layerlens::run::MethodChoice;
use std::sync::OnceLock;

/// Names that mean something else beside the training's flags.
const TAKEN: [&str; 1] = ["learning_rate"];

/// The methods beside the training's flags, or, if they are `ALONE`, where no other flag is in the
/// way.
#[derive(Clone, Debug)]
pub struct Methods<const ALONE: bool>;

/// Flags beside the training's.
pub type SharedMethodFlags = ParameterFlags<Methods<false>>;
/// Flags where no other flag is in the way.
pub type OnlyMethodFlags = ParameterFlags<Methods<true>>;

impl<const ALONE: bool> Registry for Methods<ALONE> {
    const HEADING: &'static str = "Methods";

    fn flags() -> &'static [Flag] {
        static FLAGS: [OnceLock<Vec<Flag>>; 2] = [OnceLock::new(), OnceLock::new()];
        FLAGS[usize::from(ALONE)].get_or_init(|| {
            let owner = |method: &&layerlens::embedding::Method| Owner {
                name: method.name,
                title: method.title,
                parameters: method.parameters,
                defaults: (method.defaults)().unwrap_or_default(),
            };
            let owners: Vec<Owner> = METHODS.iter().map(owner).collect();
            make_flags(&owners, |name| !ALONE && TAKEN.contains(&name))
        })
    }
}

impl<const ALONE: bool> ParameterFlags<Methods<ALONE>> {
    /// The chosen methods with the parameters that were set for them; the seed goes to those that
    /// take one.
    ///
    /// # Errors
    /// [`Error::Parameter`] for an unknown method, a method named twice, or a flag that none of the
    /// chosen methods has.
    pub fn choose(&self, names: &[String], seed: u64) -> Result<Vec<MethodChoice>, Error> {
        let mut choices: Vec<MethodChoice> = Vec::new();
        let mut used: Vec<String> = Vec::new();
        for name in names {
            let method = layerlens::embedding::method(name)?;
            if choices.iter().any(|choice| choice.name == *name) {
                return Err(Error::parameter("methods", name, "each method once"));
            }
            let parameters = self.of(name, method.parameters, seed, &mut used);
            choices.push(MethodChoice { name: name.clone(), parameters });
        }
        if let Some((flag, value)) = self.unused(&used) {
            return Err(Error::parameter(
                flag,
                value,
                format!("no such parameter of {}", names.join(", ")),
            ));
        }
        Ok(choices)
    }
}

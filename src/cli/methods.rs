//! Flags of the embedding methods, made from the registry.
//!
//! Every parameter of a method is a flag, `--perplexity` for example, which goes to each chosen
//! method that has it. Prefixed by the method, as in `--tsne-learning-rate`, it goes to that method
//! alone; where a command has a flag of the same name for another purpose, the prefixed one is the
//! only one.

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use layerlens::Error;
use layerlens::embedding::METHODS;
use layerlens::run::MethodChoice;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Names that mean something else beside the training's flags.
const TAKEN: [&str; 1] = ["learning_rate"];
/// The parameter that `--seed` sets.
const SEED: &str = "random_state";

/// Values of the methods' flags that were given, by flag name with underscores.
#[derive(Clone, Debug, Default)]
pub struct MethodFlags<const ALONE: bool> {
    values: BTreeMap<String, String>,
}

/// Flags beside the training's.
pub type SharedMethodFlags = MethodFlags<false>;
/// Flags where no other flag is in the way.
pub type OnlyMethodFlags = MethodFlags<true>;

/// One flag; clap wants the names to live as long as the program.
struct Flag {
    /// With underscores, as in the registry.
    id: String,
    /// With dashes.
    long: String,
    help: String,
    hidden: bool,
}

/// Every flag, made once.
fn flags(alone: bool) -> &'static [Flag] {
    static FLAGS: [OnceLock<Vec<Flag>>; 2] = [OnceLock::new(), OnceLock::new()];
    FLAGS[usize::from(alone)].get_or_init(|| make_flags(alone))
}

fn make_flags(alone: bool) -> Vec<Flag> {
    let mut flags: Vec<Flag> = Vec::new();
    let flag = |id: String, help: String, hidden: bool| Flag {
        long: id.replace('_', "-"),
        id,
        help,
        hidden,
    };
    for method in METHODS {
        let defaults = (method.defaults)().unwrap_or_default();
        for parameter in method.parameters.iter().filter(|parameter| parameter.name != SEED) {
            let default = defaults.get(parameter.name).map_or(String::new(), |value| match value {
                toml::Value::String(text) => text.clone(),
                // Shown as the 32-bit float that it is: 0.8 and not 0.800000011920929.
                toml::Value::Float(value) => (*value as f32).to_string(),
                other => other.to_string(),
            });
            let help =
                format!("{}: {} [default: {default}]", method.title, parameter.description());
            let taken = !alone && TAKEN.contains(&parameter.name);
            if !taken {
                match flags.iter_mut().find(|flag| flag.id == parameter.name) {
                    Some(shared) => shared.help = format!("{}; {help}", shared.help),
                    None => flags.push(flag(parameter.name.to_owned(), help.clone(), false)),
                }
            }
            flags.push(flag(format!("{}_{}", method.name, parameter.name), help, !taken));
        }
    }
    flags
}

impl<const ALONE: bool> MethodFlags<ALONE> {
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
            let mut parameters = toml::Table::new();
            for parameter in method.parameters {
                if parameter.name == SEED {
                    parameters.insert(SEED.into(), toml::Value::Integer(seed as i64));
                }
                for flag in [parameter.name.to_owned(), format!("{name}_{}", parameter.name)] {
                    if let Some(text) = self.values.get(&flag) {
                        parameters.insert(parameter.name.into(), parsed(text));
                        used.push(flag);
                    }
                }
            }
            choices.push(MethodChoice { name: name.clone(), parameters });
        }
        if let Some((flag, value)) = self.values.iter().find(|(flag, _)| !used.contains(flag)) {
            return Err(Error::parameter(
                flag,
                value,
                format!("no such parameter of {}", names.join(", ")),
            ));
        }
        Ok(choices)
    }
}

/// A number if it reads as one, `.5` and `1.` too, which TOML does not know, else a text. Whole
/// numbers become decimals where a field wants them.
fn parsed(text: &str) -> toml::Value {
    let value = toml::from_str::<toml::Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut table| table.remove("value"));
    value.unwrap_or_else(|| match text.parse() {
        Ok(number) => toml::Value::Float(number),
        Err(_) => toml::Value::String(text.to_owned()),
    })
}

impl<const ALONE: bool> Args for MethodFlags<ALONE> {
    fn augment_args(command: Command) -> Command {
        flags(ALONE).iter().fold(command, |command, flag| {
            let arg = Arg::new(flag.id.as_str())
                .long(flag.long.as_str())
                .value_name("VALUE")
                .help(flag.help.as_str());
            command.arg(arg.allow_negative_numbers(true).help_heading("Methods").hide(flag.hidden))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const ALONE: bool> FromArgMatches for MethodFlags<ALONE> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given =
            |flag: &Flag| Some((flag.id.clone(), matches.get_one::<String>(&flag.id)?.clone()));
        Ok(Self { values: flags(ALONE).iter().filter_map(given).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

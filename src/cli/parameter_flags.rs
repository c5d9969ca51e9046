//! Flags of the parameters of methods, made from a registry.
//!
//! Every parameter of a method is a flag, `--perplexity` for example, which goes to each chosen
//! method that has it. Prefixed by the method, as in `--tsne-learning-rate`, it goes to that method
//! alone; where a command has a flag of the same name for another purpose, the prefixed one is the
//! only one.

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use layerlens::parameters::Parameter;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::marker::PhantomData;

/// The parameter that `--seed` sets.
const SEED: &str = "random_state";

/// A method as its flags see it.
pub struct Owner {
    pub name: &'static str,
    pub title: &'static str,
    pub parameters: &'static [Parameter],
    pub defaults: toml::Table,
}

/// Methods whose parameters are flags.
pub trait Registry: Clone + Debug {
    /// Heading of the flags in the help.
    const HEADING: &'static str;

    /// Its flags, made once: clap wants the names to live as long as the program.
    fn flags() -> &'static [Flag];
}

/// One flag.
pub struct Flag {
    /// With underscores.
    id: String,
    /// With dashes.
    long: String,
    help: String,
    hidden: bool,
}

impl Flag {
    fn new(id: String, help: String, hidden: bool) -> Self {
        Self { long: id.replace('_', "-"), id, help, hidden }
    }
}

/// The id of the flag of one method alone.
fn prefixed(method: &str, parameter: &str) -> String {
    format!("{}_{parameter}", method.replace('-', "_"))
}

/// A default as the help shows it.
fn shown(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        // A 32-bit float as it was written: 0.8 and not 0.800000011920929.
        toml::Value::Float(value) if f64::from(*value as f32) == *value => {
            (*value as f32).to_string()
        }
        toml::Value::Float(value) => value.to_string(),
        other => other.to_string(),
    }
}

/// The flags of some methods, without plain ones for names that are taken.
pub fn make_flags(owners: &[Owner], is_taken: impl Fn(&str) -> bool) -> Vec<Flag> {
    let mut flags: Vec<Flag> = Vec::new();
    for owner in owners {
        for parameter in owner.parameters.iter().filter(|parameter| parameter.name != SEED) {
            let default = owner.defaults.get(parameter.name).map_or(String::new(), shown);
            let help = format!("{}: {} [default: {default}]", owner.title, parameter.description());
            let is_taken = is_taken(parameter.name);
            if !is_taken {
                match flags.iter_mut().find(|flag| flag.id == parameter.name) {
                    Some(shared) => shared.help = format!("{}; {help}", shared.help),
                    None => flags.push(Flag::new(parameter.name.to_owned(), help.clone(), false)),
                }
            }
            flags.push(Flag::new(prefixed(owner.name, parameter.name), help, !is_taken));
        }
    }
    flags
}

/// Values of the flags that were given, by flag name with underscores.
#[derive(Clone, Debug)]
pub struct ParameterFlags<R> {
    values: BTreeMap<String, String>,
    registry: PhantomData<R>,
}

impl<R> ParameterFlags<R> {
    /// The parameters that were set for a method, its seed with them if it takes one; `used` takes
    /// the names of their flags.
    pub fn of(
        &self,
        method: &str,
        parameters: &[Parameter],
        seed: u64,
        used: &mut Vec<String>,
    ) -> toml::Table {
        let mut set = toml::Table::new();
        for parameter in parameters {
            if parameter.name == SEED {
                set.insert(SEED.into(), toml::Value::Integer(seed as i64));
            }
            for flag in [parameter.name.to_owned(), prefixed(method, parameter.name)] {
                if let Some(text) = self.values.get(&flag) {
                    set.insert(parameter.name.into(), parsed(text));
                    used.push(flag);
                }
            }
        }
        set
    }

    /// A flag that no chosen method has used, and its value.
    pub fn unused(&self, used: &[String]) -> Option<(&str, &str)> {
        let mut given = self.values.iter();
        given
            .find(|(flag, _)| !used.contains(flag))
            .map(|(flag, value)| (flag.as_str(), value.as_str()))
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

impl<R: Registry> Args for ParameterFlags<R> {
    fn augment_args(command: Command) -> Command {
        R::flags().iter().fold(command, |command, flag| {
            let arg = Arg::new(flag.id.as_str())
                .long(flag.long.as_str())
                .value_name("VALUE")
                .help(flag.help.as_str());
            command.arg(arg.allow_negative_numbers(true).help_heading(R::HEADING).hide(flag.hidden))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<R: Registry> FromArgMatches for ParameterFlags<R> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given =
            |flag: &Flag| Some((flag.id.clone(), matches.get_one::<String>(&flag.id)?.clone()));
        let values = R::flags().iter().filter_map(given).collect();
        Ok(Self { values, registry: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

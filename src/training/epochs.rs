//! The epochs of a training whose weights are kept, and their files.
//!
//! Weights and not activations: those of any points follow from them in one pass through the
//! network, and they take less room (21 epochs of the mlp of the first study 18 MB, the activations
//! of 10,000 points in its hidden layers 270 MB).

use crate::error::{Error, Result};
use crate::files::create_folder;
use crate::model::{Architecture, Weights, read_weights, write_weights};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::{Display, Formatter};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Epochs of a training, 0 for the initial weights; as a text `all`, `every N` or a list such as
/// `0,1,2,5`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum EpochChoice {
    /// From 0 to the last.
    All,
    /// 0, N, 2 N, ... and the last; N is at least 1.
    Every(usize),
    /// These, as far as the training comes.
    List(BTreeSet<usize>),
}

impl EpochChoice {
    /// `true` if `epoch` is one of them, wherever the training ends.
    fn names(&self, epoch: usize) -> bool {
        match self {
            Self::All => true,
            Self::Every(n) => epoch.is_multiple_of((*n).max(1)),
            Self::List(epochs) => epochs.contains(&epoch),
        }
    }

    /// `true` if `epoch` is one of them if the training ended after `last` epochs.
    fn is_of(&self, epoch: usize, last: usize) -> bool {
        self.names(epoch) || (epoch == last && !matches!(self, Self::List(_)))
    }

    /// The epochs of a training that ended after `last`, ascending.
    pub fn of(&self, last: usize) -> Vec<usize> {
        (0..=last).filter(|&epoch| self.is_of(epoch, last)).collect()
    }

    /// The epochs that are listed, but come after `last`.
    pub fn beyond(&self, last: usize) -> Vec<usize> {
        match self {
            Self::List(epochs) => epochs.range(last + 1..).copied().collect(),
            Self::All | Self::Every(_) => Vec::new(),
        }
    }

    /// Refuses epochs that a training of at most `epochs` cannot reach.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn check(&self, epochs: usize) -> Result<()> {
        self.beyond(epochs).first().map_or(Ok(()), |beyond| {
            Err(Error::parameter(
                FIELD,
                beyond,
                format!(
                    "epochs from 0, the initial weights, to the last of `Training::epochs`, \
                    {epochs}"
                ),
            ))
        })
    }
}

const FIELD: &str = "epochs_to_embed";

impl FromStr for EpochChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::parameter(
                FIELD,
                text,
                "`all`, `every N` with N of at least 1, or a list of epochs such as 0,1,2,5",
            )
        };
        if text == "all" {
            return Ok(Self::All);
        }
        if let Some(number) = text.strip_prefix("every") {
            let number = number.trim_start_matches([' ', ':', '=']).parse().ok();
            return number.filter(|&n| n > 0).map(Self::Every).ok_or_else(wrong);
        }
        let epochs: std::result::Result<_, _> =
            text.split(',').map(|word| word.trim().parse()).collect();
        epochs.map(Self::List).map_err(|_| wrong())
    }
}

impl TryFrom<String> for EpochChoice {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<EpochChoice> for String {
    fn from(choice: EpochChoice) -> Self {
        choice.to_string()
    }
}

impl Display for EpochChoice {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => out.write_str("all"),
            Self::Every(n) => write!(out, "every {n}"),
            Self::List(epochs) => {
                let words: Vec<String> = epochs.iter().map(ToString::to_string).collect();
                out.write_str(&words.join(","))
            }
        }
    }
}

/// Where the weights after some epochs of a training go.
#[derive(Clone, Copy, Debug)]
pub struct EpochWeights<'a> {
    /// The folder; it is made when the first are written.
    pub folder: &'a Path,
    /// The epochs that are kept.
    pub epochs: &'a EpochChoice,
}

impl EpochWeights<'_> {
    /// Name of an epoch's file.
    pub fn file(epoch: usize) -> String {
        format!("epoch_{epoch:03}.safetensors")
    }

    fn path(&self, epoch: usize) -> PathBuf {
        self.folder.join(Self::file(epoch))
    }

    /// The weights after an epoch.
    ///
    /// # Errors
    /// As [`read_weights`].
    pub fn read(&self, epoch: usize) -> Result<Weights> {
        read_weights(&self.path(epoch)).map(|(_, weights)| weights)
    }

    /// `true` if all up to `epoch` that a training which goes on after it needs are there, and as
    /// they were written.
    pub fn are_there(&self, epoch: usize) -> bool {
        (0..epoch).filter(|&epoch| self.epochs.names(epoch)).all(|epoch| self.read(epoch).is_ok())
    }

    /// Writes the weights after `epoch`, of a training that is over or not, if they are to be kept.
    pub(super) fn keep(
        &self,
        architecture: &Architecture,
        epoch: usize,
        is_over: bool,
        weights: impl FnOnce() -> Result<Weights>,
    ) -> Result<()> {
        if !self.epochs.is_of(epoch, if is_over { epoch } else { usize::MAX }) {
            return Ok(());
        }
        create_folder(self.folder)?;
        write_weights(&self.path(epoch), architecture, &weights()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_and_written_alike() {
        for (text, written) in [
            ("all", "all"),
            ("every 5", "every 5"),
            ("every:5", "every 5"),
            ("every5", "every 5"),
            ("5,0, 2,5", "0,2,5"),
        ] {
            let choice: EpochChoice = text.parse().unwrap();
            assert_eq!(choice.to_string(), written);
            assert_eq!(written.parse::<EpochChoice>().unwrap(), choice);
        }
        for text in ["", "some", "every", "every 0", "every -1", "1,,2", "1,-2", "0..5", "All"] {
            let message = text.parse::<EpochChoice>().unwrap_err().to_string();
            assert!(message.contains("epochs_to_embed"), "{message}");
        }
    }

    #[test]
    fn the_last_epoch_belongs_to_all_and_every_n_wherever_it_is() {
        let of = |text: &str, last| text.parse::<EpochChoice>().unwrap().of(last);
        assert_eq!(of("all", 3), [0, 1, 2, 3]);
        assert_eq!(of("every 5", 12), [0, 5, 10, 12]);
        assert_eq!(of("every 5", 10), [0, 5, 10]);
        assert_eq!(of("every 50", 3), [0, 3]);
        assert_eq!(of("1,4,9", 5), [1, 4]);
        let list: EpochChoice = "1,4,9".parse().unwrap();
        assert_eq!(list.beyond(5), [9]);
        assert!(list.check(9).is_ok() && list.check(8).is_err());
    }
}

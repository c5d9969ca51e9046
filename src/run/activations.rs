//! The command `activations`: the layers of a network of another program as a folder of matrices,
//! which a run embeds later or any program reads.

use super::given_network::PreparedNetwork;
use super::job::{GivenNetwork, Summary, close};
use super::session;
use super::steps::given_network::activations_of_given_network;
use crate::compute::{Description, Device};
use crate::dataset::Request;
use crate::error::Result;
use crate::progress::Reporter;
use crate::record::Destination;

/// The command `activations`.
#[derive(Clone, Debug)]
pub struct Activations {
    /// The data.
    pub data: Request,
    /// The network.
    pub network: GivenNetwork,
    /// Images of another kind, as [`Run::strangers`](super::Run::strangers).
    pub strangers: Option<String>,
    /// Seed of a sample.
    pub seed: u64,
    /// Where the results go.
    pub to: Destination,
}

/// Tests the network and writes the activations of its layers, with labels and images.
///
/// # Errors
/// [`Error::Input`](crate::Error::Input) for missing or malformed data and networks,
/// [`Error::Parameter`](crate::Error::Parameter), [`Error::Exists`](crate::Error::Exists),
/// [`Error::Write`](crate::Error::Write), [`Error::Interrupted`](crate::Error::Interrupted).
pub fn activations(
    job: &Activations,
    device: &Device,
    description: &Description,
    reporter: &dyn Reporter,
) -> Result<Summary> {
    let Activations { data, network, strangers, seed, to } = job;
    let strangers = strangers.as_deref();
    let prepared = PreparedNetwork::open(data, network, *seed)?
        .with_strangers(strangers, data, network, *seed)?;
    let opening = prepared.opening(data, network, *seed, description)?;
    let mut record = prepared.record(to, opening, reporter)?;
    if record.is_complete() {
        return close(record, Ok(()), reporter);
    }
    let outcome = session::compute(&mut record, device, description, reporter, |session| {
        activations_of_given_network(session, &prepared)
    });
    close(record, outcome, reporter)
}

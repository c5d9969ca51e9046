//! What the measures say, in sentences that are made from the numbers.

use super::measure::measure;
use super::{Calibration, LayerProfile, Outcome, Profile, Similarities};
use crate::evaluation::space_title;

/// Intrinsic dimension above which the estimates are too low.
const RELIABLE: f64 = 20.0;
/// Change of the accuracy that counts.
const GAIN: f64 = 0.005;
/// Temperature above which a network counts as too sure.
const SURE: f64 = 1.1;
/// Correlation with a line above which a fall counts as even.
const EVEN: f64 = 0.9;

/// The layers that have a value of a measure, in order.
fn values<'a>(layers: &'a [LayerProfile], key: &str) -> Vec<(&'a str, f64)> {
    let of = measure(key).of;
    layers.iter().filter_map(|layer| Some((layer.space.as_str(), of(layer).ok()?))).collect()
}

/// Sentences about the `layers` of a profile, in order: where accuracy is gained, where the
/// dimension peaks, how the classes separate, which layer differs most from the one before it, and
/// from where on the points are decided.
pub fn findings(layers: &[LayerProfile], profile: &Profile) -> Vec<String> {
    [
        accuracy(layers, profile),
        dimension(layers),
        separation(layers),
        similarity(layers, profile),
        depth(profile),
        profile.calibration.known().map(|found| calibration("The network", found)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn accuracy(layers: &[LayerProfile], profile: &Profile) -> Option<String> {
    let found = values(layers, "probe_accuracy");
    let (first, last) = (found.first()?, found.last()?);
    if found.len() < 2 {
        return None;
    }
    let steps = found.windows(2).map(|pair| (pair[1].0, pair[1].1 - pair[0].1));
    let (most, gain) = steps.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?;
    let mut text = format!(
        "A linear probe finds the class of {:.1} % of the points in {} and of {:.1} % in {}",
        100.0 * first.1,
        space_title(first.0),
        100.0 * last.1,
        space_title(last.0)
    );
    text += &if gain.abs() >= GAIN {
        let (way, points) = (if gain > 0.0 { "rise" } else { "fall" }, 100.0 * gain.abs());
        format!("; the largest step is a {way} of {points:.1} points, in {}", space_title(most))
    } else {
        "; no layer changes it by more than half a point".into()
    };
    if let Some(network) = profile.network_accuracy {
        text += &format!("; the network itself reaches {:.1} %", 100.0 * network);
    }
    Some(text + ".")
}

fn dimension(layers: &[LayerProfile]) -> Option<String> {
    let key = "two_nn_dimension";
    let found = values(layers, key);
    let (peak, most) = found.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))?;
    if found.len() < 2 {
        return None;
    }
    let listed: Vec<String> = found.iter().map(|(_, value)| format!("{value:.1}")).collect();
    let caveat = if most > RELIABLE { ". Above about 20 such estimates are too low" } else { "" };
    Some(format!(
        "The intrinsic dimension (TwoNN) is largest in {}, {most:.1}; layer by layer {}{caveat}.",
        space_title(peak),
        listed.join(", ")
    ))
}

fn separation(layers: &[LayerProfile]) -> Option<String> {
    let found = values(layers, "separation_fuzziness");
    let (first, last) = (found.first()?, found.last()?);
    if found.len() < 2 || found.iter().any(|(_, value)| *value <= 0.0) {
        return None;
    }
    let mut text = format!(
        "Separation fuzziness goes from {:.3} in {} to {:.3} in {}",
        first.1,
        space_title(first.0),
        last.1,
        space_title(last.0)
    );
    if found.len() > 2 {
        let logs: Vec<f64> = found.iter().map(|(_, value)| value.ln()).collect();
        let r = correlation(&logs);
        let rises = logs.windows(2).any(|pair| pair[1] > pair[0]);
        text += &format!(
            "; its logarithm {}, r = {r:.2} with the layer's number",
            match r {
                _ if last.1 >= first.1 => "does not fall",
                _ if rises => "does not fall in every layer",
                r if r < -EVEN => "falls evenly",
                _ => "falls unevenly",
            }
        );
    }
    Some(text + ".")
}

/// Pearson correlation with 0, 1, 2, ...; 0 of constant values.
fn correlation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let (mean, middle) = (values.iter().sum::<f64>() / n, (n - 1.0) / 2.0);
    let of = |at: usize| at as f64 - middle;
    let crossed: f64 = values.iter().enumerate().map(|(at, v)| of(at) * (v - mean)).sum();
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    let places: f64 = (0..values.len()).map(|at| of(at).powi(2)).sum();
    if squares > 0.0 { crossed / (squares * places).sqrt() } else { 0.0 }
}

fn similarity(layers: &[LayerProfile], profile: &Profile) -> Option<String> {
    let similarities = profile.similarities.known()?;
    let steps = layers.windows(2).filter_map(|pair| {
        let found = similarities.between(&pair[0].space, &pair[1].space)?;
        Some((pair[0].space.as_str(), pair[1].space.as_str(), found.cka?))
    });
    let (from, to, least) = steps.min_by(|a, b| a.2.total_cmp(&b.2))?;
    Some(format!(
        "The representation changes most from {} to {}: CKA {least:.2}.",
        space_title(from),
        space_title(to)
    ))
}

fn depth(profile: &Profile) -> Option<String> {
    let Outcome::Known(depth) = &profile.prediction_depth else { return None };
    let n: usize = depth.counts.iter().sum();
    // Of equally frequent layers the first.
    let layers = depth.spaces.iter().zip(&depth.counts).rev();
    let (space, &decided) = layers.max_by_key(|(_, count)| **count)?;
    let share = |count: usize| 100.0 * count as f64 / n.max(1) as f64;
    let never = *depth.counts.last()?;
    Some(format!(
        "{:.0} % of the points are decided in {}: from there on their neighbours say what the network answers; {:.0} % never are.",
        share(decided),
        space_title(space),
        share(never)
    ))
}

fn calibration(network: &str, calibration: &Calibration) -> String {
    if calibration.lacks_temperature() {
        return format!(
            "{network} makes too few errors to tell whether it is too sure: expected calibration \
             error {:.3}.",
            calibration.ece
        );
    }
    let word = match calibration.temperature {
        t if t > SURE => "too sure",
        t if t < 1.0 / SURE => "not sure enough",
        _ => "about as sure as it is right",
    };
    format!(
        "{network} is {word}: expected calibration error {:.3}, {:.3} with temperature {:.2}.",
        calibration.ece, calibration.ece_scaled, calibration.temperature
    )
}

/// Sentences about several networks whose layers were measured together: which of the `last` hidden
/// layers a linear probe reads best, how similar they are, and how sure each network is.
pub fn model_findings(
    layers: &[LayerProfile],
    similarities: Option<&Similarities>,
    last: &[String],
    calibrations: &[(String, Outcome<Calibration>)],
) -> Vec<String> {
    let of_calibration = |(name, found): &(String, Outcome<Calibration>)| {
        found.known().map(|found| calibration(name, found))
    };
    let calibrated = calibrations.iter().filter_map(of_calibration);
    let compared = similarities.and_then(|similarities| similar(similarities, last));
    probed(layers, last).into_iter().chain(compared).chain(calibrated).collect()
}

fn probed(layers: &[LayerProfile], last: &[String]) -> Option<String> {
    let mut found = values(layers, "probe_accuracy");
    found.retain(|(space, _)| last.iter().any(|last| last == space));
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    let words: Vec<String> = found
        .iter()
        .map(|(space, value)| format!("{:.1} % in {}", 100.0 * value, space_title(space)))
        .collect();
    (!words.is_empty()).then(|| {
        format!(
            "Of the last hidden layers a linear probe reads the class best: {}.",
            words.join(", ")
        )
    })
}

fn similar(similarities: &Similarities, last: &[String]) -> Option<String> {
    let pairs = (0..last.len()).flat_map(|i| (i + 1..last.len()).map(move |j| (i, j)));
    let words: Vec<String> = pairs
        .filter_map(|(i, j)| {
            let cka = similarities.between(&last[i], &last[j])?.cka?;
            Some(format!("{cka:.2} of {} and {}", space_title(&last[i]), space_title(&last[j])))
        })
        .collect();
    (!words.is_empty()).then(|| format!("Similarity of these layers (CKA): {}.", words.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::probabilities::Probabilities;
    use super::*;
    use crate::matrix::Matrix;

    /// What is said of a network that gives its answer the probability `sure` and is wrong on each
    /// of the last `n_wrong` of 200 points.
    fn said(sure: f32, n_wrong: usize) -> String {
        let rows = Matrix::new([sure, 1.0 - sure].repeat(200), 200, 2).unwrap();
        let labels: Vec<u16> = (0..200).map(|row| u16::from(row >= 200 - n_wrong)).collect();
        let found = Calibration::of(&Probabilities::of_network(&rows), &labels).unwrap();
        calibration("The network", &found)
    }

    #[test]
    fn a_network_without_errors_is_not_called_unsure() {
        assert!(said(0.9, 0).contains("makes too few errors to tell"), "{}", said(0.9, 0));
        assert!(said(0.99, 60).contains("too sure:"), "{}", said(0.99, 60));
        assert!(said(0.6, 10).contains("not sure enough"), "{}", said(0.6, 10));
        assert!(said(0.7, 60).contains("about as sure"), "{}", said(0.7, 60));
    }
}

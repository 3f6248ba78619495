//! What a quick run cuts, and a run with fewer training steps.

use super::variants::plain;
use crate::evaluate::{DataSource, Protocol};
use crate::locate::{ConventionalTraining, DeepAutoencoders, IlclSettings};

/// Images at each point and day in quick runs: as few as tasks ask for.
pub(super) const IMAGES: usize = 6;
/// A quick run takes this share of the iterations, and at least so many.
const ITERATIONS: (f64, i64) = (1.0 / 400.0, 12);
/// Most points surveyed in a quick run.
const POINTS: usize = 18;
/// Most draws of recordings: methods that learn in the new environment learn anew for each.
const DRAWS: usize = 4;
/// Most windows located at a point where a protocol bounds them.
const WINDOWS: usize = 2;
/// In a quick run, every so-manieth point of a simulated place is measured: for all methods the same fewer points.
pub(super) const EVERY: usize = 5;

/// Steps of conventional training in a quick run.
const STEPS: usize = 100;
/// Epochs of DeepFi's and ILCL's networks in a quick run.
const EPOCHS: usize = 3;

/// What a quick run cuts beside what its protocol says.
pub(super) const OF_SIMULATED: &str = "; coarse: every fifth point";

/// Coarse: one seed, the first split, fewer draws, points and iterations.
pub(super) fn protocol(protocol: &mut Protocol) {
    protocol.seeds.truncate(1);
    protocol.splits.truncate(1);
    protocol.support.points.truncate(1);
    for points in &mut protocol.support.points {
        *points = (*points).min(POINTS);
    }
    if let DataSource::Csi(data) = &mut protocol.data {
        data.draws = data.draws.min(DRAWS);
        data.test_windows = data.test_windows.map(|n| n.min(WINDOWS));
    }
    fewer_iterations(protocol, ITERATIONS.0, ITERATIONS.1);
    for method in &mut protocol.methods {
        if ["confi", "cifi"].contains(&plain(&method.name)) {
            let training = method.training.unwrap_or_default();
            method.training = Some(ConventionalTraining { steps: STEPS, ..training });
        }
        if plain(&method.name) == "deepfi" {
            let settings = method.deepfi.clone().unwrap_or_default();
            let (epochs, pretraining_epochs) = (EPOCHS, EPOCHS);
            method.deepfi = Some(DeepAutoencoders { epochs, pretraining_epochs, ..settings });
        }
        if method.name == "ilcl" {
            let own = method.ilcl.unwrap_or_default();
            method.ilcl = Some(IlclSettings { epochs: EPOCHS, ..own });
        }
    }
    // Tasks of the few images that there are.
    if let Some(csi) = protocol.learning.get_mut("csi").and_then(toml::Value::as_table_mut) {
        csi.insert("query_per_point".into(), 3.into());
    }
}

/// Takes a share of the training steps, and at least so many; variants have their own numbers of steps.
pub(super) fn fewer_iterations(protocol: &mut Protocol, share: f64, at_least: i64) {
    let of_methods = protocol.methods.iter_mut().filter(|m| m.name == plain(&m.name));
    let of_methods = of_methods.map(|method| &mut method.learning);
    for learning in std::iter::once(&mut protocol.learning).chain(of_methods) {
        let training = learning.get_mut("training").and_then(toml::Value::as_table_mut);
        let Some(iterations) = training.and_then(|t| t.get_mut("iterations")) else { continue };
        if let Some(n) = iterations.as_integer().filter(|n| *n > at_least) {
            *iterations = ((n as f64 * share) as i64).max(at_least).into();
        }
    }
    for method in protocol.methods.iter_mut().filter(|m| m.name == "confi") {
        let training = method.training.unwrap_or_default();
        let steps = ((training.steps as f64 * share) as usize).max(1);
        method.training = Some(ConventionalTraining { steps, ..training });
    }
}

#[cfg(test)]
mod tests {
    use super::super::variants::{as_it_is, variant};
    use super::*;
    use crate::reproduce::Dataset;

    #[test]
    fn variants_keep_their_own_numbers_of_steps() {
        let mut protocol = Dataset::Lab.protocol().unwrap();
        protocol.methods.push(variant(("maml-dg", "maml"), ("training", "iterations"), 20));
        protocol.methods.push(as_it_is("confi:other"));
        fewer_iterations(&mut protocol, 0.1, 1);
        let iterations = |name: &str| {
            let method = protocol.methods.iter().find(|m| m.name == name).unwrap();
            protocol.learning_of(method).unwrap().training.iterations
        };
        assert_eq!(["maml", "maml-dg", "maml-ts"].map(iterations), [750, 250, 500]);
        assert_eq!(iterations("maml-dg:20"), 20);
        let confi = protocol.methods.iter().find(|m| m.name == "confi").unwrap();
        assert_eq!(confi.training.unwrap().steps, 750);
    }
}

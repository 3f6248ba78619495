//! How far new toy environments are from historical ones: the maximum mean discrepancy (Eq. (16)) of
//! fingerprints, as the paper's Fig. 10 tells it.
//!
//! A test layout's adaptation samples, which are all that Algorithm 2 has of a new environment, are compared
//! with fingerprints of tasks of each historical environment; all standardised alike, with one bandwidth.

use std::sync::Arc;

use metaloc_meta::TaskSource;
use metaloc_meta::seed::{Purpose, stream};
use metaloc_radio::similarity::discrepancy::{
    FeatureRows, GaussianKernel, MEDIAN_ROWS, MmdEstimator, discrepancy, median_bandwidth,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::toy::{ToyTasks, fitted_encoder, toy_cases, toy_tasks};
use super::{MethodConfig, Protocol, Split, ToyData};
use crate::error::Error;
use crate::learning::{BoundEncoder, EncodedTasks, Orientation, encode_support};

/// Fingerprints of each historical environment that are compared; the same number for all, since the
/// biased estimate depends on it. Whole rounds of 2, 3, 4 or 6 kinds of tasks with 30 queries.
const ROWS: usize = 360;

/// The discrepancies of a new environment's test layouts from a historical environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToyDiscrepancy {
    pub(crate) seed: u64,
    pub(crate) new: String,
    pub(crate) historical: String,
    /// MMD of each layout (no unit).
    pub(crate) mmd: Vec<f64>,
}

/// Fingerprints in a row, with how many numbers one has.
type Rows = (Vec<f32>, usize);

/// The discrepancies of a split's new environments from its historical ones, with as many reference points as
/// the protocol has first.
///
/// # Errors
/// An unknown environment, or illegal settings.
pub(crate) fn toy_discrepancies(
    protocol: &Protocol,
    (data, split): (&ToyData, &Split),
    seed: u64,
) -> Result<Vec<ToyDiscrepancy>, Error> {
    data.check()?;
    let points = protocol.support.points[0];
    let config = protocol.learning_of(&MethodConfig::default())?;
    let access_points = Arc::new(data.access_points());
    let tasks = toy_tasks(data, &split.historical, points)?;
    let encoder = fitted_encoder(&tasks, &config, seed, &access_points)?.bind(&access_points);
    let historical: Vec<Rows> = split
        .historical
        .iter()
        .map(|name| historical_rows(&tasks, name, &encoder, seed))
        .collect::<Result<_, _>>()?;
    let mut new: Vec<Vec<Rows>> = Vec::new();
    for name in &split.new {
        let cases = toy_cases(data, name, points, seed, &access_points)?;
        let rows = cases.iter().map(|labelled| {
            let as_it_is = (Orientation::IDENTITY, &[][..]);
            let batch = encode_support(&labelled.case.supports[0], &encoder, as_it_is)?.batch;
            Ok((batch.inputs, batch.n_inputs))
        });
        new.push(rows.collect::<Result<_, Error>>()?);
    }
    let all = historical.iter().chain(new.iter().flatten());
    let all: Vec<FeatureRows<'_>> = all.map(features).collect::<Result<_, Error>>()?;
    let kernel = GaussianKernel::new(median_bandwidth(&all, MEDIAN_ROWS)?)?;
    let mut found = Vec::new();
    for (new, layouts) in split.new.iter().zip(&new) {
        for (historical, theirs) in split.historical.iter().zip(&historical) {
            let theirs = features(theirs)?;
            let mmd = layouts.par_iter().map(|own| {
                let apart = discrepancy(&features(own)?, &theirs, &kernel, MmdEstimator::Biased)?;
                Ok(apart.value())
            });
            let mmd = mmd.collect::<Result<_, Error>>()?;
            let (new, historical) = (new.clone(), historical.clone());
            found.push(ToyDiscrepancy { seed, new, historical, mmd });
        }
    }
    Ok(found)
}

fn features((values, n_columns): &Rows) -> Result<FeatureRows<'_>, Error> {
    Ok(FeatureRows::new(values, *n_columns)?)
}

/// [`ROWS`] fingerprints of an environment, its kinds of tasks in turn.
fn historical_rows(
    tasks: &[ToyTasks<'_>],
    name: &str,
    encoder: &BoundEncoder,
    seed: u64,
) -> Result<Rows, Error> {
    let (mut rows, mut n_columns) = (Vec::new(), 1);
    let own = tasks.iter().enumerate().filter(|(_, tasks)| tasks.name == name).cycle();
    for (draw, (place, origin)) in own.enumerate() {
        let source = EncodedTasks { origin, encoder };
        let mut rng = stream(seed, Purpose::Selection, place as u64, draw as u64);
        let task = source.draw(&mut rng)?;
        n_columns = task.query.n_inputs;
        rows.extend_from_slice(&task.query.inputs);
        if rows.len() >= ROWS * n_columns || task.query.is_empty() {
            break;
        }
    }
    rows.truncate(ROWS * n_columns);
    Ok((rows, n_columns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::DataSource;

    /// A new environment that is a historical one again is nearest to that, and every layout is compared.
    #[test]
    fn the_same_propagation_is_nearest() {
        let text = "schema = 1\nname = \"\"\ntitle = \"\"\nseeds = [1]\n\
            splits = [{ name = \"s\", historical = [\"weak\", \"strong\"], new = [\"again\"] }]\n\
            support = { points = [10], samples_per_point = 1 }\nmethods = [{ name = \"maml\" }]\n\
            [data]\nkind = \"toy\"\nadaptation_samples = 60\nquery_samples = 30\n\
            layout = { width_m = 10.0, depth_m = 10.0, access_points = 8 }\n\
            test_layouts = 6\ntest_samples = 1\n[data.channels]\n\
            weak = { tx_power_dbm = 10.0, path_loss_exponent = 2.0, shadowing_std_db = 1.0 }\n\
            strong = { tx_power_dbm = 10.0, path_loss_exponent = 3.0, shadowing_std_db = 12.0 }\n\
            again = { tx_power_dbm = 10.0, path_loss_exponent = 3.0, shadowing_std_db = 12.0 }\n";
        let protocol: Protocol = toml::from_str(text).unwrap();
        let DataSource::Toy(data) = &protocol.data else { panic!("a toy") };
        let run = || toy_discrepancies(&protocol, (data, &protocol.splits[0]), 3).unwrap();
        let found = run();
        let [weak, strong] = &found[..] else { panic!("{found:?}") };
        assert_eq!((weak.historical.as_str(), strong.historical.as_str()), ("weak", "strong"));
        assert_eq!((weak.mmd.len(), strong.mmd.len()), (6, 6));
        assert!(weak.mmd.iter().zip(&strong.mmd).all(|(weak, strong)| weak > strong), "{found:?}");
        assert_eq!(found, run());
    }
}

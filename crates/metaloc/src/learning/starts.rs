//! MAML-TS: a start for each environment, and the choice among them by task similarity.
//!
//! The paper's Algorithm 2: each historical environment meta-trains parameters of its own, on its own
//! data alone; a new environment takes those of the environment whose tasks are most like its own by
//! the maximum mean discrepancy (MMD), and adapts them.
//!
//! An environment's samples stay with it. What crosses is a summary that fixes one bandwidth for all,
//! and a mean embedding by random features; the model keeps the embeddings, and a new environment's
//! unlabelled support set is embedded where it was taken.

use metaloc_meta::adapt::{AdaptationConfig, adapt_with};
use metaloc_meta::seed::{Purpose, stream};
use metaloc_meta::site::Environment;
use metaloc_meta::{Batch, Labels, Learner, MetaError, NetworkLearner, StepSizes};
use metaloc_radio::similarity::discrepancy::{
    BandwidthSummary, FeatureRows, MEDIAN_ROWS, MeanEmbedding, N_FEATURES, common_bandwidth,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Rows of each environment's tasks that are compared; the same number for all, since the biased
/// discrepancy depends on it.
const ROWS: usize = 256;
/// Most tasks that are drawn for them.
const MOST_TASKS: u64 = 64;

/// Parameters meta-trained on one environment's data.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// The environment.
    pub environment: String,
    /// `theta*_i`, flat.
    pub parameters: Vec<f32>,
    /// What its tasks' inputs look like.
    pub embedding: MeanEmbedding,
}

impl Start {
    /// Whether it learned from an environment, by itself or in a cluster.
    pub(super) fn is_of(&self, environment: &str) -> bool {
        self.environment == environment || self.environment.split('+').any(|of| of == environment)
    }
}

/// How a start is chosen for a new environment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartChoice {
    /// The nearest by the maximum mean discrepancy of inputs: Algorithm 2.
    #[default]
    Mmd,
    /// The one that, adapted to a part of the support set, has the least loss on the rest. Our own: it
    /// looks at the labels too, and asks what is wanted instead of what resembles it.
    HeldOutLoss,
    /// No choice: every start is adapted, and their answers are averaged. Our own: costs as many times
    /// the time as there are starts.
    All,
}

/// How far a new environment is from a historical one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartDistance {
    /// The historical environment.
    pub environment: String,
    /// The maximum mean discrepancy, `sqrt(max(MMD^2, 0))`.
    pub mmd: f64,
    /// Mean loss on the held-out parts of the support set, each after adapting to the rest; none if
    /// that was not asked for, or the support set can't be divided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out_loss: Option<f32>,
}

/// The mean embeddings of environments' task inputs, with one bandwidth.
///
/// # Errors
/// If an environment gives too few inputs, or all are equal.
pub(super) fn embeddings(
    environments: &[Vec<Environment<'_>>],
    seed: u64,
) -> Result<Vec<MeanEmbedding>, Error> {
    let mut summaries = Vec::with_capacity(environments.len());
    let mut all_rows = Vec::with_capacity(environments.len());
    for sites in environments {
        let (rows, n_columns) = inputs(sites, seed)?;
        let features = FeatureRows::new(&rows, n_columns)?;
        summaries.push(BandwidthSummary::new(&features, MEDIAN_ROWS)?);
        all_rows.push((rows, n_columns));
    }
    let bandwidth = common_bandwidth(&summaries)?;
    let embedding = |(rows, n_columns): &(Vec<f32>, usize)| {
        let features = FeatureRows::new(rows, *n_columns)?;
        Ok(MeanEmbedding::new(&features, bandwidth, N_FEATURES, seed)?)
    };
    all_rows.iter().map(embedding).collect()
}

/// Inputs of an environment's tasks: `[ROWS, n_columns]`, and the number of columns.
fn inputs(sites: &[Environment<'_>], seed: u64) -> Result<(Vec<f32>, usize), Error> {
    let (mut rows, mut n_columns) = (Vec::new(), 0);
    for draw in 0..MOST_TASKS {
        for (place, (_, tasks)) in sites.iter().enumerate() {
            let task = tasks.draw(&mut stream(seed, Purpose::Selection, place as u64, draw))?;
            n_columns = task.query.n_inputs;
            rows.extend_from_slice(&task.query.inputs);
        }
        if rows.len() >= ROWS * n_columns {
            break;
        }
    }
    rows.truncate(ROWS * n_columns);
    Ok((rows, n_columns))
}

/// The distance of a support set from each start, in the order of the starts.
///
/// # Errors
/// If the support set has too few samples to be compared.
pub(super) fn distances(starts: &[Start], support: &Batch) -> Result<Vec<StartDistance>, Error> {
    let rows = FeatureRows::new(&support.inputs, support.n_inputs)?;
    let mut own: Option<MeanEmbedding> = None;
    let mut found = Vec::with_capacity(starts.len());
    for Start { environment, embedding, .. } in starts {
        let own = match &own {
            Some(own) => own,
            None => own.insert(MeanEmbedding::new(
                &rows,
                embedding.bandwidth,
                embedding.n_features,
                embedding.seed,
            )?),
        };
        let mmd = own.biased(embedding)?.value();
        let environment = environment.clone();
        found.push(StartDistance { environment, mmd, held_out_loss: None });
    }
    Ok(found)
}

/// Parts of a support set that are held out in turn: a point each where coordinates are answered, one
/// sample of every point where points are, since a point without samples can't be answered.
pub(super) fn parts(support: &Batch) -> Vec<Vec<usize>> {
    let mut parts: Vec<Vec<usize>> = Vec::new();
    match &support.labels {
        Labels::Values { values, n_outputs } => {
            let labels: Vec<&[f32]> = values.chunks_exact((*n_outputs).max(1)).collect();
            for at in 0..labels.len() {
                match parts.iter_mut().find(|part| labels[part[0]] == labels[at]) {
                    Some(part) => part.push(at),
                    None => parts.push(vec![at]),
                }
            }
        }
        Labels::Classes(classes) => {
            for (at, class) in classes.iter().enumerate() {
                let nth = classes[..at].iter().filter(|other| *other == class).count();
                parts.resize_with(parts.len().max(nth + 1), Vec::new);
                parts[nth].push(at);
            }
        }
    }
    parts
}

/// Mean loss on the parts of a support set, each after adapting `start` to the rest; none if there is
/// only one part.
pub(super) fn held_out_loss(
    learner: &NetworkLearner,
    start: &[f32],
    support: &Batch,
    adaptation: AdaptationConfig,
) -> Result<Option<f32>, Error> {
    let parts = parts(support);
    if parts.len() < 2 {
        return Ok(None);
    }
    let sizes = StepSizes::uniform(adaptation.check()?.step_size);
    let steps = adaptation.steps;
    let losses = parts.par_iter().map(|part| {
        let rest: Vec<usize> = (0..support.len()).filter(|at| !part.contains(at)).collect();
        let mut workspace = learner.workspace();
        let rest = support.chosen(&rest);
        let adapted = adapt_with(learner, start, &rest, (&sizes, steps), &mut workspace)?;
        let loss = learner.loss(&adapted.parameters, &support.chosen(part), &mut workspace)?;
        Ok(f64::from(loss) * part.len() as f64)
    });
    // In order: the same sum at any number of threads.
    let losses: Vec<f64> = losses.collect::<Result<_, MetaError>>()?;
    Ok(Some((losses.iter().sum::<f64>() / support.len() as f64) as f32))
}

/// The place of the chosen start, or of the nearest if all are; the first of equally good ones.
pub(super) fn chosen(distances: &[StartDistance], choice: StartChoice) -> usize {
    let all_judged = distances.iter().all(|distance| distance.held_out_loss.is_some());
    let worth = |distance: &StartDistance| match (choice, distance.held_out_loss) {
        (StartChoice::HeldOutLoss, Some(loss)) if all_judged => f64::from(loss),
        _ => distance.mmd,
    };
    let mut best = 0;
    for (place, distance) in distances.iter().enumerate() {
        if worth(distance) < worth(&distances[best]) {
            best = place;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_or_one_sample_of_each_is_held_out() {
        let batch = |labels: Labels, n: usize| Batch { inputs: vec![0.0; n], n_inputs: 1, labels };
        let values = vec![0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 2.0];
        let places = batch(Labels::Values { values, n_outputs: 2 }, 4);
        assert_eq!(parts(&places), [vec![0, 2], vec![1], vec![3]]);
        let classes = batch(Labels::Classes(vec![0, 0, 1, 1, 1]), 5);
        assert_eq!(parts(&classes), [vec![0, 2], vec![1, 3], vec![4]]);
    }

    #[test]
    fn the_least_of_what_was_asked_for_is_chosen() {
        let distance = |mmd: f64, held_out_loss: Option<f32>| StartDistance {
            environment: String::new(),
            mmd,
            held_out_loss,
        };
        let both = [distance(0.1, Some(3.0)), distance(0.2, Some(2.0))];
        assert_eq!(chosen(&both, StartChoice::Mmd), 0);
        assert_eq!(chosen(&both, StartChoice::HeldOutLoss), 1);
        let unknown = [distance(0.1, None), distance(0.2, Some(2.0))];
        assert_eq!(chosen(&unknown, StartChoice::HeldOutLoss), 0);
    }
}

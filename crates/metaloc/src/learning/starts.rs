//! MAML-TS: a start for each environment, and the choice among them by task similarity.
//!
//! The paper's Algorithm 2: each historical environment meta-trains parameters of its own, on its own
//! data alone; a new environment takes those of the environment whose tasks are most like its own by
//! the maximum mean discrepancy (MMD), and adapts them.
//!
//! An environment's samples stay with it. What crosses is a summary that fixes one bandwidth for all,
//! and a mean embedding by random features; the model keeps the embeddings, and a new environment's
//! unlabelled support set is embedded where it was taken.

use metaloc_meta::Batch;
use metaloc_meta::seed::{Purpose, stream};
use metaloc_meta::site::Environment;
use metaloc_radio::similarity::discrepancy::{
    BandwidthSummary, FeatureRows, MEDIAN_ROWS, MeanEmbedding, N_FEATURES, common_bandwidth,
};
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

/// How far a new environment is from a historical one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartDistance {
    /// The historical environment.
    pub environment: String,
    /// The maximum mean discrepancy, `sqrt(max(MMD^2, 0))`.
    pub mmd: f64,
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
        found.push(StartDistance { environment: environment.clone(), mmd });
    }
    Ok(found)
}

/// The place of the nearest start; the first of equally near ones.
pub(super) fn nearest(distances: &[StartDistance]) -> usize {
    let mut best = 0;
    for (place, distance) in distances.iter().enumerate() {
        if distance.mmd < distances[best].mmd {
            best = place;
        }
    }
    best
}

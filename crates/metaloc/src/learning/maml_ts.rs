//! MAML-TS's training: the first half of the paper's Algorithm 2.
//!
//! Each historical environment meta-trains parameters of its own, on its own data alone; or each
//! *cluster* of environments whose signals propagate alike (section III-C) does, as MAML does on all of
//! them. The paper clusters by propagation models, which nobody knows of a real building; here the
//! discrepancy between the environments' task inputs stands for them.
//!
//! An environment's samples stay with it: clusters are found from embeddings, and what crosses within
//! a cluster are MAML's messages.

use metaloc_meta::registry::Visitor;
use metaloc_meta::site::Environment;
use metaloc_meta::training::{Observer, Outcome, TrainingState};
use metaloc_meta::{MetaError, NetworkLearner};
use metaloc_radio::similarity::discrepancy::MeanEmbedding;

use super::LearningConfig;
use super::meta_model::{Run, Tasks};
use super::starts::{self, Start};
use crate::error::Error;

/// Environments that train together, with what their tasks' inputs look like.
struct Cluster<'a> {
    environments: Vec<Environment<'a>>,
    names: Vec<&'a str>,
    embedding: MeanEmbedding,
}

/// A training run for each environment or cluster, on its data alone.
pub(super) struct MamlTs<'a> {
    pub(super) learner: &'a NetworkLearner,
    pub(super) tasks: Tasks<'a>,
    pub(super) config: &'a LearningConfig,
    pub(super) seed: u64,
}

impl MamlTs<'_> {
    /// A start for each environment or cluster, with the state and outcome of the last run; `state` is
    /// where an earlier one was interrupted.
    ///
    /// # Errors
    /// As training does; a state that has more starts than there are clusters.
    pub(super) fn train(
        self,
        state: Option<TrainingState>,
        observer: &mut dyn Observer,
    ) -> Result<(Vec<Start>, TrainingState, Outcome), Error> {
        let Self { learner, tasks, config, seed } = self;
        let clusters = clusters(tasks.environments, config.clusters, seed)?;
        let mut done = state.as_ref().map(|state| state.earlier.clone()).unwrap_or_default();
        if done.len() >= clusters.len() {
            let reason =
                format!("it holds {} starts, the run makes {}", done.len(), clusters.len());
            return Err(MetaError::Checkpoint(reason).into());
        }
        let (mut begin, mut last) = (state, None);
        for cluster in &clusters[done.len()..] {
            let is_ours = |(of, _): &&Environment<'_>| cluster.names.contains(of);
            let validation: Vec<Environment<'_>> =
                tasks.validation.iter().filter(is_ours).copied().collect();
            let own = Tasks { environments: &cluster.environments, validation: &validation };
            let earlier = done.clone();
            let run =
                Run { learner, tasks: own, config, seed, state: begin.take(), earlier, observer };
            let (state, outcome) = run.visit(&config.maml.check()?)?;
            done.push(state.result().to_vec());
            let is_over = outcome == Outcome::Interrupted;
            last = Some((state, outcome));
            if is_over {
                break;
            }
        }
        let none = || Error::usage("no historical environment to learn from");
        let (state, outcome) = last.ok_or_else(none)?;
        let start = |(cluster, parameters): (Cluster<'_>, Vec<f32>)| Start {
            environment: cluster.names.join("+"),
            parameters,
            embedding: cluster.embedding,
        };
        Ok((clusters.into_iter().zip(done).map(start).collect(), state, outcome))
    }
}

/// The environments, each by itself or in so many clusters, in the order of their first ones.
fn clusters<'a>(
    environments: &[Environment<'a>],
    n_clusters: Option<usize>,
    seed: u64,
) -> Result<Vec<Cluster<'a>>, Error> {
    let mut groups: Vec<Vec<Environment<'a>>> = Vec::new();
    for &(name, source) in environments {
        match groups.iter_mut().find(|group| group[0].0 == name) {
            Some(group) => group.push((name, source)),
            None => groups.push(vec![(name, source)]),
        }
    }
    let embeddings = starts::embeddings(&groups, seed)?;
    let mut distances = vec![vec![0.0; groups.len()]; groups.len()];
    for (row, a) in distances.iter_mut().zip(&embeddings) {
        for (distance, b) in row.iter_mut().zip(&embeddings) {
            *distance = a.biased(b)?.value();
        }
    }
    let joined = average_linkage(&distances, n_clusters.unwrap_or(groups.len()));
    let cluster = |members: Vec<usize>| {
        let parts: Vec<&MeanEmbedding> = members.iter().map(|&at| &embeddings[at]).collect();
        Ok(Cluster {
            names: members.iter().map(|&at| groups[at][0].0).collect(),
            environments: members.iter().flat_map(|&at| groups[at].clone()).collect(),
            embedding: MeanEmbedding::pooled(&parts)?,
        })
    };
    joined.into_iter().map(cluster).collect()
}

/// Joins the two nearest clusters, by the mean distance between their members, until so many are left
/// (average linkage; R. R. Sokal and C. D. Michener, 1958).
fn average_linkage(distances: &[Vec<f64>], n_clusters: usize) -> Vec<Vec<usize>> {
    let mut clusters: Vec<Vec<usize>> = (0..distances.len()).map(|at| vec![at]).collect();
    while clusters.len() > n_clusters.max(1) {
        let mut nearest = (f64::INFINITY, 0, 1);
        for a in 0..clusters.len() {
            for b in a + 1..clusters.len() {
                let pairs =
                    clusters[a].iter().flat_map(|&i| clusters[b].iter().map(move |&j| (i, j)));
                let sum: f64 = pairs.map(|(i, j)| distances[i][j]).sum();
                let mean = sum / (clusters[a].len() * clusters[b].len()) as f64;
                if mean < nearest.0 {
                    nearest = (mean, a, b);
                }
            }
        }
        let (_, a, b) = nearest;
        let joined = clusters.remove(b);
        clusters[a].extend(joined);
        clusters[a].sort_unstable();
    }
    clusters
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points on a line at 0, 10, 1, 12 and 4: first 0 with 1 (1 apart), then 10 with 12 (2), then 4
    /// with {0, 1} (3.5; {10, 12} is 7 away).
    #[test]
    fn the_nearest_join_first() {
        let at = [0.0_f64, 10.0, 1.0, 12.0, 4.0];
        let distances: Vec<Vec<f64>> =
            at.iter().map(|a| at.iter().map(|b| (a - b).abs()).collect()).collect();
        assert_eq!(average_linkage(&distances, 9).len(), 5);
        let three = average_linkage(&distances, 3);
        assert_eq!(three, [vec![0, 2], vec![1, 3], vec![4]]);
        assert_eq!(average_linkage(&distances, 2), [vec![0, 2, 4], vec![1, 3]]);
        assert_eq!(average_linkage(&distances, 0), [vec![0, 1, 2, 3, 4]]);
    }
}

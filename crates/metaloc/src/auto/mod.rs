//! The choice of a method: judged on historical environments, each held out in turn.
//!
//! A candidate is a whole configuration. In each fold one historical environment plays the new one: it
//! is surveyed at as many points with as many samples as the user will have, and asked about the rest;
//! the candidate learns from the others. The candidate with the least mean error (or the highest
//! accuracy) over all folds and draws is taken, the earlier one if equal; the table goes into the model.

mod candidates;
mod csi;
mod rss;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::learning::LearningConfig;
use crate::site::Site;

pub use csi::choose_csi;
pub use rss::choose;

/// How candidates are judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AutoConfig {
    /// Numbers of points (a floor) that will be surveyed; candidates are judged on each. All that a
    /// held-out environment can spare where it has fewer.
    pub points: Vec<usize>,
    /// Draws of a support set in each fold and for each number of points.
    pub draws: u64,
    /// Most environments that are held out.
    pub folds: usize,
}

impl Default for AutoConfig {
    fn default() -> Self {
        Self { points: vec![10, 20], draws: 2, folds: 4 }
    }
}

impl AutoConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// The first setting outside of its legal range.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.points.is_empty() || self.points.contains(&0) || self.draws == 0 || self.folds == 0
        {
            return Err(Error::usage(
                "settings `auto.points`, `auto.draws` and `auto.folds` must be at least 1",
            ));
        }
        Ok(())
    }
}

/// The configurations that `auto` would choose among for RSS and these sites.
pub(crate) fn rss_candidates(base: &LearningConfig, sites: &[Site]) -> Vec<LearningConfig> {
    candidates::rss(base, sites).into_iter().map(|candidate| candidate.config).collect()
}

/// How a candidate did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judged {
    /// The candidate.
    pub name: String,
    /// Mean error over held-out environments and draws (m); none if it could not be judged: these
    /// environments are too small or too unlike for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_m: Option<f64>,
    /// Share of windows put on the right point, with channel state information; it decides then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Whether it was taken.
    pub chosen: bool,
}

impl Judged {
    /// Name of the candidate that was taken.
    pub(crate) fn taken(all: &[Self]) -> Option<String> {
        all.iter().find(|judged| judged.chosen).map(|judged| judged.name.clone())
    }
}

/// What was chosen, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The configuration to learn with.
    pub config: LearningConfig,
    /// All candidates, in the order in which they were judged; empty if nothing could be judged.
    pub table: Vec<Judged>,
}

impl Choice {
    /// What is taken where history is too short to judge by.
    fn unjudged(config: LearningConfig) -> Self {
        Self { config, table: Vec::new() }
    }
}

/// A candidate.
struct Candidate {
    name: &'static str,
    config: LearningConfig,
}

impl Candidate {
    /// Whether the other one's trained start serves this one too: they differ in adapting alone.
    fn starts_like(&self, other: &Self) -> bool {
        let adaptation = other.config.adaptation;
        LearningConfig { adaptation, ..self.config.clone() } == other.config
    }
}

/// What a candidate's answers add up to.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    metres: f64,
    hits: usize,
    n: usize,
}

impl std::ops::AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.metres += other.metres;
        self.hits += other.hits;
        self.n += other.n;
    }
}

/// The choice among candidates with these folds' sums; `by_accuracy` where points are named.
fn choice(
    candidates: Vec<Candidate>,
    folds: &[Vec<Sums>],
    by_accuracy: bool,
) -> Result<Choice, Error> {
    let mut table = Vec::with_capacity(candidates.len());
    for (index, candidate) in candidates.iter().enumerate() {
        // Folds count alike, whatever their number of queries.
        let of_folds = folds.iter().map(|fold| fold[index]).filter(|sums| sums.n > 0);
        let of_folds: Vec<(f64, f64)> = of_folds
            .map(|sums| (sums.metres / sums.n as f64, sums.hits as f64 / sums.n as f64))
            .collect();
        let n = of_folds.len() as f64;
        let mean_m = of_folds.iter().map(|(m, _)| m).sum::<f64>() / n;
        let accuracy = of_folds.iter().map(|(_, hits)| hits).sum::<f64>() / n;
        let finite = |value: f64| Some(value).filter(|value| value.is_finite());
        let accuracy = finite(accuracy).filter(|_| by_accuracy);
        let mean_m = finite(mean_m);
        table.push(Judged { name: candidate.name.into(), mean_m, accuracy, chosen: false });
    }
    let worth = |judged: &Judged| judged.accuracy.or(judged.mean_m.map(|m| -m));
    let mut best = None;
    for (index, judged) in table.iter().enumerate() {
        let is_better = |best: &usize| worth(judged) > worth(&table[*best]);
        if worth(judged).is_some() && best.as_ref().is_none_or(is_better) {
            best = Some(index);
        }
    }
    let best = best.ok_or_else(|| {
        Error::usage(
            "algorithm `auto` could judge no candidate: the historical environments have too few \
             points or samples; name an algorithm",
        )
    })?;
    table[best].chosen = true;
    let mut candidates = candidates;
    Ok(Choice { config: candidates.swap_remove(best).config, table })
}

/// At most `most` of `n` places, evenly spread.
fn spread(n: usize, most: usize) -> Vec<usize> {
    let count = n.min(most);
    (0..count).map(|i| i * n / count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_over_folds_is_taken() {
        let candidates =
            || ["a", "b"].map(|name| Candidate { name, config: LearningConfig::default() });
        let sums = |metres: f64, hits: usize, n: usize| Sums { metres, hits, n };
        // Means 2 and 4, and 3 and 1: the folds count alike.
        let folds = [
            vec![sums(20.0, 9, 10), sums(30.0, 2, 10)],
            vec![sums(400.0, 80, 100), sums(100.0, 10, 100)],
        ];
        let chosen = |by_accuracy| {
            let choice = choice(candidates().into(), &folds, by_accuracy).unwrap();
            choice.table.iter().find(|judged| judged.chosen).unwrap().name.clone()
        };
        assert_eq!((chosen(false), chosen(true)), ("b".into(), "a".into()));
        assert!(choice(candidates().into(), &[], false).is_err());
    }

    #[test]
    fn folds_are_spread() {
        assert_eq!(spread(9, 4), [0, 2, 4, 6]);
        assert_eq!(spread(2, 4), [0, 1]);
    }
}

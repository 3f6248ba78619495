//! The choice for RSS.

use metaloc_meta::seed::{ChaCha8Rng, Purpose, stream};
use metaloc_meta::training::Silent;
use metaloc_radio::geometry::Position;
use metaloc_radio::signal::RssScan;
use rand::seq::{IndexedRandom, SliceRandom};
use rayon::prelude::*;

use super::{Candidate, Choice, Sums, candidates, choice, spread};
use crate::error::Error;
use crate::learning::{Historical, LearningConfig, MetaModel, SiteModel, Support, meta_train};
use crate::locate::site_locator;
use crate::site::{Site, SitePoint};

/// Points that are taken out of all surveys, as a share.
const REMOVED_SHARE: f64 = 0.15;
/// Most queries of a draw.
const QUERIES: usize = 120;
/// Nearer than this, two surveys mean the same point (m).
const SAME_PLACE_M: f64 = 0.05;

/// Chooses how to learn from `historical`.
///
/// A user stands at surveyed points, beside them, and where only old surveys were: of a held-out
/// environment's queries, half lie at points that are taken out of all surveys, a quarter where only
/// others surveyed, and a quarter at surveyed points, from the other half of their samples.
///
/// With one historical environment nothing can be judged, and what needs none is taken.
///
/// # Errors
/// Too few points, or what a candidate reports.
pub fn choose(
    historical: Historical<'_>,
    base: &LearningConfig,
    seed: u64,
) -> Result<Choice, Error> {
    let mut names: Vec<&str> = historical.sites.iter().map(|s| s.environment.as_str()).collect();
    names.dedup();
    if names.len() < 2 {
        return Ok(Choice::unjudged(candidates::rss_without_history(base)));
    }
    let candidates = candidates::rss(base, historical.sites);
    let places = spread(names.len(), base.auto.folds);
    // Side by side: most candidates train on one thread for the most part.
    let folds = places.par_iter().enumerate().map(|(fold, &place)| {
        let mut rng = stream(seed, Purpose::Selection, fold as u64, 0);
        Fold::draw(historical, names[place], base, &mut rng).scores(&candidates, seed)
    });
    let folds = folds.collect::<Result<Vec<_>, Error>>()?;
    choice(candidates, &folds, false)
}

/// One environment held out.
struct Fold<'a> {
    historical: Historical<'a>,
    /// The others' sites, without the points that are taken out.
    others: Vec<Site>,
    draws: Vec<Draw>,
}

struct Draw {
    support: Site,
    queries: Vec<(RssScan, Position)>,
}

impl<'a> Fold<'a> {
    fn draw(
        historical: Historical<'a>,
        held_out: &str,
        base: &LearningConfig,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let (mut draws, mut all_removed) = (Vec::new(), Vec::new());
        for site in historical.sites.iter().filter(|site| site.environment == held_out) {
            let mut points: Vec<&SitePoint> = site.points.iter().collect();
            points.shuffle(rng);
            let n_removed = ((points.len() as f64 * REMOVED_SHARE).ceil() as usize).max(1);
            let (removed, mut kept) = {
                let (removed, kept) = points.split_at(n_removed.min(points.len()));
                (removed.to_vec(), kept.to_vec())
            };
            for &n in &base.auto.points {
                for _ in 0..base.auto.draws {
                    kept.shuffle(rng);
                    let (surveyed, others) = kept.split_at(n.min(kept.len()));
                    let samples = base.task.samples_per_point;
                    draws.push(one_draw(site, [surveyed, others, &removed], samples, rng));
                }
            }
            all_removed.extend(removed.iter().map(|point| point.position));
        }
        let others = historical.sites.iter().filter(|site| site.environment != held_out);
        let without = |site: &Site| {
            let is_kept = |point: &&SitePoint| {
                !all_removed.iter().any(|at| at.distance_m(&point.position) < SAME_PLACE_M)
            };
            let points = site.points.iter().filter(is_kept).cloned().collect();
            Site { environment: site.environment.clone(), floor: site.floor, points }
        };
        Self { historical, others: others.map(without).collect(), draws }
    }

    /// Each candidate's sums over the fold's draws; nothing for one that cannot learn from the others.
    fn scores(&self, candidates: &[Candidate], seed: u64) -> Result<Vec<Sums>, Error> {
        let sites = Historical { sites: &self.others, validation_sites: &[], ..self.historical };
        let mut scores = Vec::with_capacity(candidates.len());
        let mut last: Option<(&Candidate, Option<MetaModel>)> = None;
        for candidate in candidates {
            let known = last.take().filter(|(other, _)| candidate.starts_like(other));
            // A candidate that these environments are too small for is out, not an error.
            let train = || meta_train(sites, &candidate.config, seed, None, &mut Silent).ok();
            let mut model = known.map_or_else(train, |(_, model)| model);
            let mut sums = Sums::default();
            if let Some(model) = &mut model {
                model.config.adaptation = candidate.config.adaptation;
                let of_draws = self.draws.par_iter().map(|draw| self.errors(model, draw));
                for of_draw in of_draws.collect::<Vec<_>>() {
                    sums += of_draw?;
                }
            }
            scores.push(sums);
            last = Some((candidate, model));
        }
        Ok(scores)
    }

    fn errors(&self, model: &MetaModel, draw: &Draw) -> Result<Sums, Error> {
        let support = Support { site: draw.support.clone(), adaptation: Vec::new() };
        let (names, adaptation) = (self.historical.access_points, model.config.adaptation());
        let adapted = SiteModel::adapt(model, vec![support], names, adaptation);
        let Ok(site) = adapted else { return Ok(Sums::default()) };
        let locator = site_locator(site)?;
        let mut sums = Sums::default();
        for (scan, truth) in &draw.queries {
            if let Ok(estimate) = locator.locate(scan) {
                sums += Sums { metres: estimate.position.distance_m(truth), hits: 0, n: 1 };
            }
        }
        Ok(sums)
    }
}

/// A support set at the surveyed points, and queries at the points taken out (half), where only others
/// surveyed, and at surveyed points.
fn one_draw(
    site: &Site,
    [surveyed, others, removed]: [&[&SitePoint]; 3],
    samples: usize,
    rng: &mut ChaCha8Rng,
) -> Draw {
    let (mut points, mut later) = (Vec::new(), Vec::new());
    for point in surveyed {
        let (early, late) = point.scans.split_at(point.scans.len().div_ceil(2));
        let scans = early.sample(rng, samples).cloned().collect();
        points.push(SitePoint { id: point.id.clone(), position: point.position, scans });
        later.extend(late.iter().map(|scan| (scan.clone(), point.position)));
    }
    let all = |points: &[&SitePoint]| -> Vec<(RssScan, Position)> {
        let of = |p: &&SitePoint| {
            let at = p.position;
            p.scans.iter().map(move |scan| (scan.clone(), at)).collect::<Vec<_>>()
        };
        points.iter().flat_map(of).collect()
    };
    let groups = [(all(removed), QUERIES / 2), (all(others), QUERIES / 4), (later, QUERIES / 4)];
    let queries =
        groups.iter().flat_map(|(group, n)| group.sample(rng, *n).cloned().collect::<Vec<_>>());
    let queries = queries.collect();
    let (environment, floor) = (site.environment.clone(), site.floor);
    Draw { support: Site { environment, floor, points }, queries }
}

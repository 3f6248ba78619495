//! The choice for channel state information.

use metaloc_meta::seed::{Purpose, stream};
use metaloc_meta::training::Silent;
use metaloc_radio::preprocess::CsiConfig;
use rayon::prelude::*;

use super::{Candidate, Choice, Sums, candidates, choice, spread};
use crate::csi_site::{CsiPoint, CsiSite};
use crate::error::Error;
use crate::learning::{
    CsiHistorical, CsiModel, CsiSiteModel, LearningConfig, csi_train, draw_csi_support,
};
use crate::locate::csi_locator;

/// The support lies in this share of a point's windows, the first ones.
const SUPPORT_SHARE: f64 = 0.25;
/// Windows are located from this share of them on.
const QUERIES_FROM: f64 = 0.5;

/// Chooses how to learn; `sites` cuts the historical recordings into windows.
///
/// In a held-out environment the first quarter of each point's windows is the survey, the second half
/// is located.
///
/// With one historical environment nothing can be judged, and packets are matched, which needs none.
///
/// # Errors
/// Too few windows, or what a candidate reports.
pub fn choose_csi(
    sites: &dyn Fn(&CsiConfig) -> Result<Vec<CsiSite>, Error>,
    base: &LearningConfig,
    seed: u64,
) -> Result<Choice, Error> {
    let candidates = candidates::csi(base);
    // Candidate, fold -> sums; none of a candidate that needs what the recordings lack.
    let mut scored: Vec<Vec<Sums>> = Vec::new();
    // The last candidate with its start in each fold: the next one may differ in adapting alone.
    let mut last: Option<(&Candidate, Vec<Option<CsiModel>>)> = None;
    for candidate in &candidates {
        let known = last.take().filter(|(other, _)| candidate.starts_like(other));
        let known = known.map_or_else(Vec::new, |(_, models)| models);
        let mut known: Vec<Option<Option<CsiModel>>> = known.into_iter().map(Some).collect();
        let mut models = Vec::new();
        let window = candidate.config.csi.as_ref().map(|csi| csi.window.clone());
        let Ok(sites) = Error::needs_apart(sites(&window.unwrap_or_default()))? else {
            scored.push(Vec::new());
            continue;
        };
        if sites.len() < 2 {
            return Ok(Choice::unjudged(candidate.config.clone()));
        }
        let held_out = spread(sites.len(), base.auto.folds);
        known.resize_with(held_out.len(), || None);
        let scores = held_out
            .par_iter()
            .zip(known)
            .map(|(&held_out, known)| score((candidate, known), &sites, held_out, (base, seed)));
        let mut of_folds = Vec::new();
        for scores in scores.collect::<Vec<_>>() {
            let (sums, model) = scores?;
            of_folds.push(sums);
            models.push(model);
        }
        scored.push(of_folds);
        last = Some((candidate, models));
    }
    let n_folds = scored.iter().map(Vec::len).max().unwrap_or(0);
    let of =
        |fold: usize| scored.iter().map(|s| s.get(fold).copied().unwrap_or_default()).collect();
    let folds: Vec<Vec<Sums>> = (0..n_folds).map(of).collect();
    choice(candidates, &folds, true)
}

/// A candidate's sums over the draws of one fold, and its start, if that is not `known` already; nothing
/// if it cannot learn from the others.
fn score(
    (candidate, known): (&Candidate, Option<Option<CsiModel>>),
    sites: &[CsiSite],
    held_out: usize,
    (base, seed): (&LearningConfig, u64),
) -> Result<(Sums, Option<CsiModel>), Error> {
    let mut others = sites.to_vec();
    let site = others.remove(held_out);
    let historical = CsiHistorical { sites: &others, validation_sites: &[], data_hash: "" };
    let train = || csi_train(historical, &candidate.config, seed, None, &mut Silent).ok();
    let Some(model) = known.unwrap_or_else(train) else { return Ok((Sums::default(), None)) };
    let part = |from: f64, to: f64| {
        let cut = |point: &CsiPoint| {
            let n = point.windows.len() as f64;
            let range = (n * from).round() as usize..(n * to).round() as usize;
            CsiPoint { windows: point.windows[range].to_vec(), ..point.clone() }
        };
        let points = site.points.iter().map(cut).filter(|p| !p.windows.is_empty()).collect();
        CsiSite { points, ..site.clone() }
    };
    let (early, late) = (part(0.0, SUPPORT_SHARE), part(QUERIES_FROM, 1.0));
    let draws: Vec<(usize, u64)> =
        base.auto.points.iter().flat_map(|&n| (0..base.auto.draws).map(move |d| (n, d))).collect();
    let of_draws = draws.par_iter().map(|&(points, draw)| {
        let mut rng = stream(seed, Purpose::Selection, held_out as u64, draw << 32 | points as u64);
        let ways = base.csi.as_ref().map_or(points, |csi| csi.ways);
        let points = points.min(ways).min(early.points.len());
        let support = draw_csi_support(&early, points, base.task.samples_per_point, &mut rng)?;
        answers(&model, &candidate.config, support, &late)
    });
    let mut sums = Sums::default();
    for of_draw in of_draws.collect::<Vec<_>>() {
        sums += of_draw?;
    }
    Ok((sums, Some(model)))
}

fn answers(
    model: &CsiModel,
    config: &LearningConfig,
    support: CsiSite,
    late: &CsiSite,
) -> Result<Sums, Error> {
    let ids: Vec<String> = support.points.iter().map(|point| point.id.clone()).collect();
    let Ok(site) = CsiSiteModel::adapt(model, support, config.adaptation()) else {
        return Ok(Sums::default());
    };
    let locator = csi_locator(site)?;
    let mut sums = Sums::default();
    for point in late.points.iter().filter(|point| ids.contains(&point.id)) {
        for window in &point.windows {
            if let Ok(estimate) = locator.locate(window) {
                let best = estimate.candidates.first();
                let is_hit = best.is_some_and(|best| best.id == point.id);
                let metres = estimate.position.distance_m(&point.position);
                sums += Sums { metres, hits: usize::from(is_hit), n: 1 };
            }
        }
    }
    Ok(sums)
}

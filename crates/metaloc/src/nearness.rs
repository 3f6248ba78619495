//! How near a new environment is to the historical ones, before anything is learned or adapted.
//!
//! Nearness is the maximum mean discrepancy ([`metaloc_radio::similarity::discrepancy`], the paper's Eq.
//! (16)) of fingerprints, with one kernel for all. What to expect is measured on history: each
//! historical environment is surveyed and located as the new one will be, by a method that needs no
//! history. Whether history can help is read off the same table: an environment that is farther from
//! all others than any historical one is from the rest is none of their kind.

use metaloc_meta::seed::{ChaCha8Rng, Purpose, stream};
use metaloc_radio::fingerprint::CsiSpectrum;
use metaloc_radio::signal::RssScan;
use metaloc_radio::similarity::SignalDistance;
use metaloc_radio::similarity::discrepancy::{
    FeatureRows, GaussianKernel, KernelMatrix, MEDIAN_ROWS, MmdEstimator, PermutationTest,
    median_bandwidth,
};
use rand::seq::IndexedRandom;
use serde::Serialize;

use crate::csi_site::CsiSite;
use crate::error::Error;
use crate::learning::{FingerprintConfig, draw_csi_support, draw_support};
use crate::locate::{CsiLocator, Locator, NearestSpectrum, PowerWeightedKnn};
use crate::site::{Site, radio_map};

/// Fingerprints of each environment that are compared.
const ROWS: usize = 256;
/// Strongest access points that are compared where environments share none.
const STRONGEST: usize = 16;
/// Draws of a survey for the expected error.
const DRAWS: u64 = 5;
/// Scans located in each.
const QUERIES: usize = 200;
/// Neighbours and power of the method that the expected error is measured with on RSS.
const KNN: (usize, f64) = (5, 8.0);

/// How a new environment will be surveyed.
#[derive(Debug, Clone, Copy)]
pub struct SurveySize {
    /// Points.
    pub points: usize,
    /// Samples at each.
    pub samples_per_point: usize,
}

/// An environment's fingerprints and how well it was located.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The environment.
    pub name: String,
    /// Fingerprints `[n, n_columns]`.
    pub rows: Vec<f32>,
    /// Numbers in a fingerprint.
    pub n_columns: usize,
    /// Mean error of the method without history (m).
    pub error_m: Option<f64>,
}

/// A historical environment beside the new one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Neighbour {
    /// The environment.
    pub environment: String,
    /// Its discrepancy from the new one.
    pub mmd: f64,
    /// Probability of so large a discrepancy were they alike; fingerprints of one point resemble each
    /// other, which makes it too small.
    pub p: f64,
    /// Its own discrepancy from the nearest other historical environment; none if it is the only one.
    pub nearest_other: Option<f64>,
    /// Mean error there of the method without history (m).
    pub error_m: Option<f64>,
}

/// What is known of a new environment before it is adapted to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Nearness {
    /// The new environment.
    pub environment: String,
    /// The historical environments, the nearest first.
    pub historical: Vec<Neighbour>,
    /// Mean over the historical environments of the error of the method without history (m).
    pub expected_m: Option<f64>,
    /// Least and greatest of it.
    pub expected_range_m: Option<(f64, f64)>,
    /// What the error was measured with.
    pub method: &'static str,
    /// Whether the environment is farther from history than any historical one from the rest.
    pub is_unlike_history: bool,
}

/// The fingerprints and errors of environments surveyed by RSS. Strengths are compared access point by
/// access point if every environment shares one with the first, the new one; by rank otherwise.
///
/// # Errors
/// An environment without a scan.
pub fn rss_places(
    environments: &[(&str, &[Site])],
    size: SurveySize,
    seed: u64,
) -> Result<Vec<Place>, Error> {
    let scans = |sites: &[Site]| -> Vec<RssScan> {
        sites.iter().flat_map(|s| &s.points).flat_map(|p| p.scans.clone()).collect()
    };
    let heard = |scans: &[RssScan]| -> std::collections::BTreeSet<u32> {
        scans.iter().flat_map(|scan| scan.readings().iter().map(|(id, _)| id.0)).collect()
    };
    let all: Vec<Vec<RssScan>> = environments.iter().map(|(_, sites)| scans(sites)).collect();
    let known: Vec<_> = all.iter().map(|scans| heard(scans)).collect();
    let Some(new) = known.first() else { return Ok(Vec::new()) };
    let shared = known.iter().all(|other| !other.is_disjoint(new));
    let columns: Vec<u32> = known.iter().flatten().copied().collect();
    let columns: Vec<u32> =
        columns.into_iter().collect::<std::collections::BTreeSet<_>>().into_iter().collect();
    let fingerprint = FingerprintConfig { distance: SignalDistance::Powed, ..Default::default() };
    let silence = fingerprint.not_heard_dbm;
    let row = |scan: &RssScan| -> Vec<f32> {
        let mut strengths: Vec<f32> = scan.readings().iter().map(|&(_, dbm)| dbm).collect();
        if shared {
            let of = |id: &u32| scan.readings().iter().find(|(heard, _)| heard.0 == *id);
            return columns.iter().map(|id| of(id).map_or(silence, |&(_, dbm)| dbm)).collect();
        }
        strengths.sort_unstable_by(|a, b| b.total_cmp(a));
        strengths.resize(STRONGEST, silence);
        strengths
    };
    let place = |((name, sites), scans): (&(&str, &[Site]), &Vec<RssScan>)| {
        let rows: Vec<f32> = spread(scans).flat_map(row).collect();
        if rows.is_empty() {
            return Err(Error::usage(format!("environment {name} has no scan to compare")));
        }
        let n_columns = if shared { columns.len() } else { STRONGEST };
        let error_m = rss_error_m(sites, &fingerprint, size, seed)?;
        Ok(Place { name: (*name).to_owned(), rows, n_columns, error_m })
    };
    environments.iter().zip(&all).map(place).collect()
}

/// Mean error of power-weighted neighbours on drawn surveys, located at the other points (m).
fn rss_error_m(
    sites: &[Site],
    fingerprint: &FingerprintConfig,
    size: SurveySize,
    seed: u64,
) -> Result<Option<f64>, Error> {
    let mut errors = Vec::new();
    for (index, site) in sites.iter().enumerate().filter(|(_, s)| s.points.len() > size.points) {
        for draw in 0..DRAWS {
            let mut rng = stream(seed, Purpose::Support, index as u64, draw);
            let support = draw_support(site, size.points, size.samples_per_point, &mut rng)?;
            let (k, power) = KNN;
            let map = radio_map(std::slice::from_ref(&support.site), fingerprint)?;
            let locator = PowerWeightedKnn { map, k, power };
            let is_new = |id: &str| support.site.points.iter().all(|point| point.id != id);
            let others = site.points.iter().filter(|point| is_new(&point.id));
            let scans: Vec<_> =
                others.flat_map(|p| p.scans.iter().map(|scan| (scan, p.position))).collect();
            errors.extend(scans.sample(&mut rng, QUERIES).filter_map(|(scan, truth)| {
                Some(locator.locate(scan).ok()?.position.distance_m(truth))
            }));
        }
    }
    Ok(mean(&errors))
}

/// The fingerprints and errors of environments surveyed by CSI: mean spectra, each at norm one.
///
/// # Errors
/// An environment without a window, or windows of unlike shapes.
pub fn csi_places(sites: &[CsiSite], size: SurveySize, seed: u64) -> Result<Vec<Place>, Error> {
    let kind = CsiSpectrum { deviation: false };
    let mut places: Vec<Place> = Vec::with_capacity(sites.len());
    for (index, site) in sites.iter().enumerate() {
        let windows: Vec<_> = site.points.iter().flat_map(|point| &point.windows).collect();
        let mut rows = Vec::new();
        let mut n_columns = 0;
        for window in spread(&windows) {
            let spectrum = kind.fingerprint(window);
            let norm = spectrum.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
            n_columns = spectrum.len();
            rows.extend(spectrum.iter().map(|x| x / norm));
        }
        if rows.is_empty() {
            let name = &site.environment;
            return Err(Error::usage(format!("environment {name} has no window to compare")));
        }
        if let Some(first) = places.first().filter(|first| first.n_columns != n_columns) {
            return Err(Error::usage(format!(
                "environment {} has windows of another shape than {}; compare environments with the \
                 same devices",
                site.environment, first.name
            )));
        }
        let mut rng = stream(seed, Purpose::Support, index as u64, 0);
        let error_m = csi_error_m(site, kind, size, &mut rng)?;
        places.push(Place { name: site.environment.clone(), rows, n_columns, error_m });
    }
    Ok(places)
}

/// Mean error of the nearest spectrum, surveyed in the first half of each point's windows and located in
/// the second (m).
fn csi_error_m(
    site: &CsiSite,
    kind: CsiSpectrum,
    size: SurveySize,
    rng: &mut ChaCha8Rng,
) -> Result<Option<f64>, Error> {
    let half = |second: bool| {
        let mut half = site.clone();
        for point in &mut half.points {
            let later = point.windows.split_off(point.windows.len().div_ceil(2));
            point.windows = if second { later } else { std::mem::take(&mut point.windows) };
        }
        half.points.retain(|point| !point.windows.is_empty());
        half
    };
    let (early, late) = (half(false), half(true));
    let points = size.points.min(early.points.len());
    let mut errors = Vec::new();
    for _ in 0..DRAWS {
        let support = draw_csi_support(&early, points, size.samples_per_point, rng)?;
        let ids: Vec<String> = support.points.iter().map(|point| point.id.clone()).collect();
        let locator = NearestSpectrum::new(support, kind);
        for point in late.points.iter().filter(|point| ids.contains(&point.id)) {
            let located = point.windows.iter().filter_map(|window| locator.locate(window).ok());
            errors.extend(located.map(|found| found.position.distance_m(&point.position)));
        }
    }
    Ok(mean(&errors))
}

/// How near the first of the places is to the others.
///
/// # Errors
/// Fewer than two places, or fingerprints that can't be compared.
pub fn nearness(places: &[Place], method: &'static str, seed: u64) -> Result<Nearness, Error> {
    let [new, historical @ ..] = places else {
        return Err(Error::usage("no environment to compare"));
    };
    if historical.is_empty() {
        return Err(Error::usage("no historical environment to compare with"));
    }
    let all: Vec<FeatureRows<'_>> = places
        .iter()
        .map(|place| Ok(FeatureRows::new(&place.rows, place.n_columns)?))
        .collect::<Result<_, Error>>()?;
    let kernel = GaussianKernel::new(median_bandwidth(&all, MEDIAN_ROWS)?)?;
    let test = PermutationTest { seed, ..PermutationTest::default() };
    let n = places.len();
    let mut apart = vec![vec![0.0; n]; n];
    let mut p = vec![1.0; n];
    for i in 0..n {
        for j in i + 1..n {
            let matrix = KernelMatrix::new(&all[i], &all[j], &kernel)?;
            apart[i][j] = matrix.estimate(MmdEstimator::Unbiased)?.value();
            apart[j][i] = apart[i][j];
            if i == 0 {
                p[j] = matrix.permutation_test(MmdEstimator::Unbiased, &test)?.p;
            }
        }
    }
    let nearest_other = |i: usize| {
        let others = (1..n).filter(|&j| j != i).map(|j| apart[i][j]);
        others.reduce(f64::min)
    };
    let mut neighbours: Vec<Neighbour> = (1..n)
        .map(|i| Neighbour {
            environment: places[i].name.clone(),
            mmd: apart[0][i],
            p: p[i],
            nearest_other: nearest_other(i),
            error_m: places[i].error_m,
        })
        .collect();
    neighbours.sort_by(|a, b| a.mmd.total_cmp(&b.mmd));
    let errors: Vec<f64> = historical.iter().filter_map(|place| place.error_m).collect();
    let range =
        errors.iter().copied().reduce(f64::min).zip(errors.iter().copied().reduce(f64::max));
    let usual = (1..n).filter_map(nearest_other).reduce(f64::max);
    let is_unlike_history = usual.is_some_and(|usual| neighbours[0].mmd > usual);
    Ok(Nearness {
        environment: new.name.clone(),
        historical: neighbours,
        expected_m: mean(&errors),
        expected_range_m: range,
        method,
        is_unlike_history,
    })
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// At most [`ROWS`] of some things, evenly spread.
fn spread<T>(all: &[T]) -> impl Iterator<Item = &T> {
    let n = all.len().min(ROWS);
    (0..n).map(move |i| &all[i * all.len() / n])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str, shift: f32) -> Place {
        // Quasi-random rows around (shift, -shift).
        let golden = |i: usize, by: f32| (i as f32 * by).fract();
        let row = |i| [shift + golden(i, 0.618_034), -shift + golden(i, 0.754_877_7)];
        let rows = (1..80).flat_map(row).collect();
        Place { name: name.into(), rows, n_columns: 2, error_m: Some(f64::from(shift) + 1.0) }
    }

    #[test]
    fn the_nearest_comes_first_and_strangers_are_told() {
        let history = [place("far", 3.0), place("a", 0.5), place("b", 0.9)];
        let near = |shift: f32| {
            let places: Vec<Place> =
                std::iter::once(place("new", shift)).chain(history.clone()).collect();
            nearness(&places, "1nn", 1).unwrap()
        };
        let like_a = near(0.55);
        assert_eq!(like_a.historical[0].environment, "a");
        assert_eq!(like_a.historical[2].environment, "far");
        assert!(like_a.historical[0].p > like_a.historical[2].p);
        assert!(!like_a.is_unlike_history);
        assert!((like_a.expected_m.unwrap() - (4.0 + 1.5 + 1.9) / 3.0).abs() < 1e-6);
        assert_eq!(like_a.expected_range_m, Some((1.5, 4.0)));
        assert!(near(-9.0).is_unlike_history);
        assert!(nearness(&history[..1], "1nn", 1).is_err());
    }
}

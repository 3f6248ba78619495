//! Horus: the most probable points by Gaussians of each point and access point.
//!
//! M. Youssef and A. Agrawala: The Horus WLAN location determination system, MobiSys 2005;
//! Handling samples correlation in the Horus system, INFOCOM 2004. With mu and sigma of an access
//! point's samples s_a at the point x, sigma at least 1 dB,
//!
//! ```text
//! p(s | x) = prod_a N(s_a; mu_xa, sigma_xa^2 v)
//! v(n, alpha) = (1/n) ((1 + alpha) / (1 - alpha) - 2 alpha (1 - alpha^n) / (n (1 - alpha)^2))
//! position = sum_x p(x) x / sum_x p(x)       over the N most probable points
//! ```
//!
//! v is the variance of a mean of n samples that follow each other with correlation alpha, over that
//! of one (v(1) = 1). It also corrects sigma: the mean of n squared deviations from their own mean
//! falls short of the variance by the factor 1 - v(n).
//!
//! Needs several scans at a point. What is ours: silence is a reading at the not-heard level; a
//! reading has nothing to do with the point with probability 0.01 and is then of any strength, so
//! that no single access point rules a point out; a point of one scan has the mean variance of the
//! others; alpha by moments ([`correlation`]). Not here: clusters (they save time, not metres) and
//! the small-scale compensator (it needs a walk).

use std::collections::BTreeMap;

use metaloc_radio::fingerprint::RssVector;
use metaloc_radio::radio_map::{Neighbor, RadioMap};
use metaloc_radio::signal::{MAX_RSS_DBM, MIN_RSS_DBM, RssScan};

use super::levels::{heard_in_map, levels};
use super::{Estimate, Locator, NotLocated, check, weighted_mean};
use crate::error::Error;
use crate::learning::FingerprintConfig;
use crate::site::{Site, SitePoint, radio_map};

/// The least deviation of an access point at a point (dB).
const LEAST_SIGMA_DB: f64 = 1.0;
/// Probability that a reading has nothing to do with the point.
const STRAY: f64 = 0.01;
/// The greatest correlation: v is not defined at one.
const MOST_CORRELATION: f64 = 0.95;

/// How Horus compares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HorusSettings {
    /// Correlation alpha of consecutive samples; 0 to 0.95.
    pub correlation: f64,
    /// Number N of points in the centre of mass.
    pub candidates: usize,
}

/// Gaussians of each reference point and access point.
#[derive(Debug)]
pub struct Horus {
    map: RadioMap,
    vector: RssVector,
    /// Of each point: mean (dBm) and variance (dB^2) of each access point.
    gaussians: Vec<Vec<(f64, f64)>>,
    settings: HorusSettings,
}

impl Horus {
    /// Gaussians of the points of some sites.
    ///
    /// # Errors
    /// [`Error::Needs`] if no point has several scans; a correlation outside 0 to 0.95; no points.
    pub fn new(
        sites: &[Site],
        fingerprint: &FingerprintConfig,
        settings: HorusSettings,
    ) -> Result<Self, Error> {
        let alpha = settings.correlation;
        if !(0.0..=MOST_CORRELATION).contains(&alpha) {
            return Err(Error::usage(format!(
                "horus: the correlation {alpha} must be from 0 to {MOST_CORRELATION}"
            )));
        }
        let map = radio_map(sites, fingerprint)?;
        let vector = heard_in_map(&map);
        let points: Vec<&SitePoint> = sites.iter().flat_map(|site| &site.points).collect();
        if points.iter().all(|point| point.scans.len() < 2) {
            return Err(Error::needs("several scans at a point"));
        }
        let moments: Vec<_> = points.iter().map(|p| moments(&vector, &p.scans, alpha)).collect();
        let usual = usual_variances(&moments, &vector);
        let gaussians = moments.into_iter().map(|of_point| {
            let with_usual = of_point.into_iter().zip(&usual);
            let with_usual = with_usual.map(|((mean, variance), usual)| {
                (mean, variance.unwrap_or(*usual).max(LEAST_SIGMA_DB.powi(2)))
            });
            with_usual.collect()
        });
        let gaussians = gaussians.collect();
        Ok(Self { map, vector, gaussians, settings })
    }

    /// Places the mean of scans that followed each other at one place.
    ///
    /// # Errors
    /// [`NotLocated`] as for one scan, or if there are none.
    pub fn locate_mean(&self, scans: &[RssScan]) -> Result<Estimate, NotLocated> {
        if scans.is_empty() {
            return Err(NotLocated::EmptyScan);
        }
        let mean = RssScan::mean(scans, self.vector.not_heard_dbm);
        check(&self.map, &mean)?;
        let reading = levels(&self.vector, &mean);
        let share = variance_of_mean(scans.len(), self.settings.correlation);
        let fit = |gaussians: &Vec<(f64, f64)>| -> f64 {
            let of_each = gaussians.iter().zip(reading.iter());
            of_each.map(|(&(mean, variance), s)| log_density(*s, mean, variance * share)).sum()
        };
        let fits: Vec<f64> = self.gaussians.iter().map(fit).collect();
        let best = fits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut neighbors: Vec<Neighbor> = (fits.iter().enumerate())
            .map(|(index, fit)| Neighbor { index, distance: best - fit })
            .collect();
        neighbors.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        neighbors.truncate(self.settings.candidates.max(1));
        Ok(weighted_mean(&self.map, &neighbors, |less| (-less).exp()))
    }
}

impl Locator for Horus {
    fn locate(&self, scan: &RssScan) -> Result<Estimate, NotLocated> {
        self.locate_mean(std::slice::from_ref(scan))
    }
}

/// Of each access point at a point: mean (dBm), and variance (dB^2) if there are several scans.
fn moments(vector: &RssVector, scans: &[RssScan], alpha: f64) -> Vec<(f64, Option<f64>)> {
    let rows: Vec<_> = scans.iter().map(|scan| levels(vector, scan)).collect();
    let n = rows.len() as f64;
    let of = |column: usize| {
        let mean = rows.iter().map(|row| row[column]).sum::<f64>() / n;
        let square = rows.iter().map(|row| (row[column] - mean).powi(2)).sum::<f64>() / n;
        let variance = square / (1.0 - variance_of_mean(rows.len(), alpha));
        (mean, (rows.len() > 1).then_some(variance))
    };
    (0..vector.access_points.len()).map(of).collect()
}

/// Mean variance of each access point over the points that heard it (dB^2).
fn usual_variances(moments: &[Vec<(f64, Option<f64>)>], vector: &RssVector) -> Vec<f64> {
    let of = |column: usize| {
        let heard = moments.iter().map(|point| point[column]);
        let heard = heard.filter(|(mean, _)| *mean > f64::from(vector.not_heard_dbm));
        let known: Vec<f64> = heard.filter_map(|(_, variance)| variance).collect();
        known.iter().sum::<f64>() / known.len().max(1) as f64
    };
    (0..vector.access_points.len()).map(of).collect()
}

/// ln of the density of a reading (dBm).
fn log_density(reading: f64, mean: f64, variance: f64) -> f64 {
    let square = (reading - mean).powi(2) / variance;
    let density = (-0.5 * square).exp() / (std::f64::consts::TAU * variance).sqrt();
    let anywhere = 1.0 / f64::from(MAX_RSS_DBM - MIN_RSS_DBM);
    ((1.0 - STRAY) * density + STRAY * anywhere).ln()
}

/// v(n, alpha): the variance of a mean of `n` consecutive samples, over that of one.
#[must_use]
pub fn variance_of_mean(n: usize, alpha: f64) -> f64 {
    let count = n as f64;
    let power = alpha.powf(count);
    ((1.0 + alpha) / (1.0 - alpha) - 2.0 * alpha * (1.0 - power) / (count * (1.0 - alpha).powi(2)))
        / count
}

/// The correlation alpha of consecutive scans, from points with three or more: the alpha at which half
/// the mean squared step between consecutive readings, D, is what the spread S about their mean
/// promises, `D = (1 - alpha) S / (1 - v(n, alpha))`, both summed over points and the access points
/// that each of a point's scans heard. 0 to 0.95; 0 where nothing can be told.
#[must_use]
pub fn correlation(sites: &[Site]) -> f64 {
    let mut by_length: BTreeMap<usize, f64> = BTreeMap::new();
    let mut steps = 0.0;
    let points = sites.iter().flat_map(|site| &site.points);
    for scans in points.map(|point| &point.scans).filter(|scans| scans.len() >= 3) {
        for &(id, _) in scans[0].readings() {
            let series: Option<Vec<f64>> =
                scans.iter().map(|scan| scan.get(id).map(f64::from)).collect();
            let Some(series) = series else { continue };
            let n = series.len() as f64;
            let mean = series.iter().sum::<f64>() / n;
            let spread = series.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            *by_length.entry(series.len()).or_default() += spread;
            let step = series.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum::<f64>();
            steps += step / (2.0 * (n - 1.0));
        }
    }
    // Rises with alpha.
    let excess = |alpha: f64| {
        let promised =
            by_length.iter().map(|(&n, spread)| spread / (1.0 - variance_of_mean(n, alpha)));
        steps - (1.0 - alpha) * promised.sum::<f64>()
    };
    if excess(0.0) >= 0.0 {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, MOST_CORRELATION);
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if excess(middle) < 0.0 { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::super::levels::tests::{scan, site};
    use super::*;

    fn series(dbm: &[f32]) -> Vec<RssScan> {
        dbm.iter().map(|&dbm| scan(&[Some(dbm)])).collect()
    }

    fn horus(sites: &[Site], candidates: usize) -> Result<Horus, Error> {
        let settings = HorusSettings { correlation: 0.0, candidates };
        Horus::new(sites, &FingerprintConfig::default(), settings)
    }

    /// Var((x1 + x2) / 2) = (1 + alpha) / 2; of three: (3 + 4 alpha + 2 alpha^2) / 9.
    #[test]
    fn variances_of_means_by_hand() {
        for alpha in [0.0, 0.5, 0.9] {
            assert!((variance_of_mean(1, alpha) - 1.0).abs() < 1e-12);
            assert!((variance_of_mean(2, alpha) - (1.0 + alpha) / 2.0).abs() < 1e-12);
            let three = (3.0 + 4.0 * alpha + 2.0 * alpha * alpha) / 9.0;
            assert!((variance_of_mean(3, alpha) - three).abs() < 1e-12);
        }
    }

    /// Of three samples (1 - alpha) / (1 - v) = 9 / (2 (3 + alpha)). 0, 2, 3 has S = 14/9, D = 5/4,
    /// and 0, 3, 2 the same S, D = 5/2: together 15/4 = 14 / (3 + alpha), alpha = 11/15.
    #[test]
    fn the_correlation_by_hand() {
        let rising = (0.0, series(&[-50.0, -48.0, -47.0]));
        let jumping = (1.0, series(&[-50.0, -47.0, -48.0]));
        let of = |points: &[(f64, Vec<RssScan>)]| correlation(&[site("x", points)]);
        assert!((of(&[rising.clone(), jumping.clone()]) - 11.0 / 15.0).abs() < 1e-9);
        assert_eq!((of(&[rising]), of(&[jumping]), of(&[])), (MOST_CORRELATION, 0.0, 0.0));
    }

    /// Two points with mean -50 and -60 and variance 4 each: at -54 the log densities differ by
    /// (36 - 16) / 8 = 2.5, but for strays.
    #[test]
    fn the_centre_of_mass_by_hand() {
        let points = [(0.0, series(&[-48.0, -52.0])), (10.0, series(&[-58.0, -62.0]))];
        let one_scan = [(0.0, series(&[-48.0])), (10.0, series(&[-58.0]))];
        let (found, needs) = (horus(&[site("x", &points)], 2).unwrap(), site("x", &one_scan));
        assert_eq!(found.gaussians, [[(-50.0, 8.0)], [(-60.0, 8.0)]]);
        let estimate = found.locate(&scan(&[Some(-54.0)])).unwrap();
        let weight = |d: f64| 0.99 * (-d * d / 16.0).exp() / (16.0 * std::f64::consts::PI).sqrt();
        let (a, b) = (weight(4.0) + 0.01 / 120.0, weight(6.0) + 0.01 / 120.0);
        assert!((estimate.position.x_m - 10.0 * b / (a + b)).abs() < 1e-9, "{estimate:?}");
        assert!(matches!(horus(&[needs], 2), Err(Error::Needs(_))));
        // Two independent scans together halve the variance: the nearer point gains.
        let twice = found.locate_mean(&series(&[-54.0, -54.0])).unwrap();
        assert!(twice.position.x_m < estimate.position.x_m);
        assert!(found.locate_mean(&[]).is_err());
    }

    #[test]
    fn silence_speaks_and_rules_nothing_out() {
        let both = |a, b| vec![scan(&[a, b]), scan(&[a, b])];
        let points = [(0.0, both(Some(-50.0), None)), (10.0, both(Some(-50.0), Some(-70.0)))];
        let found = horus(&[site("x", &points)], 1).unwrap();
        let at = |a, b| found.locate(&scan(&[a, b])).unwrap().position.x_m;
        assert_eq!((at(Some(-50.0), None), at(Some(-50.0), Some(-71.0))), (0.0, 10.0));
        assert_eq!(found.locate(&RssScan::default()), Err(NotLocated::EmptyScan));
    }
}

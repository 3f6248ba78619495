//! After AcMu: the old radio map, updated from a few places that are surveyed anew.
//!
//! C. Wu, Z. Yang, C. Xiao, C. Yang, Y. Liu, M. Liu: Static power of mobile devices: Self-updating
//! radio maps for wireless indoor localization, INFOCOM 2015. How an access point's level at a point
//! depends on its levels at reference points is learnt from old surveys e (partial least squares) and
//! held to go on; the references' new levels x then give the point's:
//!
//! ```text
//! y_e = mean(y) + sum_h q_h t_eh      t_h: scores of x_e - mean(x), one component after the other
//! w = X^T y / |X^T y|,  t = X w,  p = X^T t / t^T t,  q = y^T t / t^T t,  X <- X - t p^T,  y <- y - t q
//! ```
//!
//! (NIPALS, H. Wold 1975). Located by weighted KNN on what the references heard and what was predicted.
//!
//! Needs the surveyed points in at least three old surveys of their floor. Our place for the
//! original's phones, pinpointed while they lie still: the points surveyed in the new environment.
//! Ours too: one component, as few surveys bear no more; a survey's mean scan as its sample, silence
//! at the not-heard level; access points that both times heard.

use std::collections::BTreeMap;

use metaloc_radio::fingerprint::RssVector;
use metaloc_radio::geometry::Position;
use metaloc_radio::radio_map::{RadioMap, ReferencePoint};
use metaloc_radio::signal::RssScan;
use nalgebra::{DMatrix, DVector};

use super::levels::{heard_in_both, levels, restricted, scan_of};
use super::{Estimate, Locator, NotLocated, WeightedKnn, check};
use crate::error::Error;
use crate::learning::FingerprintConfig;
use crate::site::{Site, SitePoint};

/// Fewest old surveys to learn from.
const FEWEST_SURVEYS: usize = 3;

/// Weighted KNN on an old map brought up to date.
#[derive(Debug)]
pub struct AcMuLike {
    knn: WeightedKnn,
    vector: RssVector,
}

/// A place to the centimetre, in surveys of one floor.
type Place = [i64; 2];

/// What one survey of a floor measured: id, position and mean levels (dBm) of each place.
type Survey = BTreeMap<Place, (String, Position, DVector<f64>)>;

impl AcMuLike {
    /// Updates the map of `old` surveys to the `new` ones, each a floor; `components` of the partial
    /// least squares, `k` neighbours.
    ///
    /// # Errors
    /// [`Error::Needs`] if they share no access points, or too few points.
    pub fn new(
        (old, new): (&[Site], &[Site]),
        fingerprint: &FingerprintConfig,
        (k, components): (usize, usize),
    ) -> Result<Self, Error> {
        let not_heard_dbm = fingerprint.not_heard_dbm;
        let vector = heard_in_both(old, new, not_heard_dbm);
        if vector.access_points.is_empty() {
            return Err(Error::needs("access points that old surveys and the new one share"));
        }
        let mut points = Vec::new();
        for site in new {
            let on_floor = old.iter().filter(|survey| survey.floor == site.floor);
            let surveys: Vec<Survey> = on_floor.map(|survey| measured(&vector, survey)).collect();
            for point in &site.points {
                let scans: Vec<_> = point.scans.iter().map(|s| restricted(&vector, s)).collect();
                points.push(ReferencePoint::new(&point.id, point.position, &scans, not_heard_dbm));
            }
            points.extend(predicted(&vector, &surveys, &measured(&vector, site), components)?);
        }
        let map = RadioMap::new(points, fingerprint.distance, not_heard_dbm)?;
        Ok(Self { knn: WeightedKnn { map, k }, vector })
    }
}

impl Locator for AcMuLike {
    fn locate(&self, scan: &RssScan) -> Result<Estimate, NotLocated> {
        check(&self.knn.map, scan)?;
        self.knn.locate(&restricted(&self.vector, scan))
    }
}

fn measured(vector: &RssVector, site: &Site) -> Survey {
    let centimetres = |metres: f64| (100.0 * metres).round() as i64;
    let of = |point: &SitePoint| {
        let place = [centimetres(point.position.x_m), centimetres(point.position.y_m)];
        let mean = RssScan::mean(&point.scans, vector.not_heard_dbm);
        (place, (point.id.clone(), point.position, levels(vector, &mean)))
    };
    site.points.iter().map(of).collect()
}

/// The points that all old surveys of a floor share and the new one does not have, as they would be
/// heard now.
fn predicted(
    vector: &RssVector,
    surveys: &[Survey],
    new: &Survey,
    components: usize,
) -> Result<Vec<ReferencePoint>, Error> {
    let shared = |place: &&Place| surveys.iter().all(|survey| survey.contains_key(*place));
    let references: Vec<&Place> = new.keys().filter(shared).collect();
    if surveys.len() < FEWEST_SURVEYS || references.is_empty() {
        return Err(Error::needs("the surveyed points in three old surveys of their floor"));
    }
    let targets: Vec<&Place> =
        surveys[0].keys().filter(shared).filter(|place| !new.contains_key(*place)).collect();
    if targets.is_empty() {
        return Err(Error::needs("old points of its floor that are not surveyed anew"));
    }
    let n_columns = vector.access_points.len();
    let mut found = vec![DVector::zeros(n_columns); targets.len()];
    for column in 0..n_columns {
        let level = |e: usize, place: &Place| surveys[e][place].2[column];
        let then =
            DMatrix::from_fn(surveys.len(), references.len(), |e, r| level(e, references[r]));
        let now =
            DVector::from_iterator(references.len(), references.iter().map(|r| new[*r].2[column]));
        for (found, place) in found.iter_mut().zip(&targets) {
            let y = DVector::from_fn(surveys.len(), |e, _| level(e, place));
            found[column] = partial_least_squares(then.clone(), y, &now, components);
        }
    }
    let point = |(place, levels): (&&Place, &DVector<f64>)| {
        let (id, position, _) = &surveys[0][*place];
        let scan = scan_of(vector, levels)?;
        Ok(ReferencePoint { id: id.clone(), position: *position, scan, n_samples: surveys.len() })
    };
    targets.iter().zip(&found).map(point).collect()
}

/// What goes with `now` if `y` `[n]` went with the rows of `x` `[n, references]`.
fn partial_least_squares(
    mut x: DMatrix<f64>,
    mut y: DVector<f64>,
    now: &DVector<f64>,
    components: usize,
) -> f64 {
    let means = x.row_mean();
    x.row_iter_mut().for_each(|mut row| row -= &means);
    let mut rest = now - means.transpose();
    let mut answer = y.mean();
    y.add_scalar_mut(-answer);
    for _ in 0..components {
        let Some(w) = x.tr_mul(&y).try_normalize(1e-9) else { break };
        let t = &x * &w;
        let square = t.norm_squared();
        let (p, q) = (x.tr_mul(&t) / square, y.dot(&t) / square);
        let score = w.dot(&rest);
        answer += q * score;
        rest -= &p * score;
        x -= &t * p.transpose();
        y -= &t * q;
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::super::levels::tests::{scan, site};
    use super::*;

    fn by(x: &[f64], y: &[f64], now: &[f64], components: usize) -> f64 {
        let x = DMatrix::from_row_slice(y.len(), now.len(), x);
        let (y, now) = (DVector::from_row_slice(y), DVector::from_row_slice(now));
        partial_least_squares(x, y, &now, components)
    }

    /// One reference: least squares. Two alike: w = (1, 1) / sqrt 2, the same line in their mean.
    #[test]
    fn components_by_hand() {
        let y = [-60.0, -58.0, -53.0]; // centred -3, -1, 4; x: -1, 0, 1: slope 7/2
        assert!((by(&[-50.0, -49.0, -48.0], &y, &[-47.0], 1) - (-57.0 + 7.0)).abs() < 1e-9);
        let twice = [-50.0, -50.0, -49.0, -49.0, -48.0, -48.0];
        assert!((by(&twice, &y, &[-46.0, -48.0], 1) - (-57.0 + 7.0)).abs() < 1e-9);
        // The second component finds nothing left, and what never changed tells nothing.
        assert!((by(&twice, &y, &[-47.0, -47.0], 2) - (-57.0 + 7.0)).abs() < 1e-9);
        assert!((by(&[-50.0, -50.0, -50.0], &y, &[-47.0], 1) + 57.0).abs() < 1e-9);
    }

    /// As many components as columns are least squares: y = 2 a - b fits exactly.
    #[test]
    fn all_components_are_least_squares() {
        let x = [1.0, 2.0, 3.0, -1.0, 0.0, 4.0, 2.0, 2.0];
        let y: Vec<f64> = x.chunks(2).map(|row| 2.0 * row[0] - row[1] + 5.0).collect();
        assert!((by(&x, &y, &[7.0, -3.0], 2) - 22.0).abs() < 1e-9);
    }

    /// Three old surveys in which the level at 4 m is that at 0 m less 10 dB.
    #[test]
    fn the_map_follows_the_reference() {
        let survey = |name: &str, level: f32| {
            let (own, other) = (Some(level), Some(level - 10.0));
            site(name, &[(0.0, vec![scan(&[own])]), (4.0, vec![scan(&[other])])])
        };
        let old = [survey("1", -50.0), survey("2", -52.0), survey("3", -54.0)];
        let new = [site("new", &[(0.0, vec![scan(&[Some(-60.0), Some(-30.0)])])])];
        let fingerprint = FingerprintConfig::default();
        let made = AcMuLike::new((&old, &new), &fingerprint, (1, 1)).unwrap();
        let level = |index: usize| made.knn.map.points()[index].scan.readings()[0].1;
        assert_eq!((level(0), level(1)), (-60.0, -70.0));
        let found = made.locate(&scan(&[Some(-69.0), Some(-30.0)])).unwrap();
        assert!((found.position.x_m - 4.0).abs() < 1e-9);
        let stranger = scan(&[None, Some(-30.0)]);
        assert_eq!(made.locate(&stranger), Err(NotLocated::NoKnownAccessPoint));
        let two = AcMuLike::new((&old[..2], &new), &fingerprint, (1, 1));
        assert!(matches!(two, Err(Error::Needs(_))));
        let elsewhere = [site("new", &[(9.0, vec![scan(&[Some(-60.0)])])])];
        let elsewhere = AcMuLike::new((&old, &elsewhere), &fingerprint, (1, 1));
        assert!(matches!(elsewhere, Err(Error::Needs(_))));
    }
}

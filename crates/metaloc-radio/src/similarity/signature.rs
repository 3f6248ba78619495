//! Four signal distances at once, between a scan and a reference point.
//!
//! The strength of an access point in dBm says little about how much it tells: the strong ones do, a
//! weak one comes and goes. So strengths are raised to a power (J. Torres-Sospedra et al.,
//! "Comprehensive analysis of distance and similarity measures for Wi-Fi fingerprinting indoor
//! positioning systems", Expert Systems with Applications 42 (2015), the powed representation):
//!
//! ```text
//! powed_e(x) = ((x + 104) / 104)^e for x above -104 dBm, 0 for weaker and for silence
//!
//! Sorensen     sum |a - b| / sum (a + b)                         on powed_2
//! Euclidean    sqrt( sum (a - b)^2 )                             on dBm above -105
//! normalized   sqrt( sum (a / |a| - b / |b|)^2 )                 on powed_1.5
//! Hellinger    sqrt( 1 - sum sqrt(a b) / sqrt(sum a sum b) )     on powed_e, e = 2.718
//! ```
//!
//! A reference point's value is the mean of its transformed scans. Access points may have weights
//! that both sides are multiplied by (all but the Euclidean distance).

use serde::{Deserialize, Serialize};

use crate::signal::{AccessPointId, RssScan};

/// What is heard weaker counts as silence (dBm).
const SILENCE_DBM: f32 = -104.0;
/// Silence in the Euclidean distance (dBm).
const NOT_HEARD_DBM: f32 = -105.0;
const POWERS: [f32; 4] = [1.0, 1.5, 2.0, std::f32::consts::E];
/// Keeps logarithms of distances finite.
pub const LEAST_DISTANCE: f64 = 1e-6;

/// What the distances need to know of one access point at one place.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SignatureEntry {
    /// The access point.
    pub access_point: u32,
    /// Mean strength above -105 dBm (dB).
    pub above_silence_db: f32,
    /// Mean of powed_1, powed_1.5, powed_2, powed_e.
    pub powed: [f32; 4],
}

/// The transformed mean of some scans of one place, or one scan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signature {
    /// Sorted by access point; only those heard.
    entries: Vec<SignatureEntry>,
}

/// Weights of access points, sorted; those not listed weigh nothing.
pub type AccessPointWeights = Vec<(AccessPointId, f32)>;

/// How a scan and a reference point compare.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Sorensen, Euclidean, normalized, Hellinger; each at least [`LEAST_DISTANCE`].
    pub distances: [f64; 4],
    /// Access points that both heard, as a share of the scan's.
    pub common_of_scan: f64,
    /// The same, as a share of the reference point's.
    pub common_of_reference: f64,
}

impl Signature {
    /// The signature of scans of one place.
    #[must_use]
    pub fn of(scans: &[RssScan]) -> Self {
        let mut sums: std::collections::BTreeMap<u32, SignatureEntry> =
            std::collections::BTreeMap::new();
        for &(AccessPointId(access_point), dbm) in scans.iter().flat_map(RssScan::readings) {
            let empty = SignatureEntry { access_point, above_silence_db: 0.0, powed: [0.0; 4] };
            let sum = sums.entry(access_point).or_insert(empty);
            sum.above_silence_db += dbm - NOT_HEARD_DBM;
            let share = ((dbm - SILENCE_DBM) / -SILENCE_DBM).max(0.0);
            sum.powed.iter_mut().zip(POWERS).for_each(|(sum, power)| *sum += share.powf(power));
        }
        let n = scans.len().max(1) as f32;
        let mean = |mut entry: SignatureEntry| {
            entry.above_silence_db /= n;
            entry.powed.iter_mut().for_each(|sum| *sum /= n);
            entry
        };
        Self { entries: sums.into_values().map(mean).collect() }
    }

    /// A signature of these entries, in any order, each access point at most once.
    #[must_use]
    pub fn from_entries(mut entries: Vec<SignatureEntry>) -> Self {
        entries.sort_unstable_by_key(|entry| entry.access_point);
        Self { entries }
    }

    /// The entries, sorted by access point.
    #[must_use]
    pub fn entries(&self) -> &[SignatureEntry] {
        &self.entries
    }

    /// Runs over the access points of both, in order; silence is zeros.
    fn merge(
        &self,
        other: &Self,
        mut each: impl FnMut(u32, Option<&SignatureEntry>, Option<&SignatureEntry>),
    ) {
        let (mut a, mut b) = (self.entries.iter().peekable(), other.entries.iter().peekable());
        loop {
            let (at_a, at_b) = (a.peek().map(|e| e.access_point), b.peek().map(|e| e.access_point));
            match (at_a, at_b) {
                (None, None) => return,
                (Some(i), Some(j)) if i == j => each(i, a.next(), b.next()),
                (Some(i), Some(j)) if i < j => each(i, a.next(), None),
                (Some(i), None) => each(i, a.next(), None),
                (_, Some(j)) => each(j, None, b.next()),
            }
        }
    }

    /// Compares a scan with a reference point; without `weights` all access points count alike.
    #[must_use]
    pub fn compare(&self, reference: &Self, weights: Option<&AccessPointWeights>) -> Comparison {
        let mut sums = Sums::default();
        self.merge(reference, |access_point, a, b| {
            let weight = weights.map_or(1.0, |weights| weight_of(weights, access_point));
            sums.add(a, b, f64::from(weight));
        });
        let shares = |n: usize| f64::from(sums.common) / n.max(1) as f64;
        Comparison {
            distances: sums.distances(),
            common_of_scan: shares(self.entries.len()),
            common_of_reference: shares(reference.entries.len()),
        }
    }

    /// The weighted mean of several signatures, whose weights add up to 1.
    #[must_use]
    pub fn mean(parts: &[(&Self, f64)]) -> Self {
        let mut sums: std::collections::BTreeMap<u32, SignatureEntry> =
            std::collections::BTreeMap::new();
        for (signature, weight) in parts {
            let weight = *weight as f32;
            for entry in &signature.entries {
                let empty = SignatureEntry { above_silence_db: 0.0, powed: [0.0; 4], ..*entry };
                let sum = sums.entry(entry.access_point).or_insert(empty);
                sum.above_silence_db += weight * entry.above_silence_db;
                sum.powed.iter_mut().zip(entry.powed).for_each(|(sum, p)| *sum += weight * p);
            }
        }
        Self { entries: sums.into_values().collect() }
    }
}

fn weight_of(weights: &AccessPointWeights, access_point: u32) -> f32 {
    let place = weights.binary_search_by_key(&access_point, |(id, _)| id.0);
    place.map_or(0.0, |place| weights[place].1)
}

/// How much an old map still holds, access point by access point, and how well it fits on the whole.
///
/// `pairs` are the new survey's signatures, each with what the old map says of its place. The weight of
/// an access point is `sqrt(min / max)` of its summed powed_1 in the new survey and in the old map: 1
/// if it is as strong as ever, 0 if it came or went. The fit is the mean Sorensen distance.
#[must_use]
pub fn ageing(pairs: &[(&Signature, Signature)]) -> (AccessPointWeights, f64) {
    let mut sums: std::collections::BTreeMap<u32, [f32; 2]> = std::collections::BTreeMap::new();
    let mut fit = 0.0;
    for (new, old) in pairs {
        for (side, signature) in [*new, old].into_iter().enumerate() {
            for entry in &signature.entries {
                sums.entry(entry.access_point).or_default()[side] += entry.powed[0];
            }
        }
        fit += new.compare(old, None).distances[0] / pairs.len() as f64;
    }
    let weight = |[new, old]: [f32; 2]| (new.min(old) / new.max(old).max(1e-9)).sqrt();
    let weights = sums.into_iter().map(|(id, sums)| (AccessPointId(id), weight(sums)));
    (weights.filter(|(_, weight)| *weight > 0.0).collect(), fit)
}

/// Sums over access points, from which all distances follow.
#[derive(Default)]
struct Sums {
    difference: f64,
    total: f64,
    squares: f64,
    norms: [f64; 2],
    product: f64,
    masses: [f64; 2],
    root: f64,
    common: u32,
}

impl Sums {
    fn add(&mut self, a: Option<&SignatureEntry>, b: Option<&SignatureEntry>, weight: f64) {
        let powed = |entry: Option<&SignatureEntry>, power: usize| {
            entry.map_or(0.0, |entry| weight * f64::from(entry.powed[power]))
        };
        let db = |entry: Option<&SignatureEntry>| {
            entry.map_or(0.0, |entry| f64::from(entry.above_silence_db))
        };
        self.squares += (db(a) - db(b)).powi(2);
        self.common += u32::from(a.is_some() && b.is_some());
        if weight > 0.0 {
            let (x, y) = (powed(a, 2), powed(b, 2));
            self.difference += (x - y).abs();
            self.total += x + y;
            let (x, y) = (powed(a, 1), powed(b, 1));
            self.norms[0] += x * x;
            self.norms[1] += y * y;
            self.product += x * y;
            let (x, y) = (powed(a, 3), powed(b, 3));
            self.masses[0] += x;
            self.masses[1] += y;
            self.root += (x * y).sqrt();
        }
    }

    fn distances(&self) -> [f64; 4] {
        let share = |part: f64, of: [f64; 2]| {
            let of = (of[0] * of[1]).sqrt();
            if of > 0.0 { (part / of).min(1.0) } else { 0.0 }
        };
        // Of vectors of length 0 the normalized distance is that of the other one's length.
        let lengths = self.norms.map(|square| if square > 0.0 { 1.0 } else { 0.0 });
        let distances = [
            self.difference / self.total.max(1e-12),
            self.squares.sqrt(),
            (lengths[0] + lengths[1] - 2.0 * share(self.product, self.norms)).max(0.0).sqrt(),
            (1.0 - share(self.root, self.masses)).max(0.0).sqrt(),
        ];
        distances.map(|distance| distance + LEAST_DISTANCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(readings: &[(u32, f32)]) -> RssScan {
        RssScan::new(readings.iter().map(|&(id, dbm)| (AccessPointId(id), dbm)).collect()).unwrap()
    }

    fn close(found: [f64; 4], expected: [f64; 4]) -> bool {
        found.iter().zip(expected).all(|(f, e)| (f - e - LEAST_DISTANCE).abs() < 1e-5)
    }

    /// -52 dBm is half of the range: powed_1 0.5, powed_2 0.25, powed_1.5 0.35355, powed_e 0.15194.
    /// One side hears a at half and b fully (0 dBm), the other a alone, fully.
    #[test]
    fn distances_by_hand() {
        let a = Signature::of(&[scan(&[(1, -52.0), (2, 0.0)])]);
        let b = Signature::of(&[scan(&[(1, 0.0)])]);
        let found = a.compare(&b, None);
        let sorensen = (0.75 + 1.0) / (1.25 + 1.0);
        let euclidean = (52.0_f64.powi(2) + 105.0_f64.powi(2)).sqrt();
        let norm = (0.125_f64 + 1.0).sqrt();
        let normalized = (2.0 - 2.0 * 0.353_553_4 / norm).sqrt();
        let half = 0.5_f64.powf(std::f64::consts::E);
        let hellinger = (1.0 - half.sqrt() / (half + 1.0).sqrt()).sqrt();
        assert!(close(found.distances, [sorensen, euclidean, normalized, hellinger]), "{found:?}");
        assert!((found.common_of_scan - 0.5).abs() < 1e-12);
        assert!((found.common_of_reference - 1.0).abs() < 1e-12);
        // Without the second access point, a is like b but weaker: only the Euclidean sees both.
        let weights = vec![(AccessPointId(1), 1.0)];
        let weighted = a.compare(&b, Some(&weights)).distances;
        assert!(close(weighted, [0.75 / 1.25, euclidean, 0.0, 0.0]), "{weighted:?}");
    }

    #[test]
    fn a_reference_is_the_mean_of_transformed_scans() {
        let both = Signature::of(&[scan(&[(1, 0.0)]), scan(&[(2, -52.0)])]);
        let powed: Vec<f32> = both.entries().iter().map(|entry| entry.powed[2]).collect();
        assert!((powed[0] - 0.5).abs() < 1e-6 && (powed[1] - 0.125).abs() < 1e-6);
        let parts = [scan(&[(1, 0.0)]), scan(&[(2, -52.0)])].map(|s| Signature::of(&[s]));
        assert_eq!(Signature::mean(&[(&parts[0], 0.5), (&parts[1], 0.5)]), both);
    }

    #[test]
    fn what_came_or_went_weighs_nothing() {
        let new = Signature::of(&[scan(&[(1, 0.0), (2, 0.0), (4, -52.0)])]);
        let old = Signature::of(&[scan(&[(1, 0.0), (3, 0.0), (4, 0.0)])]);
        let (weights, fit) = ageing(&[(&new, old)]);
        assert_eq!(weights[0], (AccessPointId(1), 1.0));
        assert_eq!(weights[1].0, AccessPointId(4));
        assert!((weights[1].1 - 0.5_f32.sqrt()).abs() < 1e-6);
        assert_eq!(weights.len(), 2);
        // Differences 0, 1, 1, 0.75 of sums 2, 1, 1, 1.25.
        assert!((fit - 2.75 / 5.25).abs() < 1e-5, "{fit}");
    }

    #[test]
    fn nothing_in_common_is_far_and_finite() {
        let a = Signature::of(&[scan(&[(1, -50.0)])]);
        let b = Signature::of(&[scan(&[(2, -50.0)])]);
        let far = a.compare(&b, None);
        assert!(close(
            [far.distances[0], 1.0, far.distances[2], far.distances[3]],
            [1.0, 1.0 - LEAST_DISTANCE, 2.0_f64.sqrt(), 1.0]
        ));
        let nothing = a.compare(&b, Some(&Vec::new()));
        assert!(nothing.distances.iter().all(|d| d.is_finite()), "{nothing:?}");
    }
}

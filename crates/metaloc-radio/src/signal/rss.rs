//! One scan of received signal strength (RSS).

use super::AccessPointId;
use crate::RadioError;

/// The weakest RSS that is accepted as a measurement (dBm).
pub const MIN_RSS_DBM: f32 = -120.0;
/// The strongest RSS that is accepted as a measurement (dBm).
pub const MAX_RSS_DBM: f32 = 0.0;

/// The access points that one scan heard, with their strengths.
///
/// An access point that was not heard is *absent*; no number stands for it. Methods that need a
/// number take `not_heard_dbm` as an argument, so that the choice is visible where it matters.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RssScan {
    /// Sorted by access point, each at most once.
    readings: Box<[(AccessPointId, f32)]>,
}

impl RssScan {
    /// A scan of `(access point, RSS (dBm))` readings in any order.
    ///
    /// # Errors
    /// [`RadioError::NonFiniteRss`], [`RadioError::RssOutOfRange`] (outside of
    /// [`MIN_RSS_DBM`]..=[`MAX_RSS_DBM`]), [`RadioError::DuplicateReading`].
    pub fn new(mut readings: Vec<(AccessPointId, f32)>) -> Result<Self, RadioError> {
        for &(AccessPointId(access_point), dbm) in &readings {
            if !dbm.is_finite() {
                return Err(RadioError::NonFiniteRss { access_point, dbm });
            }
            if !(MIN_RSS_DBM..=MAX_RSS_DBM).contains(&dbm) {
                return Err(RadioError::RssOutOfRange { access_point, dbm });
            }
        }
        readings.sort_unstable_by_key(|&(id, _)| id);
        if let Some(pair) = readings.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(RadioError::DuplicateReading { access_point: pair[0].0.0 });
        }
        Ok(Self { readings: readings.into_boxed_slice() })
    }

    /// The readings, sorted by access point; strengths in dBm.
    #[must_use]
    pub fn readings(&self) -> &[(AccessPointId, f32)] {
        &self.readings
    }

    /// The strength of one access point (dBm), if it was heard.
    #[must_use]
    pub fn get(&self, id: AccessPointId) -> Option<f32> {
        let at = self.readings.binary_search_by_key(&id, |&(id, _)| id).ok()?;
        Some(self.readings[at].1)
    }

    /// Number of access points heard.
    #[must_use]
    pub fn len(&self) -> usize {
        self.readings.len()
    }

    /// Whether nothing was heard.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.readings.is_empty()
    }

    /// The mean of several scans (dBm); in each scan, an access point that it did not hear counts
    /// as `not_heard_dbm`. Access points that no scan heard stay absent.
    #[must_use]
    pub fn mean(scans: &[Self], not_heard_dbm: f32) -> Self {
        if let [only] = scans {
            return only.clone();
        }
        let mut all: Vec<(AccessPointId, f32)> =
            scans.iter().flat_map(|scan| scan.readings.iter().copied()).collect();
        // A stable sort keeps the scans' order within an access point: one order of summation.
        all.sort_by_key(|&(id, _)| id);
        let n = scans.len() as f64;
        let readings = all
            .chunk_by(|a, b| a.0 == b.0)
            .map(|heard| {
                let sum: f64 = heard.iter().map(|&(_, dbm)| f64::from(dbm)).sum();
                let missing = n - heard.len() as f64;
                (heard[0].0, ((sum + missing * f64::from(not_heard_dbm)) / n) as f32)
            })
            .collect();
        Self { readings }
    }

    /// The scan as a receiver with `offset_db` more gain would have reported it; strengths are
    /// kept within [`MIN_RSS_DBM`]..=[`MAX_RSS_DBM`].
    #[must_use]
    pub fn shifted(&self, offset_db: f32) -> Self {
        let shift = |&(id, dbm): &(AccessPointId, f32)| {
            (id, (dbm + offset_db).clamp(MIN_RSS_DBM, MAX_RSS_DBM))
        };
        Self { readings: self.readings.iter().map(shift).collect() }
    }

    /// The scan with only the access points that `keep` accepts.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(AccessPointId) -> bool) -> Self {
        Self { readings: self.readings.iter().filter(|r| keep(r.0)).copied().collect() }
    }
}

/// Calls `visit(access point, strength in a, strength in b)` for each access point that at least
/// one of two scans heard, in index order.
pub fn paired_readings(
    a: &RssScan,
    b: &RssScan,
    mut visit: impl FnMut(AccessPointId, Option<f32>, Option<f32>),
) {
    let (a, b) = (&a.readings, &b.readings);
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        match a[i].0.cmp(&b[j].0) {
            std::cmp::Ordering::Less => {
                visit(a[i].0, Some(a[i].1), None);
                i += 1;
            }
            std::cmp::Ordering::Greater => {
                visit(b[j].0, None, Some(b[j].1));
                j += 1;
            }
            std::cmp::Ordering::Equal => {
                visit(a[i].0, Some(a[i].1), Some(b[j].1));
                i += 1;
                j += 1;
            }
        }
    }
    a[i..].iter().for_each(|&(id, dbm)| visit(id, Some(dbm), None));
    b[j..].iter().for_each(|&(id, dbm)| visit(id, None, Some(dbm)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(readings: &[(u32, f32)]) -> RssScan {
        RssScan::new(readings.iter().map(|&(id, dbm)| (AccessPointId(id), dbm)).collect()).unwrap()
    }

    #[test]
    fn refuses_what_no_receiver_reports() {
        let one = |dbm| RssScan::new(vec![(AccessPointId(7), dbm)]);
        assert!(matches!(one(f32::NAN), Err(RadioError::NonFiniteRss { access_point: 7, .. })));
        assert!(matches!(one(100.0), Err(RadioError::RssOutOfRange { .. })));
        assert!(matches!(one(-120.5), Err(RadioError::RssOutOfRange { .. })));
        assert!(one(0.0).is_ok() && one(-120.0).is_ok());
        let twice = vec![(AccessPointId(1), -50.0), (AccessPointId(1), -51.0)];
        assert_eq!(RssScan::new(twice), Err(RadioError::DuplicateReading { access_point: 1 }));
    }

    #[test]
    fn the_mean_counts_silence_as_the_given_level() {
        let mean = RssScan::mean(&[scan(&[(0, -40.0)]), scan(&[(0, -50.0), (3, -75.0)])], -105.0);
        assert_eq!(mean, scan(&[(0, -45.0), (3, -90.0)]));
        assert_eq!(RssScan::mean(&[], -105.0), scan(&[]));
    }

    #[test]
    fn pairs_cover_the_union_in_order() {
        let mut seen = Vec::new();
        paired_readings(
            &scan(&[(0, -1.0), (2, -2.0), (9, -3.0)]),
            &scan(&[(2, -4.0), (5, -5.0)]),
            |id, x, y| seen.push((id.0, x, y)),
        );
        let expected = [
            (0, Some(-1.0), None),
            (2, Some(-2.0), Some(-4.0)),
            (5, None, Some(-5.0)),
            (9, Some(-3.0), None),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_shift_stays_within_range() {
        assert_eq!(scan(&[(0, -3.0), (1, -60.0)]).shifted(5.0), scan(&[(0, 0.0), (1, -55.0)]));
    }
}

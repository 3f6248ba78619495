//! Euclidean signal distance (RADAR: Bahl and Padmanabhan, INFOCOM 2000; the paper's section I-A).

use crate::signal::{RssScan, paired_readings};

/// `sqrt(sum over access points of (a - b)^2)` (dB), silence counted as `not_heard_dbm`.
#[must_use]
pub fn distance_db(a: &RssScan, b: &RssScan, not_heard_dbm: f32) -> f64 {
    let mut sum = 0.0;
    paired_readings(a, b, |_, x, y| {
        let difference =
            f64::from(x.unwrap_or(not_heard_dbm)) - f64::from(y.unwrap_or(not_heard_dbm));
        sum += difference * difference;
    });
    sum.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::AccessPointId;

    #[test]
    fn silence_counts_as_the_given_level() {
        let a = RssScan::new(vec![(AccessPointId(0), -60.0), (AccessPointId(1), -102.0)]).unwrap();
        let b = RssScan::new(vec![(AccessPointId(0), -64.0)]).unwrap();
        assert!((distance_db(&a, &b, -105.0) - 5.0).abs() < 1e-6); // hypot(4, 3)
    }
}

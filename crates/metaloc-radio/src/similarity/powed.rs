//! Distance of powed strengths (Torres-Sospedra, Montoliu, Trilles, Belmonte, Huerta: Comprehensive
//! analysis of distance and similarity measures for Wi-Fi fingerprinting indoor positioning systems,
//! Expert Systems with Applications 42 (2015), section 3.2), at norm one.
//!
//! A strong access point says more about the place than a weak one, and a receiver's gain nothing: the
//! strengths above silence are raised to a power and scaled to norm one. The publication's power is e;
//! [`EXPONENT`] is ours.

use crate::signal::RssScan;

/// The power that strengths above silence (dB) are raised to.
pub const EXPONENT: f64 = 1.5;

/// Euclidean distance of the two, 0 to the square root of 2, which it is from an empty scan too; 0 if
/// both are empty.
#[must_use]
pub fn distance(a: &RssScan, b: &RssScan, not_heard_dbm: f32) -> f64 {
    let (ab, aa, bb) = super::products(a, b, not_heard_dbm, |level| level.powf(EXPONENT));
    let norms = (aa * bb).sqrt();
    let cosine = match (norms > 0.0, aa + bb > 0.0) {
        (true, _) => ab / norms,
        (false, true) => 0.0,
        (false, false) => 1.0,
    };
    (2.0 - 2.0 * cosine).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::AccessPointId;

    fn scan(levels: [f32; 2]) -> RssScan {
        let heard = |(id, level): (u32, f32)| (AccessPointId(id), level - 105.0);
        RssScan::new((0..).zip(levels).map(heard).collect()).unwrap()
    }

    #[test]
    fn strong_access_points_count_more_and_gain_nothing() {
        let at = |a: [f32; 2], b: [f32; 2]| distance(&scan(a), &scan(b), -105.0);
        // Powed: (8, 64) and (64, 8); cosine 2 * 8 * 64 / (64 + 4096).
        let expected = (2.0 - 2.0 * 1024.0 / 4160.0_f64).sqrt();
        assert!((at([4.0, 16.0], [16.0, 4.0]) - expected).abs() < 1e-6);
        assert!(at([4.0, 16.0], [8.0, 32.0]) < 1e-6);
        let silent = RssScan::default();
        assert!((distance(&scan([4.0, 1.0]), &silent, -105.0) - 2.0_f64.sqrt()).abs() < 1e-9);
        assert!(distance(&silent, &silent, -105.0) < 1e-9);
    }
}

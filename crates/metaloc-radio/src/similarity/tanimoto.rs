//! Tanimoto signal distance (ARIEL: Jiang et al., UbiComp 2012; the paper's section I-A).

use crate::signal::RssScan;

/// `1 - a.b / (a.a + b.b - a.b)`, on strengths above `not_heard_dbm`; 1 if both scans are empty.
#[must_use]
pub fn distance(a: &RssScan, b: &RssScan, not_heard_dbm: f32) -> f64 {
    let (ab, aa, bb) = super::products(a, b, not_heard_dbm, |level| level);
    let union = aa + bb - ab;
    if union == 0.0 { 1.0 } else { (1.0 - ab / union).max(0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::AccessPointId;

    #[test]
    fn half_the_strength_is_a_third_apart() {
        let at = |dbm| RssScan::new(vec![(AccessPointId(0), dbm)]).unwrap();
        // a = 10, b = 20 above silence: a.b = 200, a.a + b.b - a.b = 300.
        assert!((distance(&at(-95.0), &at(-85.0), -105.0) - 1.0 / 3.0).abs() < 1e-7);
    }
}

//! Cosine signal distance (the paper's section I-A, citing its reference 38).

use crate::signal::RssScan;

/// `1 - a.b / (|a| |b|)`, on strengths above `not_heard_dbm`, in 0..=1; 1 if a scan is empty.
#[must_use]
pub fn distance(a: &RssScan, b: &RssScan, not_heard_dbm: f32) -> f64 {
    let (ab, aa, bb) = super::products(a, b, not_heard_dbm, |level| level);
    if aa == 0.0 || bb == 0.0 { 1.0 } else { (1.0 - ab / (aa * bb).sqrt()).max(0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::AccessPointId;

    #[test]
    fn right_angle_and_45_degrees() {
        let scan = |readings: &[(u32, f32)]| {
            RssScan::new(readings.iter().map(|&(i, d)| (AccessPointId(i), d)).collect()).unwrap()
        };
        let x = scan(&[(0, -95.0)]);
        let y = scan(&[(1, -50.0)]);
        let both = scan(&[(0, -85.0), (1, -85.0)]);
        assert!((distance(&x, &y, -105.0) - 1.0).abs() < 1e-12);
        assert!((distance(&x, &both, -105.0) - (1.0 - 0.5f64.sqrt())).abs() < 1e-7);
    }
}

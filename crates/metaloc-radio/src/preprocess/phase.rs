//! Phase without what the clocks add to it.
//!
//! The receiver's clock is off in frequency and in time, which adds a line over the subcarriers to the
//! phase (S. Sen et al., "You are facing the Mona Lisa", MobiSys 2012). The line of least squares over
//! the true subcarrier numbers is taken out of the unwrapped phase; what is left depends on the paths.

use std::f32::consts::{PI, TAU};

use num_complex::Complex32;

/// The phases (rad) of a row of values, unwrapped over `subcarriers`, less their line of least
/// squares.
///
/// # Shapes
/// `row`, `subcarriers`, the answer: all of one length
#[must_use]
pub fn sanitize_phase(row: &[Complex32], subcarriers: &[i16]) -> Vec<f32> {
    let mut phases: Vec<f32> = row.iter().map(|value| value.arg()).collect();
    for at in 1..phases.len() {
        // Between subcarriers that are not neighbours it may have gone on in the meantime: the way
        // that is shorter is taken.
        let step = phases[at] - phases[at - 1];
        phases[at] -= TAU * ((step + PI) / TAU).floor();
    }
    let n = phases.len() as f32;
    let k = || subcarriers.iter().map(|&k| f32::from(k));
    let (mean_k, mean_phase) = (k().sum::<f32>() / n, phases.iter().sum::<f32>() / n);
    let spread: f32 = k().map(|k| (k - mean_k).powi(2)).sum();
    let common: f32 = k().zip(&phases).map(|(k, phase)| (k - mean_k) * (phase - mean_phase)).sum();
    let slope = if spread > 0.0 { common / spread } else { 0.0 };
    k().zip(&phases).map(|(k, phase)| phase - mean_phase - slope * (k - mean_k)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SUBCARRIERS: [i16; 9] = [-28, -26, -12, -2, -1, 1, 13, 27, 28];

    proptest! {
        /// Whatever line the clocks add, the same is left.
        #[test]
        fn a_line_leaves_no_trace(slope in -0.2f32..0.2, offset in -3.0f32..3.0) {
            let bend = |k: i16| 0.3 * (f32::from(k) / 9.0).sin();
            let row = |slope: f32, offset: f32| {
                let value = |&k: &i16| Complex32::from_polar(2.0, bend(k) + slope * f32::from(k) + offset);
                SUBCARRIERS.iter().map(value).collect::<Vec<_>>()
            };
            let plain = sanitize_phase(&row(0.0, 0.0), &SUBCARRIERS);
            let shifted = sanitize_phase(&row(slope, offset), &SUBCARRIERS);
            for (a, b) in plain.iter().zip(&shifted) {
                prop_assert!((a - b).abs() < 1e-4, "{plain:?} {shifted:?}");
            }
            prop_assert!(plain.iter().sum::<f32>().abs() < 1e-4);
        }
    }
}

//! Frames unlike the others of a recording.
//!
//! A frame is dropped if its amplitudes correlate too little with the median spectrum, or if its norm
//! is too far from the median norm. The rule and its limits are ours; the paper has none.

use serde::{Deserialize, Serialize};

use super::Packets;
use super::hampel::{MAD_TO_STD, median};
use crate::RadioError;

/// Settings of the search for unlike frames.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outliers {
    /// Least correlation with the median spectrum, -1 to 1.
    pub min_correlation: f32,
    /// Most deviations (1.4826 times the median absolute one) of the norm from its median; above 0.
    pub threshold: f32,
}

impl Default for Outliers {
    fn default() -> Self {
        Self { min_correlation: 0.5, threshold: 3.0 }
    }
}

impl Outliers {
    pub(super) fn check(self) -> Result<(), RadioError> {
        if !(-1.0..=1.0).contains(&self.min_correlation) {
            let (setting, found) =
                ("csi.outliers.min_correlation", f64::from(self.min_correlation));
            return Err(RadioError::Setting { setting, found, expected: "between -1 and 1" });
        }
        if self.threshold.is_nan() || self.threshold <= 0.0 {
            let (setting, found) = ("csi.outliers.threshold", f64::from(self.threshold));
            return Err(RadioError::Setting { setting, found, expected: "above 0" });
        }
        Ok(())
    }

    /// Drops unlike packets; how many.
    pub(super) fn apply(self, packets: &mut Packets) -> usize {
        let length = packets.packet_len();
        let amplitudes: Vec<f32> = packets.values.iter().map(|value| value.norm()).collect();
        let column = |c: usize| amplitudes.iter().skip(c).step_by(length).copied();
        let spectrum: Vec<f32> =
            (0..length).map(|c| median(&mut column(c).collect::<Vec<_>>())).collect();
        let rows = || amplitudes.chunks_exact(length);
        let norms: Vec<f32> =
            rows().map(|row| row.iter().map(|a| a * a).sum::<f32>().sqrt()).collect();
        let middle = median(&mut norms.clone());
        let mut deviations: Vec<f32> = norms.iter().map(|norm| (norm - middle).abs()).collect();
        let limit = self.threshold * MAD_TO_STD * median(&mut deviations);
        let keep: Vec<bool> = rows()
            .zip(&norms)
            .map(|(row, norm)| {
                let is_near = limit == 0.0 || (norm - middle).abs() <= limit;
                is_near && correlation(row, &spectrum) >= self.min_correlation
            })
            .collect();
        packets.retain(&keep)
    }
}

/// Pearson's correlation; 1 where one of the two is constant, which says nothing against it.
fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let n = a.len() as f32;
    let mean = |x: &[f32]| x.iter().sum::<f32>() / n;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        ab += (x - mean_a) * (y - mean_b);
        aa += (x - mean_a).powi(2);
        bb += (y - mean_b).powi(2);
    }
    if aa * bb > 0.0 { ab / (aa * bb).sqrt() } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_complex::Complex32;

    #[test]
    fn unlike_and_loud_frames_go() {
        let row = |scale: f32, shape: [f32; 3]| shape.map(|a| Complex32::new(scale * a, 0.0));
        let rows = [
            row(1.0, [1.0, 2.0, 3.0]),
            row(1.1, [1.0, 2.0, 3.0]),
            row(0.9, [1.0, 2.0, 3.0]),
            row(1.0, [3.0, 2.0, 1.0]),
            row(5.0, [1.0, 2.0, 3.0]),
            row(1.05, [1.0, 2.0, 3.0]),
        ];
        let mut packets = Packets {
            time_ns: (0..6).collect(),
            rssi_dbm: vec![None; 6],
            n_streams: 1,
            neighbors: Vec::new(),
            subcarriers: vec![1, 2, 3],
            values: rows.concat(),
        };
        assert_eq!(Outliers::default().apply(&mut packets), 2);
        assert_eq!(packets.time_ns, [0, 1, 2, 5]);
    }

    #[test]
    fn correlation_by_hand() {
        assert!((correlation(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]) - 1.0).abs() < 1e-6);
        assert!((correlation(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]) + 1.0).abs() < 1e-6);
        assert!((correlation(&[1.0, 0.0, 1.0], &[1.0, 1.0, 2.0]) - 0.5).abs() < 1e-6);
    }
}

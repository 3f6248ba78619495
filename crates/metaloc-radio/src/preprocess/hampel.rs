//! Hampel filter: spikes in time become the median of their neighbours.
//!
//! F. R. Hampel, "The influence curve and its role in robust estimation", JASA 69 (1974), as used for
//! CSI since R. K. Pearson, "Outliers in process modeling and identification", 2002. For each stream
//! and subcarrier, with the amplitudes x over time and windows of 2 w + 1 packets:
//!
//! ```text
//! m = median(window),  S = 1.4826 median |window - m|,  x <- m  where |x - m| > threshold S
//! ```
//!
//! At the ends the window is cut short. The phase stays.

use serde::{Deserialize, Serialize};

use super::Packets;
use crate::RadioError;

/// From the median of absolute deviations to the standard deviation of normal numbers.
pub(super) const MAD_TO_STD: f32 = 1.4826;

/// Settings of the Hampel filter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hampel {
    /// Packets on either side, w; at least 1.
    pub half_window: usize,
    /// Deviations S from the median that make a spike; above 0.
    pub threshold: f32,
}

impl Default for Hampel {
    fn default() -> Self {
        Self { half_window: 3, threshold: 3.0 }
    }
}

impl Hampel {
    pub(super) fn check(self) -> Result<(), RadioError> {
        if self.half_window == 0 {
            let (setting, found) = ("csi.hampel.half_window", 0.0);
            return Err(RadioError::Setting { setting, found, expected: "at least 1" });
        }
        if self.threshold.is_nan() || self.threshold <= 0.0 {
            let (setting, found) = ("csi.hampel.threshold", f64::from(self.threshold));
            return Err(RadioError::Setting { setting, found, expected: "above 0" });
        }
        Ok(())
    }

    /// Filters each stream and subcarrier; how many values were replaced.
    pub(super) fn apply(self, packets: &mut Packets) -> usize {
        let length = packets.packet_len();
        let n_packets = packets.time_ns.len();
        let mut replaced = 0;
        for column in 0..length {
            let amplitudes: Vec<f32> =
                packets.values.iter().skip(column).step_by(length).map(|v| v.norm()).collect();
            for at in 0..n_packets {
                let Some(median) = self.spike(&amplitudes, at) else { continue };
                let value = &mut packets.values[at * length + column];
                *value = if amplitudes[at] > 0.0 {
                    *value * (median / amplitudes[at])
                } else {
                    median.into()
                };
                replaced += 1;
            }
        }
        replaced
    }

    /// The median of its neighbours, if the number at a place is a spike.
    fn spike(self, numbers: &[f32], at: usize) -> Option<f32> {
        let last = (at + self.half_window + 1).min(numbers.len());
        let mut window = numbers[at.saturating_sub(self.half_window)..last].to_vec();
        let middle = median(&mut window);
        window.iter_mut().for_each(|number| *number = (*number - middle).abs());
        let deviation = MAD_TO_STD * median(&mut window);
        ((numbers[at] - middle).abs() > self.threshold * deviation).then_some(middle)
    }
}

/// The median; of an even count the mean of the middle two; 0 of none. Puts the numbers in order.
pub(super) fn median(numbers: &mut [f32]) -> f32 {
    numbers.sort_unstable_by(f32::total_cmp);
    let middle = numbers.len() / 2;
    match numbers.len() {
        0 => 0.0,
        n if n % 2 == 0 => 0.5 * (numbers[middle - 1] + numbers[middle]),
        _ => numbers[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_complex::Complex32;

    #[test]
    fn a_spike_becomes_the_median_and_keeps_its_phase() {
        let amplitudes = [1.0, 1.1, 0.9, 9.0, 1.0, 1.2, 0.8];
        let mut packets = Packets {
            time_ns: (0..7).collect(),
            rssi_dbm: vec![None; 7],
            n_streams: 1,
            neighbors: Vec::new(),
            subcarriers: vec![1],
            values: amplitudes.iter().map(|&a| Complex32::new(0.0, -a)).collect(),
        };
        // Around the spike: median 1, deviations 0 0 0.1 0.1 0.2 0.2 8, so S = 0.148.
        assert_eq!(Hampel::default().apply(&mut packets), 1);
        assert!((packets.values[3] - Complex32::new(0.0, -1.0)).norm() < 1e-6);
        assert!((packets.values[5] - Complex32::new(0.0, -1.2)).norm() < 1e-6);
    }

    #[test]
    fn settings_are_checked() {
        assert!(Hampel { half_window: 0, ..Hampel::default() }.check().is_err());
        assert!(Hampel { threshold: f32::NAN, ..Hampel::default() }.check().is_err());
        assert!(Hampel::default().check().is_ok());
    }
}

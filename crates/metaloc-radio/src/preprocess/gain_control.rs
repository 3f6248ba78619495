//! Taking out the receiver's automatic gain control (AGC).
//!
//! A receiver turns its gain up and down so that its converter is well used, and reports the channel
//! behind that gain: raw amplitudes have no absolute scale and jump in time. With the signal strength
//! that the receiver reports beside it, the scale comes back (Gao et al., "CRISLoc", IEEE Internet of
//! Things Journal, 2020, doi 10.1109/JIOT.2020.3022573, as CSIKit has it):
//!
//! ```text
//! h <- h sqrt(10^(RSSI / 10) / mean |h|^2)        the mean over streams and subcarriers
//! ```
//!
//! Without it, each frame is brought to mean power 1: the level is lost, the shape stays.

use serde::{Deserialize, Serialize};

use super::Packets;
use crate::RadioError;

/// How the receiver's gain is taken out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GainControl {
    /// It stays.
    #[default]
    Keep,
    /// Each frame has the power of its RSSI: 0 dBm is mean power 1.
    Rssi,
    /// Each frame has mean power 1 over all streams.
    Packet,
    /// Each stream of each frame has mean power 1.
    Antenna,
}

impl GainControl {
    pub(super) fn apply(self, packets: &mut Packets) -> Result<(), RadioError> {
        let part = match self {
            Self::Keep => return Ok(()),
            Self::Rssi | Self::Packet => packets.packet_len(),
            Self::Antenna => packets.subcarriers.len(),
        };
        let parts_per_packet = packets.packet_len() / part;
        for (index, values) in packets.values.chunks_exact_mut(part).enumerate() {
            let wanted = match self {
                Self::Rssi => {
                    let rssi = packets.rssi_dbm[index / parts_per_packet].ok_or_else(|| {
                        let asked = "`csi.gain_control = \"rssi\"`: signal strength".to_owned();
                        let found = "none; use `packet` or `antenna`".to_owned();
                        RadioError::NotRecorded { asked, found }
                    })?;
                    10f32.powf(rssi / 10.0)
                }
                _ => 1.0,
            };
            let power = values.iter().map(|value| value.norm_sqr()).sum::<f32>() / part as f32;
            // A picture may have a black row.
            let factor = if power > 0.0 { (wanted / power).sqrt() } else { 1.0 };
            values.iter_mut().for_each(|value| *value *= factor);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_complex::Complex32;

    /// One packet of two streams and two subcarriers: powers 1 and 49, 9 and 41 (mean 25).
    fn packets(rssi_dbm: Option<f32>) -> Packets {
        Packets {
            time_ns: vec![0],
            rssi_dbm: vec![rssi_dbm],
            n_streams: 2,
            neighbors: Vec::new(),
            subcarriers: vec![-1, 1],
            values: [(1.0, 0.0), (0.0, 7.0), (-3.0, 0.0), (4.0, 5.0)]
                .map(|(re, im)| Complex32::new(re, im))
                .to_vec(),
        }
    }

    fn powers(gain_control: GainControl, rssi_dbm: Option<f32>) -> Vec<f32> {
        let mut packets = packets(rssi_dbm);
        gain_control.apply(&mut packets).unwrap();
        packets.values.iter().map(|value| value.norm_sqr()).collect()
    }

    fn close(found: &[f32], expected: [f32; 4]) {
        assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-5), "{found:?}");
    }

    #[test]
    fn powers_by_hand() {
        close(&powers(GainControl::Keep, None), [1.0, 49.0, 9.0, 41.0]);
        close(&powers(GainControl::Packet, None), [0.04, 1.96, 0.36, 1.64]);
        close(&powers(GainControl::Antenna, None), [0.04, 1.96, 0.36, 1.64]);
        close(&powers(GainControl::Rssi, Some(-10.0)), [0.004, 0.196, 0.036, 0.164]);
    }

    #[test]
    fn a_missing_signal_strength_is_named() {
        let message = GainControl::Rssi.apply(&mut packets(None)).unwrap_err().to_string();
        assert!(message.contains("signal strength is not in the recording"), "{message}");
    }
}

//! Which subcarriers are kept.
//!
//! The paper uses 52 of a channel of 20 MHz and does not say which. Two sets have 52: the legacy
//! format's, -26 to 26 without 0, and the data subcarriers of 802.11n, -28 to 28 without 0 and the
//! pilots at 7 and 21. Newer firmware of Broadcom's chips writes its own numbers over subcarriers 28
//! to 30 (of wider channels 0 to 2), which the legacy set does not have.

use serde::{Deserialize, Serialize};

use crate::RadioError;
use crate::signal::{Chip, CsiRecording, FrameFormat, SubcarrierRole, Subcarriers};

/// Which subcarriers are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubcarrierSelection {
    /// All that carry something in every format and that no firmware overwrites: as `legacy` in
    /// 20 MHz; in wider channels as `ht` without 2; of Intel's 30, and of a picture's columns, all.
    #[default]
    Auto,
    /// -26 to 26 without 0: 52 of 20 MHz.
    Legacy,
    /// Those of 802.11n that carry data: 52 of 20 MHz, 108 of 40, 234 of 80.
    HtData,
    /// Those of 802.11n with pilots: 56 of 20 MHz, 114 of 40, 242 of 80.
    Ht,
    /// All that the recording has, null and guard subcarriers too.
    All,
}

impl SubcarrierSelection {
    /// The subcarriers kept, with their places in a row of the recording.
    pub(super) fn places(self, recording: &CsiRecording) -> Result<Vec<(i16, usize)>, RadioError> {
        let own = recording.subcarriers;
        let all = (0..own.count()).filter_map(|place| Some((own.at(place)?, place)));
        let kept: Vec<(i16, usize)> = all
            .filter(|(k, _)| self.keeps(*k, recording.chip, own, recording.bandwidth_mhz))
            .collect();
        if kept.is_empty() {
            let asked = format!("a subcarrier of `{self:?}`").to_lowercase();
            let found = format!("{own:?}");
            return Err(RadioError::NotRecorded { asked, found });
        }
        Ok(kept)
    }

    /// Whether it keeps `subcarrier`, one of those that `chip` recorded.
    pub(crate) fn keeps(
        self,
        subcarrier: i16,
        chip: Chip,
        recorded: Subcarriers,
        bandwidth_mhz: u16,
    ) -> bool {
        let role = |format| SubcarrierRole::among(recorded, subcarrier, bandwidth_mhz, format);
        match self {
            Self::All => true,
            Self::Legacy => role(FrameFormat::Legacy).is_used(),
            Self::Ht => role(FrameFormat::HighThroughput).is_used(),
            Self::HtData => role(FrameFormat::HighThroughput) == SubcarrierRole::Data,
            Self::Auto => match (chip, recorded) {
                // Nobody says which subcarriers a picture's columns are.
                (Chip::Image | Chip::Intel5300, _)
                | (_, Subcarriers::Intel20 | Subcarriers::Intel40) => true,
                // Half a channel, recorded from the legacy preamble.
                (Chip::Esp32, Subcarriers::Range { count: 64, .. }) => {
                    role(FrameFormat::Legacy).is_used()
                }
                _ if bandwidth_mhz > 20 => {
                    subcarrier != 2 && role(FrameFormat::HighThroughput).is_used()
                }
                _ => role(FrameFormat::Legacy).is_used(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{CsiFrame, Stream};
    use num_complex::Complex32;

    fn kept(selection: SubcarrierSelection, chip: Chip, mhz: u16, own: Subcarriers) -> Vec<i16> {
        let frame = CsiFrame {
            chip,
            time_ns: 0,
            source: None,
            sequence: None,
            rssi_dbm: None,
            channel: None,
            bandwidth_mhz: mhz,
            streams: vec![Stream::default()],
            subcarriers: own,
            values: vec![Complex32::new(1.0, 0.0); own.count()],
        };
        let recording = CsiRecording::new(vec![frame]).unwrap();
        selection.places(&recording).unwrap().into_iter().map(|(k, _)| k).collect()
    }

    #[test]
    fn two_ways_to_get_52() {
        let of = |selection| kept(selection, Chip::Bcm4339, 20, Subcarriers::All(64));
        let legacy = of(SubcarrierSelection::Legacy);
        let data = of(SubcarrierSelection::HtData);
        assert_eq!((legacy.len(), data.len()), (52, 52));
        assert_eq!((legacy[0], data[0]), (-26, -28));
        assert!(legacy.contains(&7) && !data.contains(&7) && data.contains(&28));
        assert_eq!(of(SubcarrierSelection::Ht).len(), 56);
        assert_eq!(of(SubcarrierSelection::All).len(), 64);
        assert_eq!(of(SubcarrierSelection::Auto), legacy);
    }

    #[test]
    fn auto_leaves_out_what_firmware_overwrites() {
        let wide = kept(SubcarrierSelection::Auto, Chip::Bcm43455c0, 80, Subcarriers::All(256));
        assert_eq!(wide.len(), 241);
        assert!(wide.contains(&-2) && !wide.contains(&2));
        let intel = kept(SubcarrierSelection::Auto, Chip::Intel5300, 20, Subcarriers::Intel20);
        assert_eq!(intel.len(), 30);
        let half = Subcarriers::Range { first: -64, count: 64 };
        let esp32 = kept(SubcarrierSelection::Auto, Chip::Esp32, 40, half);
        assert_eq!((esp32.len(), esp32[0], esp32[51]), (52, -58, -6));
    }
}

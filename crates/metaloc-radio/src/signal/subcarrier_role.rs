//! What each subcarrier of a Wi-Fi channel carries (IEEE 802.11-2016, 17.3.5.10, 19.3.11, 21.3.10).

use serde::{Deserialize, Serialize};

use super::csi::Subcarriers;

/// What a subcarrier carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubcarrierRole {
    /// Nothing, at and around the channel's centre.
    Null,
    /// Nothing, at the channel's edges.
    Guard,
    /// A known signal, for the phase.
    Pilot,
    /// Data.
    Data,
}

/// Which subcarriers a frame's format uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FrameFormat {
    /// 802.11a and g, beacons too: 52 of 20 MHz.
    #[default]
    Legacy,
    /// 802.11n and ac: 56 of 20 MHz, 114 of 40, 242 of 80.
    HighThroughput,
}

impl SubcarrierRole {
    /// The role of `subcarrier` in a channel of `bandwidth_mhz`; wider channels than 20 MHz have
    /// the roles of 802.11n and ac whatever the format.
    #[must_use]
    pub fn of(subcarrier: i16, bandwidth_mhz: u16, format: FrameFormat) -> Self {
        let (inner, outer, pilots): (_, _, &[u16]) = match (bandwidth_mhz, format) {
            (..=20, FrameFormat::Legacy) => (1, 26, &[7, 21]),
            (..=20, FrameFormat::HighThroughput) => (1, 28, &[7, 21]),
            (21..=40, _) => (2, 58, &[11, 25, 53]),
            _ => (2, 122, &[11, 39, 75, 103]),
        };
        match subcarrier.unsigned_abs() {
            at if at < inner => Self::Null,
            at if at > outer => Self::Guard,
            at if pilots.contains(&at) => Self::Pilot,
            _ => Self::Data,
        }
    }

    /// The role of `subcarrier`, one of `recorded`, in a channel of `bandwidth_mhz`. What an ESP32
    /// records of 20 MHz in a channel of 40 lies in one half of it, around subcarrier -32 or 32; of
    /// Intel's, no format leaves one unused.
    #[must_use]
    pub fn among(
        recorded: Subcarriers,
        subcarrier: i16,
        bandwidth_mhz: u16,
        format: FrameFormat,
    ) -> Self {
        match recorded {
            Subcarriers::Range { first, count: 62..=64 } if bandwidth_mhz == 40 => {
                let center = if first < 0 { -32 } else { 32 };
                Self::of(subcarrier.saturating_sub(center), 20, format)
            }
            Subcarriers::Intel20 => Self::of(subcarrier, 20, FrameFormat::HighThroughput),
            _ => Self::of(subcarrier, bandwidth_mhz, format),
        }
    }

    /// Whether the channel can be measured on it.
    #[must_use]
    pub fn is_used(self) -> bool {
        matches!(self, Self::Pilot | Self::Data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_channel_has_the_roles_of_a_narrow_one() {
        let used = |first: i16| {
            let half = Subcarriers::Range { first, count: 64 };
            let role = |k: &i16| SubcarrierRole::among(half, *k, 40, FrameFormat::Legacy);
            let all: Vec<i16> = (first..first + 64).filter(|k| role(k).is_used()).collect();
            (all.len(), all[0], all[51], role(&(first + 32)))
        };
        assert_eq!(used(-64), (52, -58, -6, SubcarrierRole::Null));
        assert_eq!(used(0), (52, 6, 58, SubcarrierRole::Null));
    }

    #[test]
    fn as_many_as_the_standard_says() {
        let count = |bandwidth, half: i16, format| {
            let roles = (-half..half).map(|k| SubcarrierRole::of(k, bandwidth, format));
            let used: Vec<_> = roles.filter(|role| role.is_used()).collect();
            (used.len(), used.iter().filter(|role| **role == SubcarrierRole::Pilot).count())
        };
        use FrameFormat::{HighThroughput, Legacy};
        assert_eq!(count(20, 32, Legacy), (52, 4));
        assert_eq!(count(20, 32, HighThroughput), (56, 4));
        assert_eq!(count(40, 64, HighThroughput), (114, 6));
        assert_eq!(count(80, 128, HighThroughput), (242, 8));
    }
}

//! Channel state information: the channel on every subcarrier, as a receiver estimated it.

use num_complex::Complex32;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The address of a Wi-Fi transmitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MacAddress(pub [u8; 6]);

impl TryFrom<String> for MacAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<MacAddress> for String {
    fn from(address: MacAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(formatter, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

impl std::str::FromStr for MacAddress {
    type Err = String;

    /// Six bytes in hexadecimal, with colons.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let byte = |part: &&str| (part.len() == 2).then(|| u8::from_str_radix(part, 16).ok())?;
        let bytes: Option<Vec<u8>> = parts.iter().map(byte).collect();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| format!("`{text}` is no address like 00:4e:35:ec:19:b0"))
    }
}

/// The chip that estimated the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Chip {
    /// Broadcom BCM4339 (Nexus 5).
    Bcm4339,
    /// Broadcom BCM43455c0 (Raspberry Pi 3B+ and 4).
    Bcm43455c0,
    /// Broadcom BCM4358 (Nexus 6P).
    Bcm4358,
    /// Broadcom BCM4366c0 (Asus RT-AC86U).
    Bcm4366c0,
    /// Espressif ESP32.
    Esp32,
    /// Intel Wi-Fi Link 5300.
    Intel5300,
    /// None that is known: amplitudes read off a picture's pixels, without phases, and on a scale that
    /// the picture's maker chose. No capture is of it.
    Image,
}

impl Chip {
    /// All chips that captures are of, in the order of their names.
    pub const ALL: [Self; 6] = [
        Self::Bcm4339,
        Self::Bcm43455c0,
        Self::Bcm4358,
        Self::Bcm4366c0,
        Self::Esp32,
        Self::Intel5300,
    ];

    /// Name for people and files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bcm4339 => "bcm4339",
            Self::Bcm43455c0 => "bcm43455c0",
            Self::Bcm4358 => "bcm4358",
            Self::Bcm4366c0 => "bcm4366c0",
            Self::Esp32 => "esp32",
            Self::Intel5300 => "intel5300",
            Self::Image => "image",
        }
    }
}

impl fmt::Display for Chip {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Which way the waves went: from a transmitter's stream to a receiver's antenna.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// The receiver's antenna; Nexmon calls it core.
    pub receive: u8,
    /// The transmitter's spatial stream.
    pub transmit: u8,
}

/// Subcarriers that Intel's chip reports of a channel of 20 MHz (IEEE 802.11n, table 7-25f: groups of
/// two).
const INTEL_20: [i16; 30] = [
    -28, -26, -24, -22, -20, -18, -16, -14, -12, -10, -8, -6, -4, -2, -1, 1, 3, 5, 7, 9, 11, 13,
    15, 17, 19, 21, 23, 25, 27, 28,
];
/// The same of 40 MHz: groups of four.
const INTEL_40: [i16; 30] = [
    -58, -54, -50, -46, -42, -38, -34, -30, -26, -22, -18, -14, -10, -6, -2, 2, 6, 10, 14, 18, 22,
    26, 30, 34, 38, 42, 46, 50, 54, 58,
];

/// Which subcarriers a frame's values stand for, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subcarriers {
    /// All of a channel of so many, from `-n / 2` upward: with null and guard subcarriers.
    All(u16),
    /// So many from `first` upward.
    Range {
        /// The lowest.
        first: i16,
        /// How many.
        count: u16,
    },
    /// The 30 that Intel's chip reports of 20 MHz.
    Intel20,
    /// The 30 that Intel's chip reports of 40 MHz.
    Intel40,
}

impl Subcarriers {
    /// How many they are.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::All(n) | Self::Range { count: n, .. } => usize::from(n),
            Self::Intel20 | Self::Intel40 => 30,
        }
    }

    /// The subcarrier at a place; `None` behind the last one.
    #[must_use]
    pub fn at(self, place: usize) -> Option<i16> {
        match self {
            Self::Intel20 => INTEL_20.get(place).copied(),
            Self::Intel40 => INTEL_40.get(place).copied(),
            _ if place < self.count() => Some(self.lowest() + place as i16),
            _ => None,
        }
    }

    /// The first of them.
    fn lowest(self) -> i16 {
        match self {
            Self::All(n) => -((n / 2) as i16),
            Self::Range { first, .. } => first,
            Self::Intel20 => INTEL_20[0],
            Self::Intel40 => INTEL_40[0],
        }
    }

    /// The place of a subcarrier; `None` if it is not among them.
    #[must_use]
    pub fn place(self, subcarrier: i16) -> Option<usize> {
        match self {
            Self::Intel20 => INTEL_20.binary_search(&subcarrier).ok(),
            Self::Intel40 => INTEL_40.binary_search(&subcarrier).ok(),
            Self::All(_) | Self::Range { .. } => {
                let place = i32::from(subcarrier) - i32::from(self.lowest());
                usize::try_from(place).ok().filter(|&place| place < self.count())
            }
        }
    }
}

/// One estimate of the channel, from one received frame.
#[derive(Clone, Debug, PartialEq)]
pub struct CsiFrame {
    /// The chip that made it.
    pub chip: Chip,
    /// When it was captured, in nanoseconds since 1970 (UTC). Intel's chip, and an ESP32 that was
    /// not told the time, count from their start, and begin anew after 2^32 microseconds.
    pub time_ns: u64,
    /// Who sent the frame, where the capture has it.
    pub source: Option<MacAddress>,
    /// The frame's sequence number, 0 to 4095; Intel's chip counts estimates, 0 to 65535. None where
    /// the capture has none.
    pub sequence: Option<u16>,
    /// Received signal strength (dBm), of all antennas together, where the capture has it.
    pub rssi_dbm: Option<f32>,
    /// Number of the Wi-Fi channel, where the capture has it.
    pub channel: Option<u8>,
    /// Width of the channel that the subcarriers are numbered in (MHz).
    pub bandwidth_mhz: u16,
    /// Which way the waves went, for each row of values.
    pub streams: Vec<Stream>,
    /// What a row's values stand for.
    pub subcarriers: Subcarriers,
    /// `[streams, subcarriers]`, as the chip scaled them.
    pub values: Vec<Complex32>,
}

impl CsiFrame {
    /// The values of a stream; `None` if there is no such one.
    #[must_use]
    pub fn stream(&self, stream: usize) -> Option<&[Complex32]> {
        self.values.chunks_exact(self.subcarriers.count()).nth(stream)
    }

    /// The value of a stream on a subcarrier; `None` if there is none.
    #[must_use]
    pub fn on(&self, stream: usize, subcarrier: i16) -> Option<Complex32> {
        self.stream(stream)?.get(self.subcarriers.place(subcarrier)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        let address = MacAddress([0, 0x4e, 0x35, 0xec, 0x19, 0xb0]);
        assert_eq!(address.to_string().parse(), Ok(address));
        assert_eq!("00:4E:35:EC:19:B0".parse(), Ok(address));
        for text in ["", "router", "00:4e:35:ec:19", "00:4e:35:ec:19:b0:1", "0:4e:35:ec:19:b0"] {
            assert!(text.parse::<MacAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn places_and_subcarriers_are_inverse() {
        let range = Subcarriers::Range { first: -26, count: 53 };
        for subcarriers in [Subcarriers::All(64), range, Subcarriers::Intel20, Subcarriers::Intel40]
        {
            let all: Vec<i16> = (0..).map_while(|place| subcarriers.at(place)).collect();
            assert_eq!(all.len(), subcarriers.count());
            assert!(all.is_sorted());
            for (place, &subcarrier) in all.iter().enumerate() {
                assert_eq!(subcarriers.place(subcarrier), Some(place));
            }
            assert_eq!(subcarriers.place(-59), None);
        }
        assert_eq!(Subcarriers::All(64).at(0), Some(-32));
    }
}

//! Channel state information: the channel on every subcarrier, as a receiver estimated it.

use num_complex::Complex32;
use std::fmt;

/// The address of a Wi-Fi transmitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddress(pub [u8; 6]);

impl fmt::Display for MacAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(formatter, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

/// The chip that estimated the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Chip {
    /// Broadcom BCM4339 (Nexus 5).
    Bcm4339,
    /// Broadcom BCM43455c0 (Raspberry Pi 3B+ and 4).
    Bcm43455c0,
    /// Broadcom BCM4358 (Nexus 6P).
    Bcm4358,
    /// Broadcom BCM4366c0 (Asus RT-AC86U).
    Bcm4366c0,
}

impl Chip {
    /// All chips, in the order of their names.
    pub const ALL: [Self; 4] = [Self::Bcm4339, Self::Bcm43455c0, Self::Bcm4358, Self::Bcm4366c0];

    /// Name for people and files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bcm4339 => "bcm4339",
            Self::Bcm43455c0 => "bcm43455c0",
            Self::Bcm4358 => "bcm4358",
            Self::Bcm4366c0 => "bcm4366c0",
        }
    }
}

impl fmt::Display for Chip {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Which way the waves went: from a transmitter's stream to a receiver's antenna.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stream {
    /// The receiver's antenna; Nexmon calls it core.
    pub receive: u8,
    /// The transmitter's spatial stream.
    pub transmit: u8,
}

/// One estimate of the channel, from one received frame.
#[derive(Clone, Debug, PartialEq)]
pub struct CsiFrame {
    /// The chip that made it.
    pub chip: Chip,
    /// When it was captured, in nanoseconds since 1970 (UTC).
    pub time_ns: u64,
    /// Who sent the frame.
    pub source: MacAddress,
    /// The frame's sequence number, 0 to 4095.
    pub sequence: u16,
    /// Received signal strength (dBm), where the capture has it.
    pub rssi_dbm: Option<i8>,
    /// Number of the Wi-Fi channel.
    pub channel: u8,
    /// Width of the channel (MHz).
    pub bandwidth_mhz: u16,
    /// Which way the waves went.
    pub stream: Stream,
    /// `[n_fft]` by subcarrier, from `-n_fft / 2` upward; unscaled, with null and guard subcarriers.
    pub values: Vec<Complex32>,
}

impl CsiFrame {
    /// The subcarrier of the first value.
    #[must_use]
    pub fn first_subcarrier(&self) -> i32 {
        -((self.values.len() / 2) as i32)
    }

    /// The value on a subcarrier; `None` outside of the channel.
    #[must_use]
    pub fn on(&self, subcarrier: i32) -> Option<Complex32> {
        let place = subcarrier.checked_sub(self.first_subcarrier())?;
        self.values.get(usize::try_from(place).ok()?).copied()
    }
}

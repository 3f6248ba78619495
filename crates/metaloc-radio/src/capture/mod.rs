//! Captures: files and streams in which CSI tools keep what a receiver estimated.
//!
//! A reader takes any [`Read`](std::io::Read), a file or a pipe, holds a bounded part of it, and
//! gives one [`Event`] after the other. What cannot be a frame is skipped and told, never guessed
//! at: the good frames before and behind it are kept. Whoever reads counts the [`Skip`]s.
//!
//! | reader | chips | capture |
//! |---|---|---|
//! | [`NexmonReader`] | Broadcom 4339, 43455c0, 4358, 4366c0 | pcap |
//! | [`IntelReader`] | Intel 5300 | log of the Linux 802.11n CSI tool |
//! | [`Esp32Reader`] | ESP32 | lines of the ESP32-CSI-Tool |
//! | [`AnyReader`] | all | any of these, told apart by how it begins |
//!
//! [`NexmonWriter`] writes what [`NexmonReader`] reads.

mod any;
mod esp32;
mod intel;
mod named_chip;
mod nexmon;
mod nexmon_writer;
mod pcap;
mod stream_joiner;
mod window;

pub use any::{AnyReader, CaptureFormat, CaptureOptions};
pub use esp32::{Esp32Estimate, Esp32Reader};
pub use intel::IntelReader;
pub use named_chip::{NamedChip, chip_notes};
pub use nexmon::NexmonReader;
pub use nexmon_writer::{CaptureWriteError, NexmonWriter};
pub use stream_joiner::StreamJoiner;

use crate::signal::CsiFrame;
use std::fmt;
use thiserror::Error;

/// What comes next in a capture.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An estimate of the channel.
    Frame(CsiFrame),
    /// Something that is none.
    Skip(Skip),
}

/// A part of a capture that holds no frame, or a damaged one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// Where it begins, in bytes from the beginning of the capture.
    pub offset: u64,
    /// Its length.
    pub n_bytes: u64,
    /// What is wrong with it.
    pub reason: SkipReason,
}

/// Why a part of a capture was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SkipReason {
    /// The capture ends within a record.
    Truncated,
    /// Bytes that are no record.
    Garbage,
    /// A record that lost bytes, so that its length runs into the next one.
    Overrun,
    /// A network packet of another kind.
    OtherPacket,
    /// The recorder cut the packet short.
    CutPacket,
    /// The chip's number is not known; force one if the chip is. [`chip_notes`] says the number.
    UnknownChip,
    /// The bandwidth is not 20, 40 or 80 MHz, or needs another number of subcarriers.
    WrongLength,
    /// A line of column names; no damage.
    ColumnNames,
    /// A line of other text, such as a device prints when it starts; no damage.
    OtherText,
    /// A line whose columns or values are damaged.
    BadLine,
    /// The frame has not the estimate asked for.
    NoEstimate,
}

impl SkipReason {
    /// The reason in words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Truncated => "the capture ends within a record",
            Self::Garbage => "bytes that are no record",
            Self::Overrun => "a record that runs into the next",
            Self::OtherPacket => "not a CSI packet",
            Self::CutPacket => "the recorder cut the packet short",
            Self::UnknownChip => "unknown chip (--chip forces one)",
            Self::WrongLength => "length and bandwidth disagree",
            Self::ColumnNames => "column names",
            Self::OtherText => "a line of other text",
            Self::BadLine => "a damaged line",
            Self::NoEstimate => "the frame has no HT-LTF",
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

/// Why a capture cannot be read at all, or no further.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// There is nothing.
    #[error("it is empty")]
    Empty,
    /// It does not begin as such files do.
    #[error("it begins with {}; {expected}", in_words(found))]
    NotACapture {
        /// The first bytes.
        found: Vec<u8>,
        /// What they should be, in words.
        expected: &'static str,
    },
    /// The network below is not Ethernet.
    #[error("it holds packets of link type {found}; Nexmon's are Ethernet, type 1")]
    LinkType {
        /// The type found.
        found: u32,
    },
    /// Reading failed.
    #[error("cannot read on at byte {offset}: {source}")]
    Read {
        /// Where, in bytes from the beginning.
        offset: u64,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Bytes as hexadecimal numbers, and as text if they are printable.
fn in_words(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "nothing".to_owned();
    }
    let numbers: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let numbers = numbers.join(" ");
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) => {
            format!("{numbers} (`{text}`)")
        }
        _ => numbers,
    }
}

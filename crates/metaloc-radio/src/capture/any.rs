//! Any capture, told apart by how it begins.

use super::window::Window;
use super::{
    CaptureError, Esp32Estimate, Esp32Reader, Event, IntelReader, NamedChip, NexmonReader,
    chip_notes,
};
use crate::signal::Chip;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::Read;

/// The first bytes of pcap files, and of pcapng.
const PCAP: [[u8; 4]; 5] = [
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0x4d, 0x3c, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
    [0x0a, 0x0d, 0x0d, 0x0a],
];

/// Who wrote a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaptureFormat {
    /// Nexmon, in pcap.
    Nexmon,
    /// The Linux 802.11n CSI tool, for Intel's 5300.
    Intel,
    /// The ESP32-CSI-Tool.
    Esp32,
}

impl CaptureFormat {
    /// Name for people and files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nexmon => "nexmon",
            Self::Intel => "intel",
            Self::Esp32 => "esp32",
        }
    }
}

impl fmt::Display for CaptureFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// How captures are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CaptureOptions {
    /// The chip, where a capture does not say it or says it wrongly; it decides the format too.
    pub chip: Option<Chip>,
    /// Whether Intel's values are scaled to units of the noise.
    pub scale_intel: bool,
    /// Which estimate of an ESP32's lines makes the frame.
    pub esp32_estimate: Esp32Estimate,
}

/// Reads a capture of any known format.
pub struct AnyReader<R> {
    reader: Reader<R>,
    forced_chip: Option<Chip>,
}

enum Reader<R> {
    Nexmon(NexmonReader<R>),
    Intel(IntelReader<R>),
    Esp32(Esp32Reader<R>),
}

impl<R: Read> AnyReader<R> {
    /// Reads as much of the beginning as tells the format.
    ///
    /// # Errors
    /// [`CaptureError::Empty`]; [`CaptureError::NotACapture`] for a format that is not known, and what
    /// else the format's reader refuses.
    pub fn new(input: R, options: &CaptureOptions) -> Result<Self, CaptureError> {
        let mut window = Window::new(input);
        window.fill(4)?;
        if window.ahead() == 0 {
            return Err(CaptureError::Empty);
        }
        let begin = window.bytes()[..window.ahead().min(4)].to_vec();
        if begin.starts_with(&[0x1f, 0x8b]) {
            let expected = "that is gzip: unpack it first, as with `gunzip`";
            return Err(CaptureError::NotACapture { found: begin, expected });
        }
        let CaptureOptions { chip, scale_intel, esp32_estimate } = *options;
        let format = match chip {
            Some(Chip::Intel5300) => CaptureFormat::Intel,
            Some(Chip::Esp32) => CaptureFormat::Esp32,
            Some(_) => CaptureFormat::Nexmon,
            None if PCAP.iter().any(|magic| begin == magic) => CaptureFormat::Nexmon,
            // Neither code stands in text.
            None if matches!(begin.get(2), Some(0xbb | 0xc1)) => CaptureFormat::Intel,
            None => CaptureFormat::Esp32,
        };
        let reader = match format {
            CaptureFormat::Nexmon => NexmonReader::on(window, chip).map(Reader::Nexmon),
            CaptureFormat::Intel => IntelReader::on(window, scale_intel).map(Reader::Intel),
            CaptureFormat::Esp32 => Esp32Reader::on(window, esp32_estimate).map(Reader::Esp32),
        };
        match reader {
            Err(CaptureError::NotACapture { found, .. })
                if chip.is_none() && format != CaptureFormat::Nexmon =>
            {
                let expected = "captures are pcap files (Nexmon), logs of the Linux 802.11n CSI tool \
                                (Intel 5300) and lines of the ESP32-CSI-Tool";
                Err(CaptureError::NotACapture { found, expected })
            }
            reader => reader.map(|reader| Self { reader, forced_chip: chip }),
        }
    }

    /// Who wrote the capture.
    #[must_use]
    pub fn format(&self) -> CaptureFormat {
        match self.reader {
            Reader::Nexmon(_) => CaptureFormat::Nexmon,
            Reader::Intel(_) => CaptureFormat::Intel,
            Reader::Esp32(_) => CaptureFormat::Esp32,
        }
    }

    /// Bytes from the beginning of the capture to the next event.
    #[must_use]
    pub fn position(&self) -> u64 {
        match &self.reader {
            Reader::Nexmon(reader) => reader.position(),
            Reader::Intel(reader) => reader.position(),
            Reader::Esp32(reader) => reader.position(),
        }
    }

    /// The chips that the packets so far name; none in formats whose frames name none.
    #[must_use]
    pub fn named_chips(&self) -> &[NamedChip] {
        match &self.reader {
            Reader::Nexmon(reader) => reader.named_chips(),
            Reader::Intel(_) | Reader::Esp32(_) => &[],
        }
    }

    /// What to tell about them: see [`chip_notes`].
    #[must_use]
    pub fn chip_notes(&self) -> Vec<String> {
        chip_notes(self.named_chips(), self.forced_chip)
    }

    /// The next frame or what stands in its place; `None` at the end.
    ///
    /// # Errors
    /// [`CaptureError::Read`].
    pub fn next_event(&mut self) -> Result<Option<Event>, CaptureError> {
        match &mut self.reader {
            Reader::Nexmon(reader) => reader.next_event(),
            Reader::Intel(reader) => reader.next_event(),
            Reader::Esp32(reader) => reader.next_event(),
        }
    }
}

impl<R: Read> Iterator for AnyReader<R> {
    type Item = Result<Event, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_event().transpose()
    }
}

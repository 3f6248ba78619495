//! Records of a libpcap file (draft-ietf-opsawg-pcap), little or big endian, micro- or nanoseconds.
//!
//! Not a library's reader, since those stop at the first damaged record. Here one that cannot be is
//! skipped: the reader looks for the next place where a record may begin. A record behind which none
//! begins may have lost bytes, so that its length runs into the next: it is skipped if another begins
//! within it. To know that, the reader waits for the header behind each record.

use super::window::Window;
use super::{CaptureError, Skip, SkipReason};
use std::io::Read;

/// Bytes of the file's and of a record's header.
const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
/// Longest packet that a record may hold: libpcap's own limit.
const LONGEST_PACKET: usize = 256 * 1024;
/// Shortest packet looked for in garbage: an Ethernet header. Shorter ones are too easily found.
const SHORTEST_PACKET: usize = 14;
/// Packets of captures lie at most this far apart in time, forward or back.
const WIDEST_GAP_S: u32 = 10 * 365 * 24 * 3600;
/// A header with a time so near is believed whatever follows its record.
const USUAL_GAP_S: u32 = 24 * 3600;
/// Version of the format, as two numbers of 16 bits behind the magic number.
const VERSION: [u16; 2] = [2, 4];

/// A packet as the recorder wrote it.
pub(super) struct Record<'a> {
    /// Where the record begins.
    pub(super) offset: u64,
    pub(super) time_ns: u64,
    pub(super) packet: &'a [u8],
    /// Whether the packet was longer.
    pub(super) is_cut: bool,
}

impl Record<'_> {
    /// The record, skipped.
    pub(super) fn skip(&self, reason: SkipReason) -> Skip {
        let n_bytes = (RECORD_HEADER + self.packet.len()) as u64;
        Skip { offset: self.offset, n_bytes, reason }
    }
}

/// What a file holds next.
pub(super) enum Next<'a> {
    Record(Record<'a>),
    Skip(Skip),
}

/// A record's header.
#[derive(Clone, Copy)]
struct Header {
    seconds: u32,
    time_ns: u64,
    length: usize,
    is_cut: bool,
}

impl Header {
    /// Whether a packet of a network may stand behind it.
    fn is_likely(self) -> bool {
        self.length >= SHORTEST_PACKET
    }
}

/// Reads records one by one, and holds one of them and what was read ahead.
pub(super) struct Records<R> {
    window: Window<R>,
    big_endian: bool,
    nanoseconds: bool,
    /// Time of the last good record (s).
    last_seconds: Option<u32>,
}

impl<R: Read> Records<R> {
    /// Reads the file's header.
    pub(super) fn new(window: Window<R>) -> Result<Self, CaptureError> {
        let mut records =
            Self { window, big_endian: false, nanoseconds: false, last_seconds: None };
        records.window.fill(FILE_HEADER)?;
        let found = records.window.bytes()[..records.window.ahead().min(4)].to_vec();
        (records.big_endian, records.nanoseconds) = match found[..] {
            [0xd4, 0xc3, 0xb2, 0xa1] => (false, false),
            [0xa1, 0xb2, 0xc3, 0xd4] => (true, false),
            [0x4d, 0x3c, 0xb2, 0xa1] => (false, true),
            [0xa1, 0xb2, 0x3c, 0x4d] => (true, true),
            [0x0a, 0x0d, 0x0d, 0x0a] => {
                let expected = "that is pcapng: convert it with `editcap -F pcap IN OUT`";
                return Err(CaptureError::NotACapture { found, expected });
            }
            _ => {
                let expected = "a pcap file begins with d4 c3 b2 a1 or a1 b2 c3 d4";
                return Err(CaptureError::NotACapture { found, expected });
            }
        };
        if records.window.ahead() < FILE_HEADER {
            let expected = "a pcap file has a header of 24 bytes";
            return Err(CaptureError::NotACapture { found, expected });
        }
        let link_type = records.number(20) & 0x0fff_ffff;
        if link_type != 1 {
            return Err(CaptureError::LinkType { found: link_type });
        }
        records.window.advance(FILE_HEADER);
        Ok(records)
    }

    /// Bytes from the file's beginning to the next record.
    pub(super) fn position(&self) -> u64 {
        self.window.offset()
    }

    /// The next record or what stands in its place; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Next<'_>>, CaptureError> {
        self.window.fill(RECORD_HEADER)?;
        if self.window.ahead() == 0 {
            return Ok(None);
        }
        let Some(header) = self.header(0) else { return self.skip_garbage().map(Some) };
        let length = RECORD_HEADER + header.length;
        self.window.fill(length)?;
        if self.window.ahead() < length {
            // A length that is garbage may hide good records.
            return self.skip_garbage().map(Some);
        }
        let offset = self.window.offset();
        if let Some(n) = self.overrun(header) {
            self.window.advance(n);
            let (n_bytes, reason) = (n as u64, SkipReason::Overrun);
            return Ok(Some(Next::Skip(Skip { offset, n_bytes, reason })));
        }
        self.last_seconds = Some(header.seconds);
        let packet = &self.window.take(length)[RECORD_HEADER..];
        let Header { time_ns, is_cut, .. } = header;
        Ok(Some(Next::Record(Record { offset, time_ns, packet, is_cut })))
    }

    /// Where in the record with this header the next one begins, if its length runs into that.
    fn overrun(&mut self, header: Header) -> Option<usize> {
        let next = RECORD_HEADER + header.length;
        self.window.look_ahead(next + RECORD_HEADER);
        let last = Some(header.seconds);
        let follows = self.header_near(next, last);
        // Garbage behind a good record is no fault of it.
        if self.window.ahead() == next || follows.is_some_and(|next| next.is_likely()) {
            return None;
        }
        for place in 1..next {
            if self.is_file_header(place) {
                return Some(place);
            }
            let Some(found) = self.header_near(place, last).filter(|header| header.is_likely())
            else {
                continue;
            };
            let end = place + RECORD_HEADER + found.length;
            self.window.look_ahead(end + RECORD_HEADER);
            if self.window.ahead() == end
                || self.header_near(end, last).is_some()
                || found.seconds.abs_diff(header.seconds) < USUAL_GAP_S
            {
                return Some(place);
            }
        }
        None
    }

    /// Whether another file of this kind begins so many bytes ahead.
    fn is_file_header(&self, ahead: usize) -> bool {
        let Some(bytes) = self.window.bytes().get(ahead..ahead + 8) else { return false };
        let magic: u32 = if self.nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
        let [major, minor] = VERSION.map(|part| match self.big_endian {
            true => part.to_be_bytes(),
            false => part.to_le_bytes(),
        });
        self.number(ahead) == magic && bytes[4..6] == major && bytes[6..] == minor
    }

    /// Goes on to the next place where a record may begin, or to the end.
    fn skip_garbage(&mut self) -> Result<Next<'_>, CaptureError> {
        let offset = self.window.offset();
        let is_tail = self.header(0).is_some() || self.window.ahead() < RECORD_HEADER;
        let mut found = false;
        while !found {
            self.window.advance(1);
            self.window.fill(2 * RECORD_HEADER + LONGEST_PACKET)?;
            if self.window.ahead() == 0 {
                break;
            }
            found = self.is_record();
        }
        let n_bytes = self.window.offset() - offset;
        let reason = match is_tail && !found {
            true => SkipReason::Truncated,
            false => SkipReason::Garbage,
        };
        Ok(Next::Skip(Skip { offset, n_bytes, reason }))
    }

    /// Whether a whole record stands here, with another one or nothing behind it, or of about the time
    /// of the last one.
    fn is_record(&self) -> bool {
        let Some(header) = self.header(0) else { return false };
        let next = RECORD_HEADER + header.length;
        let ends = self.window.at_end() && self.window.ahead() == next;
        let last = self.last_seconds;
        let is_usual = last.is_some_and(|last| header.seconds.abs_diff(last) < USUAL_GAP_S)
            && self.window.ahead() >= next;
        header.is_likely() && (ends || is_usual || self.header(next).is_some())
    }

    /// The header that begins so many bytes ahead, if it can be one.
    fn header(&self, ahead: usize) -> Option<Header> {
        self.header_near(ahead, self.last_seconds)
    }

    /// The same, where the record before has this time (s).
    fn header_near(&self, ahead: usize, last_seconds: Option<u32>) -> Option<Header> {
        if self.window.ahead() < ahead + RECORD_HEADER {
            return None;
        }
        let [seconds, fraction, length, original] =
            [0, 4, 8, 12].map(|place| self.number(ahead + place));
        let per_second = if self.nanoseconds { 1_000_000_000 } else { 1_000_000 };
        let near = last_seconds.is_none_or(|last| seconds.abs_diff(last) < WIDEST_GAP_S);
        let time_ns =
            u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * (1_000_000_000 / per_second);
        let n = length as usize;
        let sound = fraction < per_second as u32 && n <= LONGEST_PACKET && length <= original;
        // Some recorders swap the two lengths' meaning for cut packets; none exceeds the limit.
        let sound = sound && original as usize <= LONGEST_PACKET && near;
        sound.then_some(Header { seconds, time_ns, length: n, is_cut: length < original })
    }

    /// A number of the file, so many bytes ahead.
    fn number(&self, ahead: usize) -> u32 {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&self.window.bytes()[ahead..ahead + 4]);
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }
}

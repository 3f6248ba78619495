//! A bounded part of a stream, to look ahead in.

use super::CaptureError;
use std::io::Read;

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;

/// What was read of a stream and not yet taken.
pub(super) struct Window<R> {
    input: R,
    /// From `first` to `end`; behind it is room.
    buffer: Vec<u8>,
    first: usize,
    end: usize,
    at_end: bool,
    /// What went wrong while looking ahead.
    failed: Option<CaptureError>,
    /// Place of `first` in the stream.
    offset: u64,
}

impl<R: Read> Window<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, buffer: Vec::new(), first: 0, end: 0, at_end: false, failed: None, offset: 0 }
    }

    /// The bytes ahead.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.first..self.end]
    }

    /// How many they are.
    pub(super) fn ahead(&self) -> usize {
        self.end - self.first
    }

    /// Place of the first of them, from the stream's beginning.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether nothing follows the bytes ahead.
    pub(super) fn at_end(&self) -> bool {
        self.at_end
    }

    pub(super) fn advance(&mut self, n: usize) {
        self.first += n;
        self.offset += n as u64;
    }

    /// The next `n` bytes, which must be there.
    pub(super) fn take(&mut self, n: usize) -> &[u8] {
        let begin = self.first;
        self.advance(n);
        &self.buffer[begin..begin + n]
    }

    /// Reads until there are `n` bytes ahead, or the stream ends.
    pub(super) fn fill(&mut self, n: usize) -> Result<(), CaptureError> {
        while self.ahead() < n && !self.at_end {
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            if self.first >= CHUNK {
                self.buffer.copy_within(self.first..self.end, 0);
                self.end -= self.first;
                self.first = 0;
            }
            if self.buffer.len() < self.end + CHUNK {
                self.buffer.resize(self.end + CHUNK, 0);
            }
            let read = loop {
                match self.input.read(&mut self.buffer[self.end..self.end + CHUNK]) {
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    other => break other,
                }
            };
            let offset = self.offset + self.ahead() as u64;
            let n_read = read.map_err(|source| CaptureError::Read { offset, source })?;
            // A reader that says more than it had room for is not believed.
            self.end += n_read.min(CHUNK);
            self.at_end = n_read == 0;
        }
        Ok(())
    }

    /// The same, but what goes wrong is told only to who needs those bytes.
    pub(super) fn look_ahead(&mut self, n: usize) {
        self.failed = self.fill(n).err().or(self.failed.take());
    }
}

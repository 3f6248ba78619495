//! A bounded part of a stream, to look ahead in.

use super::CaptureError;
use std::io::Read;

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;

/// What was read of a stream and not yet taken.
pub(super) struct Window<R> {
    input: R,
    /// From `first` on.
    buffer: Vec<u8>,
    first: usize,
    at_end: bool,
    /// Place of `first` in the stream.
    offset: u64,
}

impl<R: Read> Window<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, buffer: Vec::new(), first: 0, at_end: false, offset: 0 }
    }

    /// The bytes ahead.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.first..]
    }

    /// How many they are.
    pub(super) fn ahead(&self) -> usize {
        self.buffer.len() - self.first
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
            if self.first >= CHUNK {
                self.buffer.drain(..self.first);
                self.first = 0;
            }
            let filled = self.buffer.len();
            self.buffer.resize(filled + CHUNK, 0);
            let read = loop {
                match self.input.read(&mut self.buffer[filled..]) {
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    other => break other,
                }
            };
            self.buffer.truncate(filled + *read.as_ref().unwrap_or(&0));
            let offset = self.offset + self.ahead() as u64;
            let n_read = read.map_err(|source| CaptureError::Read { offset, source })?;
            self.at_end = n_read == 0;
        }
        Ok(())
    }
}

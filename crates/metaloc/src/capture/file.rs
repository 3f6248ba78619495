//! Captures in files and pipes, gzip or not.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;
use metaloc_radio::capture::{AnyReader, CaptureFormat, CaptureOptions, Event, NamedChip};

use crate::Error;

/// How files that gzip packed begin.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A capture that is being read.
pub struct CaptureFile {
    reader: AnyReader<Box<dyn Read>>,
    name: String,
    /// Bytes taken from the file, packed or not.
    taken: Arc<AtomicU64>,
    n_bytes: Option<u64>,
}

impl CaptureFile {
    /// Opens a file; one that is packed by gzip is unpacked on the way.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Capture`].
    pub fn open(path: &Path, options: &CaptureOptions) -> Result<Self, Error> {
        let file = File::open(path).map_err(|cause| Error::file(path, cause))?;
        let metadata = file.metadata().map_err(|cause| Error::file(path, cause))?;
        if metadata.is_dir() {
            return Err(Error::file(path, std::io::ErrorKind::IsADirectory.into()));
        }
        let name = path.display().to_string();
        let mut capture = Self::from_input(Box::new(file), &name, options)?;
        // A pipe has no length.
        capture.n_bytes = metadata.is_file().then_some(metadata.len());
        Ok(capture)
    }

    /// Reads what a pipe gives; errors call it `name`.
    ///
    /// # Errors
    /// [`Error::Capture`].
    pub fn from_input(
        input: Box<dyn Read>,
        name: &str,
        options: &CaptureOptions,
    ) -> Result<Self, Error> {
        let taken = Arc::new(AtomicU64::new(0));
        let input = Counted { input, taken: taken.clone() };
        let failed = |source| Error::capture(name, source);
        let input = unpacked(Box::new(input)).map_err(|source| {
            failed(metaloc_radio::capture::CaptureError::Read { offset: 0, source })
        })?;
        let reader = AnyReader::new(input, options).map_err(failed)?;
        Ok(Self { reader, name: name.to_owned(), taken, n_bytes: None })
    }

    /// Who wrote it.
    #[must_use]
    pub fn format(&self) -> CaptureFormat {
        self.reader.format()
    }

    /// Bytes taken from the file so far, and how many it has where that is known.
    #[must_use]
    pub fn progress(&self) -> (u64, Option<u64>) {
        (self.taken.load(Ordering::Relaxed), self.n_bytes)
    }

    /// Bytes of the capture, unpacked, up to the next event.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.reader.position()
    }

    /// The chips that the packets so far name; none in formats whose frames name none.
    #[must_use]
    pub fn named_chips(&self) -> &[NamedChip] {
        self.reader.named_chips()
    }

    /// What to tell about the chips that the packets so far name, a sentence each.
    #[must_use]
    pub fn chip_notes(&self) -> Vec<String> {
        self.reader.chip_notes()
    }

    /// The next frame or what stands in its place; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Capture`].
    pub fn next_event(&mut self) -> Result<Option<Event>, Error> {
        self.reader.next_event().map_err(|source| Error::capture(&self.name, source))
    }
}

/// The input, unpacked on the way if gzip packed it.
pub(crate) fn unpacked<'a>(mut input: Box<dyn Read + 'a>) -> std::io::Result<Box<dyn Read + 'a>> {
    let mut begin = Vec::new();
    input.by_ref().take(GZIP.len() as u64).read_to_end(&mut begin)?;
    let is_packed = begin == GZIP;
    let input = Cursor::new(begin).chain(input);
    Ok(if is_packed { Box::new(MultiGzDecoder::new(input)) } else { Box::new(input) })
}

/// Counts the bytes that pass.
struct Counted {
    input: Box<dyn Read>,
    taken: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.input.read(buffer)?;
        self.taken.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const LINE: &[u8] = include_bytes!("../../../metaloc-radio/tests/captures/esp32_384.csv");

    fn frames(input: &'static [u8]) -> usize {
        let options = CaptureOptions::default();
        let mut capture = CaptureFile::from_input(Box::new(input), "input", &options).unwrap();
        assert_eq!(capture.format(), CaptureFormat::Esp32);
        let mut n = 0;
        while let Some(event) = capture.next_event().unwrap() {
            n += usize::from(matches!(event, Event::Frame(_)));
        }
        assert_eq!(capture.position(), LINE.len() as u64);
        assert_eq!(capture.progress(), (input.len() as u64, None));
        n
    }

    fn packed(bytes: &[u8]) -> &'static [u8] {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap().leak()
    }

    #[test]
    fn packed_captures_are_unpacked() {
        assert_eq!(frames(LINE), 5);
        assert_eq!(frames(packed(LINE)), 5);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let refused = |input: &'static [u8]| {
            let options = CaptureOptions::default();
            CaptureFile::from_input(Box::new(input), "input", &options).err().unwrap().to_string()
        };
        assert_eq!(refused(b""), "input: it is empty");
        assert_eq!(refused(packed(b"")), "input: it is empty");
        assert!(refused(b"\x1f\x8b broken").starts_with("input: cannot read"));
        assert!(refused(packed(packed(LINE))).contains("gunzip"));
        let options = CaptureOptions::default();
        for path in ["no such file", "."] {
            let error = CaptureFile::open(Path::new(path), &options).err().unwrap();
            assert!(matches!(error, Error::File { .. }), "{error}");
        }
    }
}

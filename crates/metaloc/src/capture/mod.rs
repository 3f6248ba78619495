//! Captures of CSI: opened, cut into windows.

mod file;
mod windows;

pub use file::CaptureFile;
pub(crate) use file::unpacked;
pub use windows::{Transmitter, WindowStream};

//! Captures of CSI: opened, drawn, cut into windows.

mod file;
mod picture;
mod windows;

pub use file::CaptureFile;
pub(crate) use file::unpacked;
pub use picture::{MOST_PANELS, draw};
pub use windows::{Transmitter, WindowStream};

//! Captures of CSI: opened, watched, drawn.

mod file;
mod picture;

pub use file::CaptureFile;
pub use picture::{MOST_PANELS, draw};

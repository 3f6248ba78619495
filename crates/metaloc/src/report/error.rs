//! Errors of pictures and pages.

use thiserror::Error;

/// An error of a picture or a page.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A picture without data.
    #[error("nothing to draw: {0}")]
    Empty(String),
    /// A number that can't be drawn.
    #[error("{what}: {value} can't be drawn; expected {expected}")]
    Number {
        /// Where it stands.
        what: String,
        /// The number.
        value: String,
        /// What would do.
        expected: &'static str,
    },
    /// The drawing library failed.
    #[error("drawing failed: {0}")]
    Drawing(String),
    /// An SVG that can't be read, or holds more than a drawing.
    #[error("SVG not usable: {0}")]
    Svg(String),
    /// A PNG of no size, of too large a size, or that can't be encoded.
    #[error("PNG can't be made: {0}")]
    Png(String),
}

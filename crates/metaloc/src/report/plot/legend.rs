//! The column of names to the right of a frame.

use super::canvas::{Anchor, Canvas, Stroke, fitted, text_width};
use super::style::{FAINT, INK, Rgb};
use crate::report::ReportError;

const NAME_SIZE: f64 = 13.0;
const DETAIL_SIZE: f64 = 11.0;
/// Room of a line's sample or a mark before the name (px).
const KEY_WIDTH: f64 = 32.0;
const KEY_GAP: f64 = 8.0;
/// Widest text before it is cut (px).
const WIDEST: f64 = 240.0;
const NAME_HEIGHT: f64 = 20.0;
const DETAIL_HEIGHT: f64 = 15.0;
const ENTRY_GAP: f64 = 7.0;

/// A mark for a place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    /// A small cross.
    Cross,
    /// A triangle.
    Triangle,
    /// A ring with white inside.
    Ring,
    /// A filled circle.
    Dot,
}

impl Mark {
    /// Draws the mark at `at`.
    pub(super) fn draw(
        self,
        canvas: &Canvas<'_>,
        (x, y): (f64, f64),
        color: Rgb,
    ) -> Result<(), ReportError> {
        match self {
            Self::Cross => {
                let stroke = Stroke::solid(color, 1.2);
                canvas.line(&[(x - 3.0, y), (x + 3.0, y)], stroke)?;
                canvas.line(&[(x, y - 3.0), (x, y + 3.0)], stroke)
            }
            Self::Triangle => {
                canvas.polygon(&[(x, y - 6.5), (x + 6.0, y + 4.5), (x - 6.0, y + 4.5)], color)
            }
            Self::Ring => {
                canvas.dot((x, y), 3.4, super::style::WHITE)?;
                canvas.ring((x, y), 3.4, Stroke::solid(color, 1.4))
            }
            Self::Dot => canvas.dot((x, y), 3.6, color),
        }
    }
}

/// What stands before a name.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key {
    Line(Stroke),
    Mark(Mark, Rgb),
}

/// A name in a legend, with a second line in smaller print.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    key: Key,
    name: String,
    detail: String,
    width: f64,
}

impl Entry {
    /// An entry; an empty `detail` takes no room.
    pub(super) fn new(key: Key, name: &str, detail: &str) -> Result<Self, ReportError> {
        let name = fitted(name, NAME_SIZE, WIDEST)?;
        let detail = fitted(detail, DETAIL_SIZE, WIDEST)?;
        let text = text_width(&name, NAME_SIZE)?.max(text_width(&detail, DETAIL_SIZE)?);
        Ok(Self { key, name, detail, width: KEY_WIDTH + KEY_GAP + text })
    }

    fn height(&self) -> f64 {
        let detail = if self.detail.is_empty() { 0.0 } else { DETAIL_HEIGHT };
        NAME_HEIGHT + detail + ENTRY_GAP
    }

    fn draw(&self, canvas: &Canvas<'_>, (x, y): (f64, f64)) -> Result<(), ReportError> {
        let middle = y + NAME_HEIGHT / 2.0;
        match self.key {
            Key::Line(stroke) => canvas.line(&[(x, middle), (x + KEY_WIDTH, middle)], stroke)?,
            Key::Mark(mark, color) => mark.draw(canvas, (x + KEY_WIDTH / 2.0, middle), color)?,
        }
        let text = x + KEY_WIDTH + KEY_GAP;
        canvas.text(&self.name, (text, middle), (NAME_SIZE, INK), Anchor::Start)?;
        if self.detail.is_empty() {
            return Ok(());
        }
        let below = y + NAME_HEIGHT + DETAIL_HEIGHT / 2.0;
        canvas.text(&self.detail, (text, below), (DETAIL_SIZE, FAINT), Anchor::Start)
    }
}

/// Width and height of a legend (px).
pub(super) fn size(entries: &[Entry]) -> (f64, f64) {
    let width = entries.iter().map(|entry| entry.width).fold(0.0, f64::max);
    (width, entries.iter().map(Entry::height).sum())
}

/// Draws a legend with its upper left corner at `(x, y)`.
pub(super) fn draw(
    canvas: &Canvas<'_>,
    entries: &[Entry],
    (x, mut y): (f64, f64),
) -> Result<(), ReportError> {
    for entry in entries {
        entry.draw(canvas, (x, y))?;
        y += entry.height();
    }
    Ok(())
}

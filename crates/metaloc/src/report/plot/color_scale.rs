//! Values as colours, and the bar that explains them.

use super::axes::{Axis, number};
use super::canvas::{Anchor, Canvas, Stroke};
use super::style::{FAINT, INK, Rgb};
use crate::report::ReportError;

/// The "viridis" scale, in which lightness rises all along.
pub(super) const VIRIDIS: &[Rgb] =
    &[Rgb(68, 1, 84), Rgb(59, 82, 139), Rgb(33, 145, 140), Rgb(94, 201, 98), Rgb(253, 231, 37)];
/// The "plasma" scale without its light end.
pub(super) const PLASMA: &[Rgb] = &[
    Rgb(13, 8, 135),
    Rgb(83, 2, 163),
    Rgb(139, 10, 165),
    Rgb(184, 50, 137),
    Rgb(219, 92, 104),
    Rgb(244, 136, 73),
];

/// Room for the words above the bar (px).
const HEAD: f64 = 32.0;
/// Height of the bar and of what is below it (px).
const BAR: f64 = 120.0;
const FOOT: f64 = 16.0;
/// Height of all (px).
pub(super) const HEIGHT: f64 = HEAD + BAR + FOOT;
/// Number of colours.
pub(super) const STEPS: usize = 64;

/// Colours from the lowest to the highest value of an axis; its label stands above the bar.
pub(super) struct ColorScale {
    pub(super) axis: Axis,
    pub(super) marks: &'static [Rgb],
    /// Whether there are values above the axis.
    pub(super) exceeded: bool,
}

impl ColorScale {
    /// The colour of a value as one of [`STEPS`]; what lies beyond the axis, or is no number, has that of its end.
    pub(super) fn step(&self, value: f64) -> usize {
        let share = (value - self.axis.min) / (self.axis.max - self.axis.min);
        ((share * STEPS as f64) as usize).min(STEPS - 1)
    }

    /// The colour of a step.
    pub(super) fn color_of(&self, step: usize) -> Rgb {
        let at = step as f64 / (STEPS - 1) as f64 * (self.marks.len() - 1) as f64;
        let below = (at.floor() as usize).min(self.marks.len() - 2);
        let (a, b, part) = (self.marks[below], self.marks[below + 1], at - below as f64);
        let mix = |a: u8, b: u8| (f64::from(a) + part * (f64::from(b) - f64::from(a))) as u8;
        Rgb(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
    }

    /// The colour of a value.
    pub(super) fn color(&self, value: f64) -> Rgb {
        self.color_of(self.step(value))
    }

    /// Draws the bar with its upper left corner at `(x, y)`.
    pub(super) fn draw(&self, canvas: &Canvas<'_>, (x, y): (f64, f64)) -> Result<(), ReportError> {
        canvas.text(&self.axis.label, (x, y + 10.0), (13.0, INK), Anchor::Start)?;
        let bottom = y + HEAD + BAR;
        for step in 0..STEPS {
            let from = bottom - BAR * step as f64 / STEPS as f64;
            // Up to the top: each colour covers the one below without a seam.
            canvas.rectangle((x, bottom - BAR), (x + 16.0, from), self.color_of(step))?;
        }
        let ticks = self.axis.ticks();
        for (index, (value, _)) in ticks.iter().enumerate() {
            let share = (value - self.axis.min) / (self.axis.max - self.axis.min);
            let at = bottom - share * BAR;
            canvas.line(&[(x + 16.0, at), (x + 20.0, at)], Stroke::solid(INK, 1.0))?;
            let above = if self.exceeded && index + 1 == ticks.len() { "≥ " } else { "" };
            let label = format!("{above}{}", number(*value, self.axis.step()));
            canvas.text(&label, (x + 25.0, at), (12.0, FAINT), Anchor::Start)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_follow_the_value() {
        for marks in [VIRIDIS, PLASMA] {
            let scale =
                ColorScale { axis: Axis::exact("x", -10.0, 10.0, 4), marks, exceeded: false };
            assert_eq!(scale.color(-10.0), marks[0]);
            assert_eq!(scale.color(f64::NAN), marks[0]);
            assert_eq!(scale.color(1e9), marks[marks.len() - 1]);
            assert!(scale.step(-5.0) < scale.step(5.0));
        }
    }
}

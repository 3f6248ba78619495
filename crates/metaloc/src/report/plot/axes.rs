//! Axes with round ticks, and the frame that they make.

use super::canvas::{Anchor, Canvas, Stroke, fitted, text_width};
use super::style::{FAINT, GRID, INK};
use super::{FRAME_TOP, MARGIN};
use crate::report::ReportError;

/// Longest and shortest side of a frame in metres (px).
const SIDES: (f64, f64) = (520.0, 150.0);
const TITLE_SIZE: f64 = 16.0;
const LABEL_SIZE: f64 = 13.0;
const TICK_SIZE: f64 = 12.0;
/// Room below a frame for tick labels and the axis label (px).
const BELOW: f64 = 56.0;

/// One axis: what it shows, from where to where, and its ticks.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub(super) label: String,
    pub(super) min: f64,
    pub(super) max: f64,
    step: f64,
}

impl Axis {
    /// From `min` to `max` exactly, with at most about `intervals` intervals between ticks.
    pub(super) fn exact(label: &str, min: f64, max: f64, intervals: usize) -> Self {
        let (min, max) = apart(min, max);
        Self { label: label.to_owned(), min, max, step: round_step(max - min, intervals) }
    }

    /// From the round number below `min` to the one above `max`.
    pub(super) fn round(label: &str, min: f64, max: f64, intervals: usize) -> Self {
        let mut axis = Self::exact(label, min, max, intervals);
        axis.min = (axis.min / axis.step + 1e-9).floor() * axis.step;
        axis.max = (axis.max / axis.step - 1e-9).ceil() * axis.step;
        axis
    }

    /// The same axis with a tick every `step`.
    pub(super) fn with_step(mut self, step: f64) -> Self {
        self.step = step;
        self
    }

    pub(super) fn step(&self) -> f64 {
        self.step
    }

    /// Ticks and their labels.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let first = (self.min / self.step - 1e-6).ceil() as i64;
        let last = (self.max / self.step + 1e-6).floor() as i64;
        (first..=last)
            .map(|count| count as f64 * self.step)
            .map(|value| (value, number(value, self.step)))
            .collect()
    }

    /// How far along the axis `value` is, from 0 to 1.
    fn share(&self, value: f64) -> f64 {
        (value - self.min) / (self.max - self.min)
    }
}

/// `min` and `max`, moved apart where there is nothing between them.
fn apart(min: f64, max: f64) -> (f64, f64) {
    let middle = f64::midpoint(min, max);
    let least = (middle.abs() * 1e-6).max(1e-9);
    if max - min >= least {
        return (min, max);
    }
    let half = if middle.abs() < 1e-9 { 0.5 } else { middle.abs() * 0.1 };
    (middle - half, middle + half)
}

/// The round number (1, 2 or 5 times a power of ten) that cuts `range` into about `intervals`.
fn round_step(range: f64, intervals: usize) -> f64 {
    let rough = range / intervals.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let times = [1.0, 2.0, 5.0].into_iter().find(|times| times * power >= rough * 0.999);
    times.unwrap_or(10.0) * power
}

/// A tick's number with as many decimals as its step needs.
pub(super) fn number(value: f64, step: f64) -> String {
    let value = if value.abs() < step * 1e-6 { 0.0 } else { value };
    let small = step < 0.9e-4 || value.abs() >= 1e6;
    let text = if small && value.abs() < step * 1e-6 {
        "0".to_owned()
    } else if small {
        let digits = ((value.abs() / step).log10() + 1e-9).floor().clamp(0.0, 6.0) as usize;
        format!("{value:.digits$e}")
    } else {
        // As many as show the step itself: one for 0.2, two for 0.25.
        let whole = |decimals: &usize| {
            let scaled = step * 10f64.powi(*decimals as i32);
            (scaled - scaled.round()).abs() < 1e-6 * scaled.max(1.0) && scaled > 0.5
        };
        let decimals = (0..6).find(whole).unwrap_or(6);
        format!("{value:.decimals$}")
    };
    text.replace('-', "−")
}

/// The frame of a plot: its place on the sheet (px) and its axes.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) x: Axis,
    pub(super) y: Axis,
}

impl Frame {
    /// A frame of the given size, as far to the right as the labels of `y` ask for.
    pub(super) fn new(x: Axis, y: Axis, (width, height): (f64, f64)) -> Result<Self, ReportError> {
        let mut widest: f64 = 0.0;
        for (_, label) in y.ticks() {
            widest = widest.max(text_width(&label, TICK_SIZE)?);
        }
        let left = MARGIN + LABEL_SIZE + 10.0 + widest + 8.0;
        Ok(Self { left, width, height, x, y })
    }

    /// A frame in which a metre is as long in x as in y, from corner to corner (m).
    pub(super) fn in_metres(low: (f64, f64), high: (f64, f64)) -> Result<Self, ReportError> {
        let metres = (high.0 - low.0).max(high.1 - low.1);
        let px_per_m = SIDES.0 / metres;
        let side = |low: f64, high: f64| {
            let px = ((high - low) * px_per_m).max(SIDES.1);
            let (middle, half) = (f64::midpoint(low, high), px / px_per_m / 2.0);
            (px, middle - half, middle + half)
        };
        let (width, x_min, x_max) = side(low.0, high.0);
        let (height, y_min, y_max) = side(low.1, high.1);
        let step = Axis::exact("", 0.0, metres, 8).step();
        // The same step on both, or a finer one where an axis would have a single tick.
        let axis = |label, min, max| {
            let axis = Axis::exact(label, min, max, 4);
            let step = if (max - min) < 2.5 * step { axis.step() } else { step };
            axis.with_step(step)
        };
        Self::new(axis("x [m]", x_min, x_max), axis("y [m]", y_min, y_max), (width, height))
    }

    pub(super) fn right(&self) -> f64 {
        self.left + self.width
    }

    pub(super) fn bottom(&self) -> f64 {
        FRAME_TOP + self.height
    }

    /// Height of a picture with this frame and something of height `beside` next to it (px).
    pub(super) fn picture_height(&self, beside: f64) -> f64 {
        (self.bottom() + BELOW).max(FRAME_TOP + beside + MARGIN)
    }

    /// Where a point of the data is on the sheet.
    pub(super) fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x_at(x), self.bottom() - self.y.share(y) * self.height)
    }

    pub(super) fn x_at(&self, x: f64) -> f64 {
        self.left + self.x.share(x) * self.width
    }

    /// Draws grid, axes, ticks and labels.
    pub(super) fn draw(&self, canvas: &Canvas<'_>) -> Result<(), ReportError> {
        self.draw_x(canvas)?;
        for (y, label) in self.y.ticks() {
            let (_, at) = self.at((self.x.min, y));
            canvas.line(&[(self.left, at), (self.right(), at)], Stroke::solid(GRID, 1.0))?;
            canvas.text(&label, (self.left - 8.0, at), (TICK_SIZE, FAINT), Anchor::End)?;
        }
        let middle = (MARGIN + LABEL_SIZE / 2.0, FRAME_TOP + self.height / 2.0);
        let label = fitted(&self.y.label, LABEL_SIZE, self.height + 40.0)?;
        canvas.text(&label, middle, (LABEL_SIZE, INK), Anchor::Upwards)?;
        self.draw_lines(canvas)
    }

    /// Draws the grid of x, its ticks and its label.
    pub(super) fn draw_x(&self, canvas: &Canvas<'_>) -> Result<(), ReportError> {
        let ticks = self.x.ticks();
        let mut free_from = f64::NEG_INFINITY;
        for (x, label) in ticks {
            let at = self.x_at(x);
            let ends = [(at, FRAME_TOP), (at, self.bottom())];
            canvas.line(&ends, Stroke::solid(GRID, 1.0))?;
            let half = text_width(&label, TICK_SIZE)? / 2.0;
            if at - half < free_from {
                continue;
            }
            free_from = at + half + 6.0;
            canvas.text(&label, (at, self.bottom() + 15.0), (TICK_SIZE, FAINT), Anchor::Middle)?;
        }
        let middle = (self.left + self.width / 2.0, self.bottom() + 38.0);
        let label = fitted(&self.x.label, LABEL_SIZE, self.width + 40.0)?;
        canvas.text(&label, middle, (LABEL_SIZE, INK), Anchor::Middle)
    }

    /// Draws the lines of the axes.
    pub(super) fn draw_lines(&self, canvas: &Canvas<'_>) -> Result<(), ReportError> {
        let corner = (self.left, self.bottom());
        let lines = [(self.left, FRAME_TOP), corner, (self.right(), self.bottom())];
        canvas.line(&lines, Stroke::solid(INK, 1.0))
    }
}

/// Draws the title of a picture of `width` px, in smaller print where it is long.
pub(super) fn draw_title(canvas: &Canvas<'_>, title: &str, width: f64) -> Result<(), ReportError> {
    let room = width - 2.0 * MARGIN;
    let fits = text_width(title, TITLE_SIZE)? <= room;
    let size = if fits { TITLE_SIZE } else { TITLE_SIZE - 4.0 };
    let title = fitted(title, size, room)?;
    canvas.text(&title, (MARGIN, 24.0), (size, INK), Anchor::Start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(&Axis::round("x", 0.0, 4.7, 5)), ["0", "1", "2", "3", "4", "5"]);
        assert_eq!(labels(&Axis::exact("x", -0.1, 0.25, 4)), ["−0.1", "0.0", "0.1", "0.2"]);
        let quarters = Axis::exact("x", 0.0, 1.0, 4).with_step(0.25);
        assert_eq!(labels(&quarters), ["0.00", "0.25", "0.50", "0.75", "1.00"]);
        assert_eq!(labels(&Axis::round("x", 0.0, 3e-6, 3)), ["0", "1e−6", "2e−6", "3e−6"]);
        assert_eq!(labels(&Axis::round("x", 0.0, 2e7, 2)), ["0", "1e7", "2e7"]);
    }

    #[test]
    fn equal_limits_are_moved_apart() {
        for value in [0.0, 3.0, -1e12, 1e-12] {
            let axis = Axis::round("x", value, value, 5);
            assert!(axis.min <= value && value <= axis.max && axis.min < axis.max, "{axis:?}");
            assert!((1..20).contains(&axis.ticks().len()), "{axis:?}");
        }
    }
}

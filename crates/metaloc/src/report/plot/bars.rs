//! Horizontal bars: a number a method, with the range that it comes from.

use super::axes::{Axis, Frame, draw_title};
use super::canvas::{Anchor, Canvas, Stroke, fitted, picture, text_width};
use super::style::{FAINT, INK, WHITE, method_color};
use super::{FRAME_TOP, MARGIN, checks};
use crate::report::ReportError;

/// Width of the frame (px).
const FRAME_WIDTH: f64 = 440.0;
/// Height of a bar with its gap (px).
const ROW: f64 = 40.0;
/// Height of a bar (px).
const THICKNESS: f64 = 22.0;
const NAME_SIZE: f64 = 13.0;
const VALUE_SIZE: f64 = 12.0;
const COUNT_SIZE: f64 = 11.0;
/// Room before a number (px).
const VALUE_GAP: f64 = 8.0;
/// Widest name before it is cut (px).
const WIDEST_NAME: f64 = 240.0;

/// A method's bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// The method's name, which chooses the colour ([`method_color`]).
    pub label: String,
    /// Length of the bar: the mean error (m).
    pub mean_m: f64,
    /// Ends of the whisker, low and high (m).
    pub range_m: Option<(f64, f64)>,
    /// Number of errors behind the mean.
    pub n: Option<usize>,
}

/// Horizontal bars, one a method.
#[derive(Debug, Clone, PartialEq)]
pub struct BarPlot {
    /// The title.
    pub title: String,
    /// What the bars show, with the unit: `mean localization error [m]`; here is also the place
    /// to say what the whiskers are.
    pub x_label: String,
    /// The bars from top to bottom.
    pub bars: Vec<Bar>,
}

impl BarPlot {
    /// The picture.
    ///
    /// # Errors
    /// [`ReportError::Empty`] without bars; [`ReportError::Number`] for a number that is negative
    /// or not finite, or a range whose low end is above its high one.
    pub fn to_svg(&self) -> Result<String, ReportError> {
        let frame = self.frame()?;
        let widest = self.bars.iter().try_fold(0.0, |widest: f64, bar| {
            text_width(&bar.value(), VALUE_SIZE).map(|width| widest.max(width))
        })?;
        let width = frame.right() + VALUE_GAP + widest + MARGIN;
        picture((width, frame.picture_height(0.0)), &self.description(), |canvas| {
            draw_title(canvas, &self.title, width)?;
            frame.draw_x(canvas)?;
            for (i, bar) in self.bars.iter().enumerate() {
                draw_bar(canvas, &frame, bar, FRAME_TOP + (i as f64 + 0.5) * ROW)?;
            }
            frame.draw_lines(canvas)
        })
    }

    fn frame(&self) -> Result<Frame, ReportError> {
        if self.bars.is_empty() {
            return Err(ReportError::Empty(format!("\"{}\" has no bars", self.title)));
        }
        let mut largest: f64 = 1e-3;
        let mut widest: f64 = 0.0;
        for bar in &self.bars {
            bar.check()?;
            largest = largest.max(bar.end_m());
            widest = widest.max(text_width(&bar.label, NAME_SIZE)?.min(WIDEST_NAME));
            widest = widest.max(text_width(&bar.count(), COUNT_SIZE)?);
        }
        let x = Axis::round(&self.x_label, 0.0, largest, 7);
        let y = Axis::exact("", 0.0, 1.0, 1);
        let height = self.bars.len() as f64 * ROW;
        Ok(Frame { left: MARGIN + widest + 10.0, width: FRAME_WIDTH, height, x, y })
    }

    fn description(&self) -> String {
        let means = self.bars.iter().map(|bar| format!("{} {:.2}", bar.label, bar.mean_m));
        let means = means.collect::<Vec<_>>().join("; ");
        format!("{}. {}: {means}.", self.title, self.x_label)
    }
}

impl Bar {
    fn check(&self) -> Result<(), ReportError> {
        checks::error_m(&self.label, self.mean_m)?;
        let Some((low, high)) = self.range_m else { return Ok(()) };
        checks::error_m(&self.label, low)?;
        checks::error_m(&self.label, high)?;
        if low > high {
            return Err(checks::number(&self.label, low, "a low end below the high one"));
        }
        Ok(())
    }

    /// The right end of what is drawn.
    fn end_m(&self) -> f64 {
        self.range_m.map_or(self.mean_m, |(_, high)| high.max(self.mean_m))
    }

    fn value(&self) -> String {
        format!("{:.2}", self.mean_m)
    }

    fn count(&self) -> String {
        self.n.map_or_else(String::new, |n| format!("n = {n}"))
    }
}

/// Draws a bar with its name, number and whisker, its middle at height `y`.
fn draw_bar(canvas: &Canvas<'_>, frame: &Frame, bar: &Bar, y: f64) -> Result<(), ReportError> {
    let color = method_color(&bar.label);
    let top = (frame.left, y - THICKNESS / 2.0);
    canvas.rectangle(top, (frame.x_at(bar.mean_m), y + THICKNESS / 2.0), color)?;
    if let Some((low, high)) = bar.range_m {
        let (low, high) = (frame.x_at(low), frame.x_at(high));
        for stroke in [Stroke::solid(WHITE, 4.0), Stroke::solid(INK, 1.5)] {
            canvas.line(&[(low, y), (high, y)], stroke)?;
            for end in [low, high] {
                canvas.line(&[(end, y - 5.0), (end, y + 5.0)], stroke)?;
            }
        }
    }
    let name = fitted(&bar.label, NAME_SIZE, WIDEST_NAME)?;
    let count = bar.count();
    let name_y = if count.is_empty() { y } else { y - 7.0 };
    canvas.text(&name, (frame.left - 10.0, name_y), (NAME_SIZE, INK), Anchor::End)?;
    if !count.is_empty() {
        canvas.text(&count, (frame.left - 10.0, y + 9.0), (COUNT_SIZE, FAINT), Anchor::End)?;
    }
    let value = bar.value();
    let at = frame.x_at(bar.end_m()) + VALUE_GAP;
    // White below the number hides the grid lines.
    let width = text_width(&value, VALUE_SIZE)?;
    canvas.rectangle((at - 3.0, y - 9.0), (at + width + 3.0, y + 9.0), WHITE)?;
    canvas.text(&value, (at, y), (VALUE_SIZE, INK), Anchor::Start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::png::parse;

    fn plot(mean_m: f64, range_m: Option<(f64, f64)>) -> BarPlot {
        let label = "maml".to_owned();
        BarPlot {
            title: "Means".to_owned(),
            x_label: "mean localization error [m]".to_owned(),
            bars: vec![Bar { label, mean_m, range_m, n: Some(12) }],
        }
    }

    #[test]
    fn svg_is_well_formed_and_always_the_same() {
        for plot in [plot(1.234, Some((1.0, 2.0))), plot(0.0, None)] {
            let svg = plot.to_svg().unwrap();
            assert!(parse(&svg).is_ok());
            assert!(svg.contains("n = 12"));
            assert_eq!(svg, plot.to_svg().unwrap());
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_an_error() {
        let none = BarPlot { bars: vec![], ..plot(1.0, None) };
        assert!(matches!(none.to_svg(), Err(ReportError::Empty(_))));
        for (mean, range) in [
            (f64::NAN, None),
            (-1.0, None),
            (1.0, Some((0.0, f64::INFINITY))),
            (1.0, Some((2.0, 1.0))),
        ] {
            assert!(matches!(plot(mean, range).to_svg(), Err(ReportError::Number { .. })));
        }
    }
}

//! Lines over a number: losses over iterations, errors over numbers of samples.

use super::axes::{Axis, Frame, draw_title};
use super::canvas::{Stroke, picture};
use super::legend::{self, Entry, Key, Mark};
use super::{FRAME_TOP, MARGIN, checks, style};
use crate::report::ReportError;

/// Size of the frame (px).
const FRAME: (f64, f64) = (480.0, 330.0);
/// A series of at most this many points shows them as dots.
const DOTS_UP_TO: usize = 15;

/// Width of a whisker (px).
const WHISKER: f64 = 1.0;

/// A line: its name and points.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The name, which chooses the colour ([`super::method_color`]).
    pub label: String,
    /// Points `(x, y)` in the order in which the line runs.
    pub points: Vec<(f64, f64)>,
    /// Low and high end of y at each point, drawn as whiskers; empty for none.
    pub ends: Vec<(f64, f64)>,
    /// Samples behind each point, for the legend; without, it counts the points.
    pub samples: Option<usize>,
}

impl Series {
    /// A line without whiskers.
    #[must_use]
    pub fn new(label: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self { label: label.into(), points, ends: Vec::new(), samples: None }
    }

    /// All that is drawn at some y.
    fn ys(&self) -> impl Iterator<Item = f64> {
        let ends = self.ends.iter().flat_map(|&(low, high)| [low, high]);
        self.points.iter().map(|point| point.1).chain(ends)
    }
}

/// Lines over a common x, such as a training and a validation loss over iterations.
#[derive(Debug, Clone, PartialEq)]
pub struct CurvePlot {
    /// The title.
    pub title: String,
    /// What x is, with its unit.
    pub x_label: String,
    /// What y is, with its unit.
    pub y_label: String,
    /// The lines, in the order of the legend.
    pub series: Vec<Series>,
}

impl CurvePlot {
    /// The picture.
    ///
    /// The y axis begins at 0 where the lines come near it.
    ///
    /// # Errors
    /// [`ReportError::Empty`] without series or for a series without points;
    /// [`ReportError::Number`] for a coordinate that isn't finite.
    pub fn to_svg(&self) -> Result<String, ReportError> {
        let frame = self.frame()?;
        let (strokes, entries) = self.legend()?;
        let (legend_width, legend_height) = legend::size(&entries);
        let legend_left = frame.right() + 24.0;
        let width = legend_left + legend_width + MARGIN;
        picture((width, frame.picture_height(legend_height)), &self.description(), |canvas| {
            draw_title(canvas, &self.title, width)?;
            frame.draw(canvas)?;
            for (series, &stroke) in self.series.iter().zip(&strokes).rev() {
                let points: Vec<_> = series.points.iter().map(|&at| frame.at(at)).collect();
                for (&(x, _), &(low, high)) in series.points.iter().zip(&series.ends) {
                    let whisker = [frame.at((x, low)), frame.at((x, high))];
                    canvas.line(&whisker, Stroke::solid(stroke.color, WHISKER))?;
                }
                canvas.line(&points, stroke)?;
                if points.len() <= DOTS_UP_TO {
                    points.iter().try_for_each(|&at| Mark::Dot.draw(canvas, at, stroke.color))?;
                }
            }
            legend::draw(canvas, &entries, (legend_left, FRAME_TOP))
        })
    }

    fn frame(&self) -> Result<Frame, ReportError> {
        if self.series.is_empty() {
            return Err(ReportError::Empty(format!("\"{}\" has no series", self.title)));
        }
        for series in &self.series {
            if series.points.is_empty() {
                return Err(ReportError::Empty(format!("{} has no points", series.label)));
            }
            series.points.iter().try_for_each(|&at| checks::point(&series.label, at))?;
            series.ys().try_for_each(|y| checks::point(&series.label, (0.0, y)))?;
        }
        let points = || self.series.iter().flat_map(|series| &series.points);
        let (x_min, x_max) = limits(points().map(|point| point.0));
        let (y_min, y_max) = limits(self.series.iter().flat_map(Series::ys));
        let near_zero = y_min > 0.0 && y_min < 0.5 * y_max;
        let y_min = if near_zero { 0.0 } else { y_min };
        let x = Axis::exact(&self.x_label, x_min, x_max, 8);
        Frame::new(x, Axis::round(&self.y_label, y_min, y_max, 6), FRAME)
    }

    fn legend(&self) -> Result<(Vec<Stroke>, Vec<Entry>), ReportError> {
        let styles = style::line_styles(self.series.iter().map(|series| series.label.as_str()));
        let strokes: Vec<_> =
            styles.into_iter().map(|(color, dash)| Stroke { color, width: 2.0, dash }).collect();
        let entries = self.series.iter().zip(&strokes).map(|(series, &stroke)| {
            let detail = match series.samples {
                Some(samples) => format!("n = {samples} samples"),
                None => format!("n = {} points", series.points.len()),
            };
            Entry::new(Key::Line(stroke), &series.label, &detail)
        });
        let entries = entries.collect::<Result<_, _>>()?;
        Ok((strokes, entries))
    }

    fn description(&self) -> String {
        let ends = self.series.iter().filter_map(|series| {
            let ((_, from), (x, to)) = (series.points.first()?, series.points.last()?);
            Some(format!("{} from {from:.3} to {to:.3} at {x}", series.label))
        });
        let ends = ends.collect::<Vec<_>>().join("; ");
        format!("{}. {} over {}: {ends}.", self.title, self.y_label, self.x_label)
    }
}

fn limits(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), v| (min.min(v), max.max(v)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::png::parse;

    fn plot(points: &[(f64, f64)]) -> CurvePlot {
        CurvePlot {
            title: "Loss".to_owned(),
            x_label: "iteration".to_owned(),
            y_label: "loss".to_owned(),
            series: vec![Series::new("training", points.to_vec())],
        }
    }

    #[test]
    fn svg_is_well_formed_and_always_the_same() {
        for points in [&[(0.0, 1.0)][..], &[(0.0, 2.0), (1.0, 2.0)], &[(5.0, -1e12), (5.0, 1e12)]] {
            let svg = plot(points).to_svg().unwrap();
            assert!(parse(&svg).is_ok(), "{points:?}");
            assert_eq!(svg, plot(points).to_svg().unwrap());
        }
    }

    #[test]
    fn the_legend_counts_samples_where_they_are_known() {
        let mut plot = plot(&[(0.0, 1.0), (1.0, 2.0)]);
        assert!(plot.to_svg().unwrap().contains("n = 2 points"));
        plot.series[0].samples = Some(270);
        assert!(plot.to_svg().unwrap().contains("n = 270 samples"));
    }

    #[test]
    fn the_axis_begins_at_zero_where_the_lines_come_near_it() {
        assert!(plot(&[(0.0, 9.0), (1.0, 1.0)]).frame().unwrap().y.min.abs() < 1e-12);
        assert!(plot(&[(0.0, 9.0), (1.0, 8.0)]).frame().unwrap().y.min > 7.0);
    }

    #[test]
    fn what_cannot_be_drawn_is_an_error() {
        assert!(matches!(plot(&[]).to_svg(), Err(ReportError::Empty(_))));
        let none = CurvePlot { series: vec![], ..plot(&[]) };
        assert!(matches!(none.to_svg(), Err(ReportError::Empty(_))));
        for bad in [(0.0, f64::NAN), (f64::INFINITY, 0.0)] {
            assert!(matches!(plot(&[bad]).to_svg(), Err(ReportError::Number { .. })));
        }
        let mut whisker = plot(&[(0.0, 1.0)]);
        whisker.series[0].ends = vec![(0.5, f64::NAN)];
        assert!(matches!(whisker.to_svg(), Err(ReportError::Number { .. })));
    }

    #[test]
    fn whiskers_have_room() {
        let mut plot = plot(&[(0.0, 10.0), (1.0, 11.0)]);
        plot.series[0].ends = vec![(8.0, 12.0), (9.0, 20.0)];
        let y = plot.frame().unwrap().y;
        assert!(y.min <= 8.0 && y.max >= 20.0);
    }
}

//! Empirical distribution of localization errors, one curve a method.

use super::axes::{Axis, Frame, draw_title};
use super::canvas::{Canvas, Stroke, picture};
use super::legend::{self, Entry, Key};
use super::{FRAME_TOP, MARGIN, checks, style};
use crate::report::ReportError;

/// Size of the frame (px).
const FRAME: (f64, f64) = (480.0, 330.0);
/// Most steps of a drawn curve; more can't be seen.
const MOST_STEPS: usize = 1500;

/// A method's localization errors.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The method's name, which chooses the colour ([`super::method_color`]).
    pub label: String,
    /// Localization errors in any order (m).
    pub errors_m: Vec<f64>,
}

impl Curve {
    /// Share of the errors that are at most `limit_m`; `None` without errors.
    #[must_use]
    pub fn share_within(&self, limit_m: f64) -> Option<f64> {
        let within = self.errors_m.iter().filter(|&&error| error <= limit_m).count();
        (!self.errors_m.is_empty()).then(|| within as f64 / self.errors_m.len() as f64)
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.errors_m.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted
    }

    fn check(&self) -> Result<(), ReportError> {
        if self.errors_m.is_empty() {
            return Err(ReportError::Empty(format!("{} has no errors", self.label)));
        }
        self.errors_m.iter().try_for_each(|&error| checks::error_m(&self.label, error))
    }
}

/// Cumulative distribution functions of localization errors.
#[derive(Debug, Clone, PartialEq)]
pub struct CdfPlot {
    /// The title.
    pub title: String,
    /// What x is, with its unit: `localization error [m]`.
    pub x_label: String,
    /// The methods, in the order of the legend.
    pub curves: Vec<Curve>,
    /// End of the x axis (m); the largest error without it.
    pub x_max: Option<f64>,
}

impl CdfPlot {
    /// The picture.
    ///
    /// # Errors
    /// [`ReportError::Empty`] without curves or for a curve without errors;
    /// [`ReportError::Number`] for an error that is negative or not finite, or an `x_max` that
    /// isn't positive.
    pub fn to_svg(&self) -> Result<String, ReportError> {
        let frame = self.frame()?;
        let (strokes, entries) = self.legend()?;
        let (legend_width, legend_height) = legend::size(&entries);
        let legend_left = frame.right() + 24.0;
        let width = legend_left + legend_width + MARGIN;
        picture((width, frame.picture_height(legend_height)), &self.description(), |canvas| {
            draw_title(canvas, &self.title, width)?;
            frame.draw(canvas)?;
            // The first method is drawn last, on top of the others.
            for (curve, &stroke) in self.curves.iter().zip(&strokes).rev() {
                draw_curve(canvas, &frame, curve, stroke)?;
            }
            legend::draw(canvas, &entries, (legend_left, FRAME_TOP))
        })
    }

    fn frame(&self) -> Result<Frame, ReportError> {
        if self.curves.is_empty() {
            return Err(ReportError::Empty(format!("\"{}\" has no curves", self.title)));
        }
        self.curves.iter().try_for_each(Curve::check)?;
        let largest = self.curves.iter().flat_map(|curve| &curve.errors_m).copied();
        let x = match self.x_max {
            None => Axis::round(&self.x_label, 0.0, largest.fold(1e-3, f64::max), 8),
            Some(max) if max > 0.0 => {
                checks::finite("x_max", max)?;
                Axis::exact(&self.x_label, 0.0, max, 8)
            }
            Some(max) => return Err(checks::number("x_max", max, "a positive number")),
        };
        let y = Axis::exact("cumulative probability", 0.0, 1.0, 4).with_step(0.25);
        Frame::new(x, y, FRAME)
    }

    fn legend(&self) -> Result<(Vec<Stroke>, Vec<Entry>), ReportError> {
        let styles = style::line_styles(self.curves.iter().map(|curve| curve.label.as_str()));
        let strokes: Vec<_> =
            styles.into_iter().map(|(color, dash)| Stroke { color, width: 2.0, dash }).collect();
        let entries = self.curves.iter().zip(&strokes).map(|(curve, &stroke)| {
            let n = curve.errors_m.len();
            let detail = format!("n = {n}, median {:.2} m", median(&curve.sorted()));
            Entry::new(Key::Line(stroke), &curve.label, &detail)
        });
        let entries = entries.collect::<Result<_, _>>()?;
        Ok((strokes, entries))
    }

    fn description(&self) -> String {
        let medians = self.curves.iter().map(|curve| {
            let median = median(&curve.sorted());
            format!("{} median {median:.2} m of {}", curve.label, curve.errors_m.len())
        });
        let medians = medians.collect::<Vec<_>>().join("; ");
        format!("{}. Distribution of errors: {medians}.", self.title)
    }
}

/// Median of sorted numbers, of which there must be one.
fn median(sorted: &[f64]) -> f64 {
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}

fn draw_curve(
    canvas: &Canvas<'_>,
    frame: &Frame,
    curve: &Curve,
    stroke: Stroke,
) -> Result<(), ReportError> {
    let steps = steps(&curve.sorted(), frame.x.max);
    let points: Vec<_> = steps.into_iter().map(|point| frame.at(point)).collect();
    canvas.line(&points, stroke)
}

/// Corners of the distribution function of `sorted`, from 0 to its end or to `x_max`.
fn steps(sorted: &[f64], x_max: f64) -> Vec<(f64, f64)> {
    let n = sorted.len();
    let stride = n.div_ceil(MOST_STEPS);
    let mut corners = vec![(0.0, 0.0)];
    let mut height = 0.0;
    for i in (0..n).filter(|i| (i + 1) % stride == 0 || i + 1 == n) {
        if sorted[i] > x_max {
            corners.push((x_max, height));
            break;
        }
        corners.push((sorted[i], height));
        height = (i + 1) as f64 / n as f64;
        corners.push((sorted[i], height));
    }
    corners
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::png::parse;

    fn curve(label: &str, errors_m: &[f64]) -> Curve {
        Curve { label: label.to_owned(), errors_m: errors_m.to_vec() }
    }

    fn plot(curves: Vec<Curve>) -> CdfPlot {
        let x_label = "localization error [m]".to_owned();
        CdfPlot { title: "Errors".to_owned(), x_label, curves, x_max: None }
    }

    #[test]
    fn shares_and_steps_at_known_points() {
        let curve = curve("maml", &[4.0, 1.0, 2.0, 2.0]);
        for (limit, share) in [(0.5, 0.0), (1.0, 0.25), (2.0, 0.75), (3.9, 0.75), (4.0, 1.0)] {
            assert_eq!(curve.share_within(limit), Some(share), "{limit}");
        }
        assert_eq!(super::tests::curve("none", &[]).share_within(1.0), None);
        let found = steps(&[1.0, 3.0], 2.0);
        assert_eq!(found, [(0.0, 0.0), (1.0, 0.0), (1.0, 0.5), (2.0, 0.5)]);
        assert_eq!(steps(&[1.0, 3.0], 9.0).last(), Some(&(3.0, 1.0)));
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]).to_bits(), 3f64.to_bits());
    }

    #[test]
    fn a_long_curve_ends_at_one() {
        let sorted: Vec<f64> = (0..10_001).map(f64::from).collect();
        let steps = steps(&sorted, 1e6);
        assert!(steps.len() <= 2 * MOST_STEPS + 3);
        assert_eq!(steps.last(), Some(&(10_000.0, 1.0)));
    }

    #[test]
    fn svg_is_well_formed_and_always_the_same() {
        let plot = plot(vec![curve("maml", &[0.5, 1.0]), curve("<tl> & co", &[0.0; 3])]);
        let svg = plot.to_svg().unwrap();
        assert!(parse(&svg).is_ok());
        assert!(svg.contains("n = 2, median 0.75 m"));
        assert_eq!(svg, plot.to_svg().unwrap());
    }

    #[test]
    fn what_cannot_be_drawn_is_an_error() {
        assert!(matches!(plot(vec![]).to_svg(), Err(ReportError::Empty(_))));
        assert!(matches!(plot(vec![curve("a", &[])]).to_svg(), Err(ReportError::Empty(_))));
        for error in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
            let found = plot(vec![curve("a", &[1.0, error])]).to_svg();
            assert!(matches!(found, Err(ReportError::Number { .. })), "{error}");
        }
        for x_max in [0.0, f64::NAN, f64::INFINITY] {
            let plot = CdfPlot { x_max: Some(x_max), ..plot(vec![curve("a", &[1.0])]) };
            assert!(matches!(plot.to_svg(), Err(ReportError::Number { .. })), "{x_max}");
        }
    }
}

//! A floor from above: reference points, access points, and where test points were placed.

use metaloc_radio::channel::FloorPlan;

use super::axes::{Axis, Frame, draw_title};
use super::canvas::{Canvas, Stroke, picture};
use super::color_scale::{self, ColorScale, PLASMA};
use super::legend::{self, Entry, Key, Mark};
use super::style::{INK, Rgb};
use super::{FRAME_TOP, MARGIN, checks, plan};
use crate::report::ReportError;

const POINT: Rgb = Rgb(150, 150, 150);

/// A test point: where it is and where it was placed (m).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The true place `(x, y)` (m).
    pub truth: (f64, f64),
    /// The estimated place `(x, y)` (m).
    pub estimate: (f64, f64),
}

impl Estimate {
    /// The distance between the two (m).
    #[must_use]
    pub fn error_m(&self) -> f64 {
        (self.truth.0 - self.estimate.0).hypot(self.truth.1 - self.estimate.1)
    }
}

/// A floor with the estimates of a method; both axes have one scale.
#[derive(Debug, Clone, PartialEq)]
pub struct FloorPlanPlot {
    /// The title.
    pub title: String,
    /// Reference points `(x, y)` (m).
    pub reference_points: Vec<(f64, f64)>,
    /// Access points `(x, y)` (m); none where they aren't known.
    pub access_points: Vec<(f64, f64)>,
    /// Test points and where they were placed.
    pub estimates: Vec<Estimate>,
    /// The walls, doors, windows and furniture to draw under all that.
    pub plan: Option<FloorPlan>,
}

impl FloorPlanPlot {
    /// The picture.
    ///
    /// # Errors
    /// [`ReportError::Empty`] without any point; [`ReportError::Number`] for a coordinate that
    /// isn't finite.
    pub fn to_svg(&self) -> Result<String, ReportError> {
        let frame = self.frame()?;
        let scale = error_scale(&self.estimates);
        let entries = self.legend(&scale)?;
        let (legend_width, legend_height) = legend::size(&entries);
        let left = frame.right() + 24.0;
        let width = left + legend_width.max(120.0) + MARGIN;
        let scale_height = if self.estimates.is_empty() { 0.0 } else { color_scale::HEIGHT };
        let height = frame.picture_height(legend_height + scale_height);
        picture((width, height), &self.description(), |canvas| {
            draw_title(canvas, &self.title, width)?;
            frame.draw(canvas)?;
            if let Some(plan) = &self.plan {
                plan::draw_walls(canvas, &frame, plan)?;
            }
            self.draw_points(canvas, &frame, &scale)?;
            legend::draw(canvas, &entries, (left, FRAME_TOP))?;
            if self.estimates.is_empty() {
                return Ok(());
            }
            scale.draw(canvas, (left + 8.0, FRAME_TOP + legend_height + 8.0))
        })
    }

    fn draw_points(
        &self,
        canvas: &Canvas<'_>,
        frame: &Frame,
        scale: &ColorScale,
    ) -> Result<(), ReportError> {
        for &point in &self.reference_points {
            Mark::Cross.draw(canvas, frame.at(point), POINT)?;
        }
        for &point in &self.access_points {
            Mark::Triangle.draw(canvas, frame.at(point), INK)?;
        }
        let mut estimates = self.estimates.clone();
        estimates.sort_by(|a, b| a.error_m().total_cmp(&b.error_m()));
        for estimate in &estimates {
            let color = scale.color(estimate.error_m());
            let (truth, placed) = (frame.at(estimate.truth), frame.at(estimate.estimate));
            canvas.line(&[truth, placed], Stroke::solid(color, 1.6))?;
            Mark::Ring.draw(canvas, truth, color)?;
            Mark::Dot.draw(canvas, placed, color)?;
        }
        Ok(())
    }

    /// A frame in which a metre is as long in x as in y.
    fn frame(&self) -> Result<Frame, ReportError> {
        let ends = self.estimates.iter().flat_map(|e| [e.truth, e.estimate]);
        let corners = self.plan.iter().flat_map(FloorPlan::extent).map(|[x, y]| (x, y));
        let points = self.reference_points.iter().chain(&self.access_points).copied();
        let points = points.chain(ends).chain(corners);
        let (mut low, mut high) =
            ((f64::INFINITY, f64::INFINITY), (-f64::INFINITY, -f64::INFINITY));
        for point in points {
            checks::point(&self.title, point)?;
            low = (low.0.min(point.0), low.1.min(point.1));
            high = (high.0.max(point.0), high.1.max(point.1));
        }
        if low.0 > high.0 {
            return Err(ReportError::Empty(format!("\"{}\" has no points", self.title)));
        }
        let longest = (high.0 - low.0).max(high.1 - low.1);
        // Room for the marks at the border, and some where all points are one.
        let border = (longest * 0.05).max(low.0.abs().max(low.1.abs()) * 1e-5).max(0.5);
        Frame::in_metres((low.0 - border, low.1 - border), (high.0 + border, high.1 + border))
    }

    fn legend(&self, scale: &ColorScale) -> Result<Vec<Entry>, ReportError> {
        let mut entries = Vec::new();
        let counted = |points: usize| format!("n = {points}");
        if !self.estimates.is_empty() {
            let color = scale.color(0.0);
            entries.push(Entry::new(Key::Mark(Mark::Ring, color), "true place", "")?);
            let n = self.estimates.len();
            let mean = self.mean_error_m();
            let detail = format!("n = {n}, mean error {mean:.2} m");
            entries.push(Entry::new(Key::Mark(Mark::Dot, color), "estimated place", &detail)?);
        }
        if !self.reference_points.is_empty() {
            let detail = counted(self.reference_points.len());
            entries.push(Entry::new(Key::Mark(Mark::Cross, POINT), "reference point", &detail)?);
        }
        if !self.access_points.is_empty() {
            let detail = counted(self.access_points.len());
            entries.push(Entry::new(Key::Mark(Mark::Triangle, INK), "access point", &detail)?);
        }
        Ok(entries)
    }

    fn mean_error_m(&self) -> f64 {
        self.estimates.iter().map(Estimate::error_m).sum::<f64>() / self.estimates.len() as f64
    }

    fn description(&self) -> String {
        let reference = self.reference_points.len();
        let mut text = format!("{}. Floor with {reference} reference points", self.title);
        if !self.estimates.is_empty() {
            let (n, mean) = (self.estimates.len(), self.mean_error_m());
            text += &format!("; {n} estimates with a mean error of {mean:.2} m");
        }
        text + "."
    }
}

/// Errors as colours, up to a round number that at least 95 % of them don't exceed.
fn error_scale(estimates: &[Estimate]) -> ColorScale {
    let mut errors: Vec<f64> = estimates.iter().map(Estimate::error_m).collect();
    errors.sort_unstable_by(f64::total_cmp);
    let most = (errors.len() * 95).div_ceil(100).saturating_sub(1);
    let top = errors.get(most).copied().unwrap_or(1.0).max(0.1);
    let axis = Axis::round("error [m]", 0.0, top, 4);
    let exceeded = errors.last().is_some_and(|&largest| largest > axis.max);
    ColorScale { axis, marks: PLASMA, exceeded }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::png::parse;

    fn plot(points: &[(f64, f64)]) -> FloorPlanPlot {
        FloorPlanPlot {
            title: "Floor".to_owned(),
            reference_points: points.to_vec(),
            access_points: vec![],
            estimates: vec![],
            plan: None,
        }
    }

    #[test]
    fn a_metre_is_as_long_in_x_as_in_y() {
        for points in [&[(0.0, 0.0), (30.0, 10.0)][..], &[(0.0, 0.0), (1.0, 500.0)], &[(7.0, 7.0)]]
        {
            let frame = plot(points).frame().unwrap();
            let px = |axis: &Axis, side: f64| side / (axis.max - axis.min);
            let (x, y) = (px(&frame.x, frame.width), px(&frame.y, frame.height));
            assert!((x / y - 1.0).abs() < 1e-9, "{points:?}: {x} {y}");
        }
    }

    #[test]
    fn the_scale_reaches_the_errors() {
        let estimate = Estimate { truth: (0.0, 0.0), estimate: (3.0, 4.0) };
        assert!((estimate.error_m() - 5.0).abs() < 1e-12);
        let scale = error_scale(&[estimate]);
        assert!(scale.axis.max >= 5.0 && !scale.exceeded);
    }

    #[test]
    fn svg_is_well_formed_and_always_the_same() {
        let mut plot = plot(&[(0.0, 0.0), (4.0, 2.0)]);
        assert!(parse(&plot.to_svg().unwrap()).is_ok());
        plot.estimates = vec![Estimate { truth: (1.0, 1.0), estimate: (2.0, 1.5) }; 2];
        plot.access_points = vec![(1e12, -1e12)];
        let svg = plot.to_svg().unwrap();
        assert!(parse(&svg).is_ok());
        assert_eq!(svg, plot.to_svg().unwrap());
    }

    #[test]
    fn what_cannot_be_drawn_is_an_error() {
        assert!(matches!(plot(&[]).to_svg(), Err(ReportError::Empty(_))));
        for bad in [(f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert!(matches!(plot(&[bad]).to_svg(), Err(ReportError::Number { .. })));
        }
    }
}

//! A floor plan with its access points and survey points, over a map of what is received where.

use metaloc_radio::channel::{FloorPlan, Place, PlacedAccessPoint};

use super::axes::{Axis, Frame, draw_title};
use super::canvas::{Anchor, Canvas, Stroke, picture};
use super::color_scale::{self, ColorScale, VIRIDIS};
use super::legend::{self, Entry, Key, Mark};
use super::style::{INK, Rgb, WHITE};
use super::{FRAME_TOP, MARGIN, checks};
use crate::report::ReportError;

/// Empty border around the plan (m).
const BORDER_M: f64 = 0.5;
/// Access points whose names are written; more would hide each other.
const NAMED: usize = 24;
const WALL: Rgb = INK;
const DOOR: Rgb = Rgb(213, 94, 0);
const WINDOW: Rgb = Rgb(86, 180, 233);
const FURNITURE: Rgb = Rgb(150, 150, 150);
const ACCESS_POINT: Rgb = Rgb(213, 94, 0);
const POINT: Rgb = Rgb(0, 114, 178);

/// A value for each cell of a grid over the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Coverage {
    /// What the values are, with their unit.
    pub label: String,
    /// Lower left corner of the grid (m).
    pub origin: Place,
    /// Side of a cell (m).
    pub cell_m: f64,
    /// `[columns, rows]`: the values; a cell without one is left white.
    pub values: Vec<Vec<Option<f64>>>,
    /// The values at the ends of the scale; what lies beyond has the colour of the end.
    pub limits: (f64, f64),
}

/// A plan from above; both axes have one scale.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanPlot<'a> {
    /// The title.
    pub title: String,
    /// The plan.
    pub plan: &'a FloorPlan,
    /// What is drawn under it.
    pub coverage: Option<Coverage>,
}

impl PlanPlot<'_> {
    /// The picture.
    ///
    /// # Errors
    /// [`ReportError::Number`] for a coordinate that isn't finite, or limits that don't rise.
    pub fn to_svg(&self) -> Result<String, ReportError> {
        let [low, high] = self.plan.extent();
        for corner in [low, high] {
            checks::point(&self.title, (corner[0], corner[1]))?;
        }
        let at = |corner: Place, border_m: f64| (corner[0] + border_m, corner[1] + border_m);
        let frame = Frame::in_metres(at(low, -BORDER_M), at(high, BORDER_M))?;
        let scale = self.coverage.as_ref().map(Coverage::scale).transpose()?;
        let entries = self.legend()?;
        let (legend_width, legend_height) = legend::size(&entries);
        let left = frame.right() + 24.0;
        let width = left + legend_width.max(170.0) + MARGIN;
        let scale_height = if scale.is_some() { color_scale::HEIGHT + 10.0 } else { 0.0 };
        let height = frame.picture_height(legend_height + scale_height);
        picture((width, height), &self.description(), |canvas| {
            draw_title(canvas, &self.title, width)?;
            frame.draw(canvas)?;
            if let (Some(coverage), Some(scale)) = (&self.coverage, &scale) {
                coverage.draw(canvas, &frame, scale)?;
                scale.draw(canvas, (left + 8.0, FRAME_TOP + legend_height + 10.0))?;
            }
            draw_walls(canvas, &frame, self.plan)?;
            self.draw_devices(canvas, &frame)?;
            legend::draw(canvas, &entries, (left, FRAME_TOP))
        })
    }

    fn draw_devices(&self, canvas: &Canvas<'_>, frame: &Frame) -> Result<(), ReportError> {
        for point in self.plan.points() {
            let at = frame.at((point.at[0], point.at[1]));
            canvas.dot(at, 3.2, WHITE)?;
            canvas.dot(at, 2.4, POINT)?;
        }
        let at =
            |access_point: &PlacedAccessPoint| frame.at((access_point.at[0], access_point.at[1]));
        let places: Vec<(f64, f64)> = self.plan.access_points.iter().map(at).collect();
        for (access_point, &(x, y)) in self.plan.access_points.iter().zip(&places) {
            let edge = [(x, y - 8.5), (x + 8.0, y + 6.0), (x - 8.0, y + 6.0)];
            canvas.polygon(&edge, WHITE)?;
            Mark::Triangle.draw(canvas, (x, y), ACCESS_POINT)?;
            if self.plan.access_points.len() <= NAMED {
                let name_y = name_y(&access_point.name, (x, y), &places);
                // White around the letters, so that they show on any ground.
                for (dx, dy) in [(-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0)] {
                    let beside = (x + dx, name_y + dy);
                    canvas.text(&access_point.name, beside, (11.0, WHITE), Anchor::Middle)?;
                }
                canvas.text(&access_point.name, (x, name_y), (11.0, INK), Anchor::Middle)?;
            }
        }
        Ok(())
    }

    fn legend(&self) -> Result<Vec<Entry>, ReportError> {
        let plan = self.plan;
        let n_points = plan.points().len();
        let line = |color, width| Key::Line(Stroke::solid(color, width));
        let kinds = [
            (line(WALL, 3.0), "wall", plan.walls.len() + plan.outline.corners.len()),
            (line(DOOR, 2.0), "door", plan.doors.len()),
            (line(WINDOW, 3.0), "window", plan.windows.len()),
            (line(FURNITURE, 1.4), "furniture", plan.furniture.len()),
            (Key::Mark(Mark::Triangle, ACCESS_POINT), "access point", plan.access_points.len()),
            (Key::Mark(Mark::Dot, POINT), "survey point", n_points),
        ];
        let there = kinds.into_iter().filter(|(_, _, n)| *n > 0);
        there.map(|(key, name, n)| Entry::new(key, name, &format!("n = {n}"))).collect()
    }

    fn description(&self) -> String {
        let [low, high] = self.plan.extent();
        format!(
            "{}. Floor plan of {:.1} by {:.1} m with {} access points and {} survey points.",
            self.title,
            high[0] - low[0],
            high[1] - low[1],
            self.plan.access_points.len(),
            self.plan.points().len()
        )
    }
}

/// Height at which an access point's name stands: above its triangle, or below it where the name would cover another one.
fn name_y(name: &str, (x, y): (f64, f64), triangles: &[(f64, f64)]) -> f64 {
    // Half of the letters and of a triangle.
    let reach = (3.2 * name.chars().count() as f64 + 8.0, 6.0 + 8.0);
    let is_clear = |name_y: &f64| {
        triangles.iter().all(|other| {
            *other == (x, y) || (other.0 - x).abs() > reach.0 || (other.1 - name_y).abs() > reach.1
        })
    };
    [y - 15.0, y + 15.0].into_iter().find(is_clear).unwrap_or(y - 15.0)
}

/// Draws walls, doors, windows and furniture.
pub(super) fn draw_walls(
    canvas: &Canvas<'_>,
    frame: &Frame,
    plan: &FloorPlan,
) -> Result<(), ReportError> {
    let at = |place: Place| frame.at((place[0], place[1]));
    for piece in &plan.furniture {
        let mut corners: Vec<_> = piece.corners().map(at).to_vec();
        corners.push(corners[0]);
        canvas.line(&corners, Stroke::solid(FURNITURE, 1.4))?;
    }
    let (_, metre) = frame.at((0.0, 0.0));
    let (_, above) = frame.at((0.0, 1.0));
    let px_per_m = metre - above;
    for wall in plan.all_walls() {
        let width = (wall.thickness_m() * px_per_m).clamp(1.6, 8.0);
        canvas.line(&[at(wall.from), at(wall.to)], Stroke::solid(WALL, width))?;
    }
    for window in &plan.windows {
        let ends = [at(window.from), at(window.to)];
        canvas.line(&ends, Stroke::solid(WHITE, 5.0))?;
        canvas.line(&ends, Stroke::solid(WINDOW, 3.0))?;
    }
    for door in &plan.doors {
        let ends = [at(door.from), at(door.to)];
        canvas.line(&ends, Stroke::solid(WHITE, 6.0))?;
        let leaf = if door.open { [at(door.from), at(door.leaf_end())] } else { ends };
        canvas.line(&leaf, Stroke::solid(DOOR, 2.0))?;
    }
    Ok(())
}

impl Coverage {
    fn scale(&self) -> Result<ColorScale, ReportError> {
        let (low, high) = self.limits;
        checks::finite("limits of the scale", low)?;
        checks::finite("limits of the scale", high)?;
        if low >= high {
            return Err(checks::number("limits of the scale", low, "a low end below the high one"));
        }
        let axis = Axis::exact(&self.label, low, high, 4);
        Ok(ColorScale { axis, marks: VIRIDIS, exceeded: false })
    }

    fn draw(
        &self,
        canvas: &Canvas<'_>,
        frame: &Frame,
        scale: &ColorScale,
    ) -> Result<(), ReportError> {
        let corner = |column: usize, row: usize| {
            let [x, y] = self.origin;
            frame.at((x + column as f64 * self.cell_m, y + row as f64 * self.cell_m))
        };
        for (column, values) in self.values.iter().enumerate() {
            for (row, value) in values.iter().enumerate() {
                let Some(value) = value else { continue };
                let ends = (corner(column, row), corner(column + 1, row + 1));
                canvas.rectangle(ends.0, ends.1, scale.color(*value))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::png::parse;
    use metaloc_radio::channel::{Grid, Material};

    fn plan() -> FloorPlan {
        let mut plan = FloorPlan::room("study", [4.0, 3.0], Material::Brick);
        let access_point = PlacedAccessPoint { name: "a <1>".into(), at: [1.0, 1.0, 2.5] };
        plan.access_points.push(access_point);
        let grid = Grid { origin: [0.5, 0.5], step_m: [1.0; 2], count: [3, 2], height_m: 1.2 };
        plan.grids.push(grid);
        plan
    }

    #[test]
    fn svg_is_well_formed_and_always_the_same() {
        let plan = plan();
        let coverage = Coverage {
            label: "dBm".into(),
            origin: [0.0, 0.0],
            cell_m: 1.0,
            values: vec![vec![Some(-50.0), None, Some(f64::NAN)]; 4],
            limits: (-90.0, -30.0),
        };
        let mut plot = PlanPlot { title: "Study".into(), plan: &plan, coverage: Some(coverage) };
        let svg = plot.to_svg().unwrap();
        assert!(parse(&svg).is_ok(), "{svg}");
        assert_eq!(svg, plot.to_svg().unwrap());
        assert!(svg.contains("4.0 by 3.0 m with 1 access points and 6 survey points"));
        let without = PlanPlot { coverage: None, ..plot.clone() }.to_svg().unwrap();
        assert!(without.len() < svg.len());
        plot.coverage.as_mut().unwrap().limits = (0.0, 0.0);
        assert!(matches!(plot.to_svg(), Err(ReportError::Number { .. })));
    }

    #[test]
    fn names_make_room_for_triangles() {
        let near = |places: &[(f64, f64)]| name_y("ap1", (100.0, 100.0), places) as i32;
        assert_eq!(near(&[(100.0, 100.0), (180.0, 85.0)]), 85);
        assert_eq!(near(&[(100.0, 100.0), (110.0, 85.0)]), 115);
        // No room at all.
        assert_eq!(near(&[(100.0, 100.0), (110.0, 85.0), (95.0, 120.0)]), 85);
    }

    #[test]
    fn a_plan_without_end_is_an_error() {
        let mut plan = plan();
        plan.outline.corners[2][0] = f64::INFINITY;
        let plot = PlanPlot { title: "Study".into(), plan: &plan, coverage: None };
        assert!(matches!(plot.to_svg(), Err(ReportError::Number { .. })));
    }
}

//! Values over columns and rows as colours, one panel below the other.

use std::fmt::Write;

use super::axes::{Axis, Frame, draw_title};
use super::canvas::{Canvas, Stroke, picture};
use super::color_scale::{self, ColorScale, VIRIDIS};
use super::legend::{self, Entry, Key};
use super::style::Rgb;
use super::{FRAME_TOP, MARGIN, checks};
use crate::report::ReportError;

/// Width of a frame, and its least and greatest height (px).
const FRAME_WIDTH: f64 = 560.0;
const FRAME_HEIGHT: (f64, f64) = (190.0, 300.0);
/// Height of a row, where that fits (px).
const ROW: f64 = 3.0;
/// Room between the frame and the marks of rows, and their width (px).
const STRIP: (f64, f64) = (3.0, 9.0);
/// Most cells of a panel; finer ones can't be seen.
const MOST_CELLS: usize = 40_000;
/// How a row or a column is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HeatMapMark {
    /// As expected: grey.
    Faint,
    /// Worth a look: blue.
    Neutral,
    /// Bad: red.
    Bad,
}

impl HeatMapMark {
    fn color(self) -> Rgb {
        match self {
            Self::Faint => Rgb(190, 190, 190),
            Self::Neutral => Rgb(0, 114, 178),
            Self::Bad => Rgb(213, 94, 0),
        }
    }
}

/// Values over columns and rows.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMapPanel {
    /// The title.
    pub title: String,
    /// What columns are, with their unit.
    pub x_label: String,
    /// Left end of the first column and right end of the last.
    pub x_range: (f64, f64),
    /// What each row stands for, rising.
    pub rows: Vec<i32>,
    /// `[columns, rows]`: the values, all columns equally wide.
    pub columns: Vec<Vec<f32>>,
    /// Rows that are marked at the right, how, and what that means.
    pub marked_rows: Vec<(i32, HeatMapMark, String)>,
    /// Marks above the frame: how, what that means, and where.
    pub marked_columns: Vec<(HeatMapMark, String, Vec<f64>)>,
}

/// Panels with one scale of colours.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMapPlot {
    /// What the values are, with their unit.
    pub scale_label: String,
    /// What rows are.
    pub y_label: String,
    /// The values at the ends of the scale; what lies beyond has the colour of the end.
    pub limits: (f64, f64),
    /// The panels from top to bottom.
    pub panels: Vec<HeatMapPanel>,
}

impl HeatMapPlot {
    /// The picture.
    ///
    /// # Errors
    /// [`ReportError::Empty`] without panels, or for one without columns or rows;
    /// [`ReportError::Number`] for limits that aren't finite or don't rise, or columns of another
    /// length than there are rows.
    pub fn to_svg(&self) -> Result<String, ReportError> {
        if self.panels.is_empty() {
            return Err(ReportError::Empty("a heat map has no panels".to_owned()));
        }
        let (low, high) = self.limits;
        checks::finite("limits of the scale", low)?;
        checks::finite("limits of the scale", high)?;
        if low >= high {
            return Err(checks::number("limits of the scale", low, "a low end below the high one"));
        }
        let (mut body, mut width, mut top) = (String::new(), 0.0_f64, 0.0);
        for panel in &self.panels {
            let (svg, size) = self.panel(panel)?;
            body += &svg.replacen("<svg ", &format!("<svg y=\"{top}\" "), 1);
            (width, top) = (width.max(size.0), top + size.1);
        }
        Ok(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{top}\" \
             viewBox=\"0 0 {width} {top}\" role=\"img\" aria-label=\"Heat maps: {} panels.\">\
             {body}</svg>\n",
            self.panels.len()
        ))
    }

    /// A panel's picture and size (px).
    fn panel(&self, panel: &HeatMapPanel) -> Result<(String, (f64, f64)), ReportError> {
        let edges = panel.check()?;
        let (first, last) = (edges[0], edges[edges.len() - 1]);
        let height = (panel.rows.len() as f64 * ROW).clamp(FRAME_HEIGHT.0, FRAME_HEIGHT.1);
        let x = Axis::exact(&panel.x_label, panel.x_range.0, panel.x_range.1, 8);
        let y = Axis::exact(&self.y_label, first, last, 8);
        let mut frame = Frame::new(x, y, (FRAME_WIDTH, height))?;
        // Panels stand below each other: the same room for labels in all.
        frame.left = frame.left.max(76.0);
        let entries = panel.legend()?;
        let (legend_width, legend_height) = legend::size(&entries);
        let left = frame.right() + STRIP.0 + STRIP.1 + 16.0;
        let width = (left + legend_width.max(230.0) + MARGIN).ceil();
        let height = frame.picture_height(legend_height + color_scale::HEIGHT + 6.0).ceil();
        let scale = self.scale();
        let mut svg = picture((width, height), &panel.description(&self.scale_label), |canvas| {
            draw_title(canvas, &panel.title, width)?;
            frame.draw(canvas)?;
            panel.draw_marks(canvas, &frame, &edges)?;
            legend::draw(canvas, &entries, (left, FRAME_TOP))?;
            scale.draw(canvas, (left + 8.0, FRAME_TOP + legend_height + 6.0))
        })?;
        let end = svg.rfind("</svg>").unwrap_or(svg.len());
        svg.insert_str(end, &cells(panel, &scale, (&frame, &edges)));
        Ok((svg, (width, height)))
    }

    fn scale(&self) -> ColorScale {
        let axis = Axis::exact(&self.scale_label, self.limits.0, self.limits.1, 4);
        ColorScale { axis, marks: VIRIDIS, exceeded: false }
    }
}

/// The cells, a path for each colour, in a tenth of a pixel.
fn cells(panel: &HeatMapPanel, scale: &ColorScale, (frame, edges): (&Frame, &[f64])) -> String {
    let stride = (panel.columns.len() * panel.rows.len()).div_ceil(MOST_CELLS).max(1);
    let columns: Vec<&Vec<f32>> = panel.columns.iter().step_by(stride).collect();
    let x_at =
        |column: usize| 10.0 * (frame.left + frame.width * column as f64 / columns.len() as f64);
    let mut paths = vec![String::new(); color_scale::STEPS];
    for row in 0..panel.rows.len() {
        let (_, top) = frame.at((0.0, edges[row + 1]));
        let (_, bottom) = frame.at((0.0, edges[row]));
        let steps: Vec<usize> =
            columns.iter().map(|column| scale.step(f64::from(column[row]))).collect();
        let mut first = 0;
        for run in steps.chunk_by(|a, b| a == b) {
            let (from, to) = (x_at(first).round(), x_at(first + run.len()).round());
            // Both ends are rounded, so that no gap shows between rows.
            let (top, bottom) = ((10.0 * top).round(), (10.0 * bottom).round());
            let height = bottom - top;
            let width = to - from;
            // Writing into a string doesn't fail.
            let _ = write!(paths[run[0]], "M{from} {top}h{width}v{height}h-{width}z");
            first += run.len();
        }
    }
    let mut cells = "<g shape-rendering=\"crispEdges\">".to_owned();
    for (step, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
        cells += &format!("<path fill=\"{}\" d=\"{path}\"/>", scale.color_of(step).hex());
    }
    cells + "</g>"
}

impl HeatMapPanel {
    /// The lower edge of each row and the upper one of the last.
    fn check(&self) -> Result<Vec<f64>, ReportError> {
        let (Some(&first), Some(&last), false) =
            (self.rows.first(), self.rows.last(), self.columns.is_empty())
        else {
            return Err(ReportError::Empty(format!("\"{}\" has no values", self.title)));
        };
        checks::point(&self.title, self.x_range)?;
        let mut lengths = self.columns.iter().map(Vec::len);
        if let Some(n) = lengths.find(|&n| n != self.rows.len()) {
            return Err(checks::number(&self.title, n as f64, "a value for each row"));
        }
        if !self.rows.is_sorted_by(|a, b| a < b) {
            return Err(checks::number(&self.title, f64::from(first), "rows that rise"));
        }
        let middles =
            self.rows.windows(2).map(|pair| f64::midpoint(pair[0].into(), pair[1].into()));
        let ends = (f64::from(first) - 0.5, f64::from(last) + 0.5);
        Ok([ends.0].into_iter().chain(middles).chain([ends.1]).collect())
    }

    fn draw_marks(
        &self,
        canvas: &Canvas<'_>,
        frame: &Frame,
        edges: &[f64],
    ) -> Result<(), ReportError> {
        let left = frame.right() + STRIP.0;
        for (row, mark, _) in &self.marked_rows {
            let Ok(at) = self.rows.binary_search(row) else { continue };
            let (_, top) = frame.at((0.0, edges[at + 1]));
            let (_, bottom) = frame.at((0.0, edges[at]));
            canvas.rectangle((left, top), (left + STRIP.1, bottom), mark.color())?;
        }
        let (low, high) = self.x_range;
        for (mark, _, places) in &self.marked_columns {
            for &place in places.iter().filter(|&&place| (low..=high).contains(&place)) {
                let x = frame.x_at(place);
                let ends = [(x, FRAME_TOP - 8.0), (x, FRAME_TOP - 1.0)];
                canvas.line(&ends, Stroke::solid(mark.color(), 1.6))?;
            }
        }
        Ok(())
    }

    /// One entry a meaning.
    fn legend(&self) -> Result<Vec<Entry>, ReportError> {
        let mut meanings: Vec<(HeatMapMark, String, f64)> = Vec::new();
        let mut rows: Vec<_> =
            self.marked_rows.iter().map(|(_, mark, text)| (*mark, text)).collect();
        rows.sort();
        rows.dedup();
        meanings.extend(rows.into_iter().map(|(mark, text)| (mark, format!("right: {text}"), 9.0)));
        let columns = self.marked_columns.iter().filter(|(_, _, places)| !places.is_empty());
        meanings.extend(columns.map(|(mark, text, _)| (*mark, format!("top: {text}"), 2.0)));
        let entry = |(mark, text, width): &(HeatMapMark, String, f64)| {
            Entry::new(Key::Line(Stroke::solid(mark.color(), *width)), text, "")
        };
        meanings.iter().map(entry).collect()
    }

    fn description(&self, scale_label: &str) -> String {
        let (rows, columns) = (self.rows.len(), self.columns.len());
        format!("{}. {scale_label} over {columns} columns and {rows} rows.", self.title)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::png::parse;

    fn plot(columns: Vec<Vec<f32>>, rows: Vec<i32>) -> HeatMapPlot {
        let panel = HeatMapPanel {
            title: "Panel <1>".to_owned(),
            x_label: "frame".to_owned(),
            x_range: (0.0, 4.0),
            rows,
            columns,
            marked_rows: vec![(1, HeatMapMark::Bad, "bad".to_owned())],
            marked_columns: vec![(HeatMapMark::Neutral, "pause".to_owned(), vec![2.0, 9.0])],
        };
        HeatMapPlot {
            scale_label: "dB".to_owned(),
            y_label: "subcarrier".to_owned(),
            limits: (-10.0, 10.0),
            panels: vec![panel.clone(), panel],
        }
    }

    #[test]
    fn svg_is_well_formed_and_always_the_same() {
        let values = vec![vec![-20.0, 0.0, f32::NAN], vec![0.0, 0.0, 99.0]];
        let plot = plot(values, vec![-2, 1, 2]);
        let svg = plot.to_svg().unwrap();
        assert!(parse(&svg).is_ok(), "{svg}");
        assert_eq!(svg, plot.to_svg().unwrap());
        // Rows meet in the middle between -2 and 1; the two equal cells are one.
        assert_eq!(plot.panels[0].check().unwrap(), [-2.5, -0.5, 1.5, 2.5]);
        assert_eq!(svg.matches("h5600v").count(), 2);
    }

    #[test]
    fn many_cells_are_thinned() {
        let svg = plot(vec![vec![0.0; 256]; 5000], (-128..128).collect()).to_svg().unwrap();
        assert!(svg.len() < 200_000, "{}", svg.len());
    }

    #[test]
    fn what_cannot_be_drawn_is_an_error() {
        assert!(matches!(plot(vec![], vec![1]).to_svg(), Err(ReportError::Empty(_))));
        assert!(matches!(plot(vec![vec![]], vec![]).to_svg(), Err(ReportError::Empty(_))));
        let good = plot(vec![vec![0.0]], vec![1]);
        for plot in [
            plot(vec![vec![0.0]], vec![1, 2]),
            plot(vec![vec![0.0, 0.0]], vec![2, 1]),
            HeatMapPlot { limits: (0.0, 0.0), ..good.clone() },
            HeatMapPlot { limits: (f64::NAN, 0.0), ..good.clone() },
        ] {
            assert!(matches!(plot.to_svg(), Err(ReportError::Number { .. })));
        }
        assert!(matches!(
            HeatMapPlot { panels: vec![], ..good }.to_svg(),
            Err(ReportError::Empty(_))
        ));
    }
}

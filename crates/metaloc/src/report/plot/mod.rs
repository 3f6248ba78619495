//! Pictures as SVG, each a struct of plain data with `to_svg`.
//!
//! White ground, colours that colour-blind readers can tell apart, units on the axes and numbers
//! of samples beside the names. The text is set in DejaVu Sans, measured with the bundled file.

mod axes;
mod bars;
mod canvas;
mod cdf;
mod checks;
mod color_scale;
mod curve;
mod floor_plan;
mod heat_map;
mod legend;
mod plan;
mod style;

pub use bars::{Bar, BarPlot};
pub use cdf::{CdfPlot, Curve};
pub use curve::{CurvePlot, Series};
pub use floor_plan::{Estimate, FloorPlanPlot};
pub use heat_map::{HeatMapMark, HeatMapPanel, HeatMapPlot};
pub use plan::{Coverage, PlanPlot};
pub use style::{Rgb, method_color};

/// Top of the frame, below the title (px).
const FRAME_TOP: f64 = 52.0;
/// Empty border of a picture (px).
const MARGIN: f64 = 16.0;

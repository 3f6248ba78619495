//! Pictures and pages of results: plain data in, SVG, PNG and HTML out.
//!
//! ```text
//! CdfPlot | FloorPlanPlot | BarPlot | CurvePlot | HeatMapPlot | PlanPlot -> to_svg -> svg_to_png | Page -> to_html
//! ```
//!
//! Nothing here reads a file, a clock or the network, and the same data gives the same bytes: the
//! only font is the one bundled with this crate, and a method has one colour in every picture.

mod csi_images;
mod error;
pub mod html;
pub mod plot;
mod png;

pub use csi_images::csi_images;
pub use error::ReportError;
pub use html::{Column, Figure, Page, Section, Table};
pub use plot::{
    Bar, BarPlot, CdfPlot, Coverage, Curve, CurvePlot, Estimate, FloorPlanPlot, HeatMapMark,
    HeatMapPanel, HeatMapPlot, PlanPlot, Rgb, Series, method_color,
};
pub use png::svg_to_png;

/// The bundled font, DejaVu Sans; the only one that measures or draws text here.
const FONT: &[u8] = include_bytes!("../../assets/DejaVuSans.ttf");

//! A sheet to draw on, in pixels with fractions, over plotters' SVG backend.

use std::sync::LazyLock;

use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::style::{Dash, Rgb, WHITE};
use crate::report::{FONT, ReportError};

/// Drawing units in a pixel: plotters counts in whole units, so these are its fractions.
const UNITS: f64 = 10.0;
/// The font as SVG names it.
const FAMILY: &str = "DejaVu Sans, sans-serif";
/// plotters' size of text over the font size that it writes.
const SIZE_OVER_FONT_SIZE: f64 = 1.24;
/// Height of DejaVu Sans (ascent and descent) over its font size.
const HEIGHT_OVER_FONT_SIZE: f64 = 2384.0 / 2048.0;

static FONT_IS_KNOWN: LazyLock<bool> =
    LazyLock::new(|| register_font(FAMILY, FontStyle::Normal, FONT).is_ok());

/// How a line is drawn; widths in px.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stroke {
    pub(super) color: Rgb,
    pub(super) width: f64,
    pub(super) dash: Dash,
}

impl Stroke {
    pub(super) fn solid(color: Rgb, width: f64) -> Self {
        Self { color, width, dash: Dash::Solid }
    }
}

/// Which part of a text stands at the given place; in height it is always the middle.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
    /// Centred and turned to read upwards.
    Upwards,
}

/// A sheet of an SVG picture.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

/// Draws a picture of `width` x `height` px on white; `description` is for those who can't see it.
pub(super) fn picture(
    (width, height): (f64, f64),
    description: &str,
    draw: impl FnOnce(&Canvas<'_>) -> Result<(), ReportError>,
) -> Result<String, ReportError> {
    let (width, height) = (width.ceil(), height.ceil());
    let size = ((width * UNITS) as u32, (height * UNITS) as u32);
    let mut body = String::new();
    let canvas = Canvas { area: SVGBackend::with_string(&mut body, size).into_drawing_area() };
    canvas.rectangle((0.0, 0.0), (width, height), WHITE)?;
    draw(&canvas)?;
    canvas.area.present().map_err(drawing)?;
    drop(canvas);
    let (_, drawn) = body
        .split_once('>')
        .ok_or_else(|| ReportError::Drawing("the drawing has no beginning".to_owned()))?;
    let label = escape(description);
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{label}\" \
         stroke-linejoin=\"round\">{drawn}",
        size.0, size.1
    ))
}

impl Canvas<'_> {
    /// A line through `points`.
    pub(super) fn line(&self, points: &[(f64, f64)], stroke: Stroke) -> Result<(), ReportError> {
        let mut points: Vec<_> = points.iter().map(|&point| units(point)).collect();
        points.dedup();
        let style = color(stroke.color).stroke_width((stroke.width * UNITS) as u32);
        match stroke.dash.lengths() {
            None => self.area.draw(&PathElement::new(points, style)),
            Some((dash, gap)) => {
                let (dash, gap) = ((dash * UNITS) as i32, (gap * UNITS) as i32);
                self.area.draw(&DashedPathElement::new(points, dash, gap, style))
            }
        }
        .map_err(drawing)
    }

    /// A filled rectangle between two corners.
    pub(super) fn rectangle(
        &self,
        from: (f64, f64),
        to: (f64, f64),
        fill: Rgb,
    ) -> Result<(), ReportError> {
        let corners = [units(from), units(to)];
        self.area.draw(&Rectangle::new(corners, color(fill).filled())).map_err(drawing)
    }

    /// A filled polygon.
    pub(super) fn polygon(&self, corners: &[(f64, f64)], fill: Rgb) -> Result<(), ReportError> {
        let corners: Vec<_> = corners.iter().map(|&corner| units(corner)).collect();
        self.area.draw(&Polygon::new(corners, color(fill))).map_err(drawing)
    }

    /// A filled circle.
    pub(super) fn dot(&self, at: (f64, f64), radius: f64, fill: Rgb) -> Result<(), ReportError> {
        let radius = (radius * UNITS) as i32;
        self.area.draw(&Circle::new(units(at), radius, color(fill).filled())).map_err(drawing)
    }

    /// A circle's line.
    pub(super) fn ring(
        &self,
        at: (f64, f64),
        radius: f64,
        stroke: Stroke,
    ) -> Result<(), ReportError> {
        let style = color(stroke.color).stroke_width((stroke.width * UNITS) as u32);
        self.area.draw(&Circle::new(units(at), (radius * UNITS) as i32, style)).map_err(drawing)
    }

    /// A line of text, its middle height at `at`.
    pub(super) fn text(
        &self,
        text: &str,
        at: (f64, f64),
        (size, ink): (f64, Rgb),
        anchor: Anchor,
    ) -> Result<(), ReportError> {
        let horizontal = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle | Anchor::Upwards => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let turn = match anchor {
            Anchor::Upwards => FontTransform::Rotate270,
            _ => FontTransform::None,
        };
        let ink = color(ink);
        let style = TextStyle::from((FAMILY, size * UNITS * SIZE_OVER_FONT_SIZE))
            .color(&ink)
            .transform(turn)
            .pos(Pos::new(horizontal, VPos::Center));
        self.area.draw_text(&printable(text), &style, units(at)).map_err(drawing)
    }
}

/// Width of a line of text of `size` px (px), as the bundled font sets it.
pub(super) fn text_width(text: &str, size: f64) -> Result<f64, ReportError> {
    if !*FONT_IS_KNOWN {
        return Err(ReportError::Drawing("the bundled font can't be read".to_owned()));
    }
    let font = FontDesc::from((FAMILY, size * UNITS * HEIGHT_OVER_FONT_SIZE));
    let (width, _) = font.box_size(&printable(text)).map_err(drawing)?;
    Ok(f64::from(width) / UNITS)
}

/// `text`, cut with an ellipsis where it is wider than `width` px.
pub(super) fn fitted(text: &str, size: f64, width: f64) -> Result<String, ReportError> {
    let mut kept: Vec<char> = text.chars().take(400).collect();
    let whole = kept.len() == text.chars().count();
    if whole && text_width(text, size)? <= width {
        return Ok(text.to_owned());
    }
    loop {
        let cut = kept.iter().collect::<String>().trim_end().to_owned() + "…";
        if kept.is_empty() || text_width(&cut, size)? <= width {
            return Ok(cut);
        }
        kept.pop();
    }
}

/// `text` with what SVG can't hold replaced by spaces.
fn printable(text: &str) -> String {
    text.replace(|c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'), " ")
}

fn escape(text: &str) -> String {
    printable(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn units((x, y): (f64, f64)) -> (i32, i32) {
    ((x * UNITS).round() as i32, (y * UNITS).round() as i32)
}

fn color(rgb: Rgb) -> RGBColor {
    RGBColor(rgb.0, rgb.1, rgb.2)
}

fn drawing(cause: impl std::fmt::Display) -> ReportError {
    ReportError::Drawing(cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Advances in DejaVu Sans: `n` 1298, `M` 1767 of 2048 units.
    #[test]
    fn widths_are_those_of_the_bundled_font() {
        assert!((text_width("n", 20.48).unwrap() - 12.98).abs() < 0.15);
        assert!((text_width("M", 20.48).unwrap() - 17.67).abs() < 0.15);
    }

    #[test]
    fn text_is_cut_to_fit() {
        assert_eq!(fitted("short", 12.0, 100.0).unwrap(), "short");
        let cut = fitted("a name that goes on for far too long", 12.0, 100.0).unwrap();
        assert!(cut.ends_with('…') && text_width(&cut, 12.0).unwrap() <= 100.0, "{cut}");
    }

    #[test]
    fn any_text_gives_well_formed_svg() {
        let odd = "a<b>&\"'\u{1}\u{ffff}\n</text><script>";
        let svg = picture((100.0, 50.0), odd, |canvas| {
            canvas.text(odd, (5.0, 25.0), (12.0, WHITE), Anchor::Start)
        })
        .unwrap();
        assert!(crate::report::png::parse(&svg).is_ok(), "{svg}");
        assert!(!svg.contains("<script"));
    }
}

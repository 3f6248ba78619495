//! SVG to PNG with the bundled font.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{self, fontdb};

use super::{FONT, ReportError};

/// Longest side of a PNG (pixels); beyond it a scale is taken for a mistake.
const LONGEST_SIDE: f32 = 20_000.0;

/// The font database: the bundled font alone, under every generic name.
static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(FONT.to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    fonts.set_serif_family("DejaVu Sans");
    fonts.set_monospace_family("DejaVu Sans");
    Arc::new(fonts)
});

/// Renders `svg` on white, `scale` pixels for each of its own, as the bytes of a PNG file.
///
/// Only the bundled font is used, never one of the system's; a character that it lacks is left
/// out.
///
/// # Errors
/// [`ReportError::Svg`] for text that isn't SVG; [`ReportError::Png`] for a scale that isn't
/// positive or a picture with a side above 20 000 pixels.
pub fn svg_to_png(svg: &str, scale: f32) -> Result<Vec<u8>, ReportError> {
    let tree = parse(svg)?;
    let (width, height) = (tree.size().width() * scale, tree.size().height() * scale);
    let fits = |side: f32| side > 0.0 && side <= LONGEST_SIDE;
    if !(fits(width) && fits(height)) {
        let reason = format!("{width} x {height} pixels at scale {scale}");
        return Err(ReportError::Png(reason));
    }
    let mut picture = Pixmap::new(width.round().max(1.0) as u32, height.round().max(1.0) as u32)
        .ok_or_else(|| ReportError::Png(format!("no room for {width} x {height} pixels")))?;
    picture.fill(Color::WHITE);
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut picture.as_mut());
    picture.encode_png().map_err(|cause| ReportError::Png(cause.to_string()))
}

/// Reads `svg` as it will be drawn.
pub(super) fn parse(svg: &str) -> Result<usvg::Tree, ReportError> {
    let mut options = usvg::Options { fontdb: FONTS.clone(), ..usvg::Options::default() };
    options.font_family = "DejaVu Sans".to_owned();
    // No file is ever opened for a picture.
    options.image_href_resolver.resolve_string = Box::new(|_, _| None);
    usvg::Tree::from_str(svg, &options).map_err(|cause| ReportError::Svg(cause.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20">
        <text x="2" y="15" font-family="Nothing, sans-serif" font-size="15">M</text></svg>"#;

    /// Width and height as the PNG's IHDR chunk gives them.
    fn size(png: &[u8]) -> (u32, u32) {
        let at = |i: usize| u32::from_be_bytes(png[i..i + 4].try_into().unwrap());
        (at(16), at(20))
    }

    #[test]
    fn a_png_has_the_scaled_size() {
        assert_eq!(size(&svg_to_png(SQUARE, 1.0).unwrap()), (30, 20));
        assert_eq!(size(&svg_to_png(SQUARE, 2.5).unwrap()), (75, 50));
    }

    #[test]
    fn text_is_drawn_with_the_bundled_font() {
        let blank = SQUARE.replace(">M<", "><");
        assert_ne!(svg_to_png(SQUARE, 1.0).unwrap(), svg_to_png(&blank, 1.0).unwrap());
    }

    #[test]
    fn what_cannot_be_drawn_is_an_error() {
        assert!(matches!(svg_to_png("no picture", 1.0), Err(ReportError::Svg(_))));
        for scale in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e6] {
            assert!(matches!(svg_to_png(SQUARE, scale), Err(ReportError::Png(_))), "{scale}");
        }
    }
}

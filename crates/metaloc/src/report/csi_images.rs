//! CSI images of surveyed points as a picture (the paper's Fig. 1).

use metaloc_radio::fingerprint::{CsiImage, PixelRange, PixelScale};

use super::{HeatMapPanel, HeatMapPlot, ReportError};
use crate::csi_site::{CsiPoint, CsiSite};

/// The first image of each of some points of a site, a panel a channel; SVG. Pixels are scaled by the
/// range of the whole site's amplitudes, or each image by its own.
///
/// # Errors
/// [`ReportError::Empty`] without points.
pub fn csi_images(
    site: &CsiSite,
    points: &[&CsiPoint],
    scale: PixelScale,
) -> Result<String, ReportError> {
    let windows = site.points.iter().flat_map(|point| &point.windows).map(|window| &**window);
    let range = PixelRange::fit(&windows.collect::<Vec<_>>())
        .ok_or_else(|| ReportError::Empty("a site has no windows".to_owned()))?;
    let first = points.iter().filter_map(|point| Some((point, point.windows.first()?)));
    let panels = first.flat_map(|(point, window)| {
        let image = CsiImage::new(window, scale, &range);
        (0..image.shape[2]).map(|channel| panel(site, point, &image, channel)).collect::<Vec<_>>()
    });
    let plot = HeatMapPlot {
        scale_label: "pixel".to_owned(),
        y_label: "subcarrier kept".to_owned(),
        limits: (0.0, 255.0),
        panels: panels.collect(),
    };
    plot.to_svg()
}

fn panel(site: &CsiSite, point: &CsiPoint, image: &CsiImage, channel: usize) -> HeatMapPanel {
    let [packets, subcarriers, channels] = image.shape;
    let per_access_point = (channels / site.access_points.len().max(1)).max(1);
    let access_point = site.access_points.get(channel / per_access_point);
    let pixel = |packet: usize, k: usize| {
        f32::from(image.pixels[(packet * subcarriers + k) * channels + channel])
    };
    HeatMapPanel {
        title: format!(
            "{}, point {}: {}, stream {} of {per_access_point}",
            site.environment,
            point.id,
            access_point.map_or("", String::as_str),
            channel % per_access_point + 1
        ),
        x_label: "packet".to_owned(),
        x_range: (0.0, packets as f64),
        rows: (1..=subcarriers as i32).collect(),
        columns: (0..packets).map(|at| (0..subcarriers).map(|k| pixel(at, k)).collect()).collect(),
        marked_rows: Vec::new(),
        marked_columns: Vec::new(),
    }
}

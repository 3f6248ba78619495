//! `metaloc images`.

use anyhow::bail;
use metaloc::learning::LearningConfig;
use metaloc::model_file::write_beside;
use metaloc::radio::fingerprint::PixelScale;
use metaloc::report::{csi_images, svg_to_png};
use metaloc::survey::Survey;

use super::sites::csi_sites;
use crate::args::Images;
use crate::output::note;

/// Pixels of a PNG for each of the picture's.
const SCALE: f32 = 1.5;
/// Points drawn if none are named.
const FEW: usize = 2;

pub(crate) fn run(args: &Images, quiet: bool) -> anyhow::Result<()> {
    let config = match &args.config {
        Some(path) => LearningConfig::read(path)?,
        None => LearningConfig::default(),
    };
    config.check()?;
    let csi = config.csi.unwrap_or_default();
    let survey = Survey::read(&args.survey)?;
    let names = std::slice::from_ref(&args.environment);
    let sites = csi_sites(&survey, names, &args.sets, &csi.window, quiet)?;
    let site = &sites[0];
    let unknown = |name: &&String| !site.points.iter().any(|point| point.id == **name);
    if let Some(unknown) = args.points.iter().find(unknown) {
        let have: Vec<&str> = site.points.iter().map(|point| point.id.as_str()).collect();
        bail!("no point `{unknown}` in {}; it has {}", args.environment, have.join(", "));
    }
    let asked = site.points.iter().filter(|point| args.points.contains(&point.id));
    let points: Vec<_> = match args.points.is_empty() {
        true => site.points.iter().take(FEW).collect(),
        false => asked.collect(),
    };
    let scale = if args.image_scale { PixelScale::Image } else { csi.pixels };
    let svg = csi_images(site, &points, scale)?;
    match args.out.extension().is_some_and(|extension| extension == "png") {
        true => write_beside(&args.out, &svg_to_png(&svg, SCALE)?)?,
        false => write_beside(&args.out, svg.as_bytes())?,
    }
    if !quiet {
        note(format!("picture: {}", args.out.display()));
    }
    Ok(())
}

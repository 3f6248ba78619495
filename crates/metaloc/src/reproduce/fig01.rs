//! Fig. 1: CSI images of points in the hall.

use metaloc_radio::fingerprint::PixelScale;
use metaloc_radio::preprocess::{CsiConfig, GainControl};

use super::output::Reproduction;
use super::runner::Runner;
use super::{Dataset, Target};
use crate::csi_site::CsiSite;
use crate::error::Error;
use crate::report::csi_images;

pub(super) fn reproduce(runner: &mut Runner<'_>) -> Result<Reproduction, Error> {
    let mut result = Reproduction::new(Target::Fig1, "CSI images: 50 packets by 52 subcarriers");
    let dataset = runner.settings.dataset.unwrap_or(Dataset::Hall);
    let config = CsiConfig { gain_control: GainControl::Rssi, ..CsiConfig::default() };
    let Some(survey) = runner.simulated(dataset)? else {
        return Err(Error::usage(
            "fig1 draws the hall or the lab; of other surveys `metaloc images` draws them",
        ));
    };
    let first = &survey.environments[0];
    let (site, _) = CsiSite::of_environment(first, &survey.access_points, &config, |_| true)?;
    // A corner and the middle.
    let drawn = [0, site.points.len() / 2 - 1];
    let points: Vec<_> = drawn.iter().filter_map(|&index| site.points.get(index)).collect();
    let svg = csi_images(&site, &points, PixelScale::Historical)?;
    let caption = format!(
        "Amplitudes of two points from three access points, an image each; 255 is the 99.5th percentile of an access \
         point's amplitudes. Columns are packets: bright and dark ones are people and gain. {}, as \
         `scenarios/paper-{}.toml` simulates it.",
        first.name,
        dataset.name()
    );
    result.draw("fig1", svg, &caption);
    Ok(result)
}

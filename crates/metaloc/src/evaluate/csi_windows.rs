//! The windows of an evaluation, by one way of cutting them.

use metaloc_radio::fingerprint::PixelRange;
use metaloc_radio::preprocess::CsiConfig;

use super::CsiData;
use crate::csi_site::CsiSite;
use crate::error::Error;
use crate::learning::{CsiFingerprint, CsiLearning};
use crate::survey::{Environment, Sample, Survey, is_one_of};

/// A new environment's surveyed and later windows, by one way of cutting them.
pub(crate) struct NewSite {
    pub(crate) survey: CsiSite,
    pub(crate) later: CsiSite,
}

/// All windows of a split, by one way of cutting them.
pub(super) struct Windows {
    pub(super) historical: Vec<CsiSite>,
    pub(super) new: Vec<NewSite>,
    /// Amplitudes of the historical windows, for images.
    pub(super) range: Option<PixelRange>,
}

impl Windows {
    /// Cuts a split's windows, historical and new.
    ///
    /// # Errors
    /// [`Error::Needs`] if levels are read that the recordings lack; an environment without windows.
    pub(super) fn cut(
        (data, survey): (&CsiData, &Survey),
        settings: &CsiLearning,
        (historical, new): (&[&Environment], &[&Environment]),
    ) -> Result<Self, Error> {
        let config = &settings.window;
        let old = historical.iter().map(|e| cut(survey, e, &data.sets, config));
        let historical = old.collect::<Result<Vec<CsiSite>, Error>>()?;
        let new = new.iter().map(|environment| data.cut_new(survey, environment, config));
        let new = new.collect::<Result<_, Error>>()?;
        let all = || historical.iter().flat_map(|s| &s.points).flat_map(|p| &p.windows);
        if reads_levels(settings) && all().any(|window| window.rssi_dbm.contains(&None)) {
            return Err(Error::needs("signal strengths"));
        }
        let range = PixelRange::fit(&all().map(|window| &**window).collect::<Vec<_>>());
        Ok(Self { historical, new, range })
    }
}

/// Whether fingerprints have the levels of the access points in them.
pub(super) fn reads_levels(settings: &CsiLearning) -> bool {
    settings.fingerprint == CsiFingerprint::SpectrumRss
}

/// An environment's windows in some sets.
pub(super) fn cut(
    survey: &Survey,
    environment: &Environment,
    sets: &[String],
    config: &CsiConfig,
) -> Result<CsiSite, Error> {
    let keep = |sample: &Sample| is_one_of(&sample.set, sets);
    let (site, _) = CsiSite::of_environment(environment, &survey.access_points, config, keep)?;
    if site.points.is_empty() {
        return Err(Error::usage(format!(
            "environment {} has no window of {} packets in the sets {}",
            environment.name,
            config.packets,
            sets.join(", ")
        )));
    }
    Ok(site)
}

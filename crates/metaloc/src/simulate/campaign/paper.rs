//! The paper's hall and lab (section IV-B), built in.

use std::path::Path;

use super::{Campaign, CampaignConfig};
use crate::error::Error;

/// A place that the paper surveyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaperPlace {
    /// 12 x 5 m, nearly empty, on five days.
    Hall,
    /// 10 x 8 m with desks, on four days.
    Lab,
}

impl PaperPlace {
    /// Its floor plan as a file's text.
    #[must_use]
    pub const fn plan_text(self) -> &'static str {
        match self {
            Self::Hall => include_str!("../../../../../scenarios/scenes/paper-hall.toml"),
            Self::Lab => include_str!("../../../../../scenarios/scenes/paper-lab.toml"),
        }
    }

    /// Its campaign, with so many images at each point and day, from `seed` instead of its own if given.
    ///
    /// # Errors
    /// If the number of images or the seed makes no campaign.
    pub fn campaign(self, images: usize, seed: Option<u64>) -> Result<Campaign, Error> {
        let (name, text) = match self {
            Self::Hall => ("paper-hall", include_str!("../../../../../scenarios/paper-hall.toml")),
            Self::Lab => ("paper-lab", include_str!("../../../../../scenarios/paper-lab.toml")),
        };
        let path = format!("{name}.toml (built in)");
        let refuse = |e: toml::de::Error| Error::Config {
            path: Path::new(&path).to_owned(),
            reason: e.to_string(),
        };
        let mut config: CampaignConfig = toml::from_str(text).map_err(refuse)?;
        config.seed = seed.unwrap_or(config.seed);
        let mut csi = config.csi.unwrap_or_default();
        csi.images = images;
        config.csi = Some(csi);
        Campaign::new(config, &[toml::from_str(self.plan_text()).map_err(refuse)?])
    }
}

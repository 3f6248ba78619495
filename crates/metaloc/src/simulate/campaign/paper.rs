//! The paper's places, built in: hall and lab (section IV-B), and six in place of its Wireless InSite scenes
//! (section IV-A).

use std::path::PathBuf;

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
        let mut config: CampaignConfig = built_in(name, text)?;
        config.seed = seed.unwrap_or(config.seed);
        let mut csi = config.csi.unwrap_or_default();
        csi.images = images;
        config.csi = Some(csi);
        Campaign::new(config, &[built_in(name, self.plan_text())?])
    }
}

/// S1 to S6: ray-traced places, twenty access points each, RSS.
///
/// # Errors
/// Never.
pub fn ray_traced_six() -> Result<Campaign, Error> {
    let name = "ray-traced-six";
    let config = built_in(name, include_str!("../../../../../scenarios/ray-traced-six.toml"))?;
    let plans = [
        include_str!("../../../../../scenarios/scenes/s1-offices.toml"),
        include_str!("../../../../../scenarios/scenes/s2-corridor.toml"),
        include_str!("../../../../../scenarios/scenes/s3-hall.toml"),
        include_str!("../../../../../scenarios/scenes/s4-shop.toml"),
        include_str!("../../../../../scenarios/scenes/s5-ward.toml"),
        include_str!("../../../../../scenarios/scenes/s6-lecture.toml"),
    ];
    let plans = plans.into_iter().map(|text| built_in(name, text));
    Campaign::new(config, &plans.collect::<Result<Vec<_>, _>>()?)
}

/// Reads a text that is built in.
fn built_in<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> Result<T, Error> {
    toml::from_str(text).map_err(|e| Error::Config {
        path: PathBuf::from(format!("{name}.toml (built in)")),
        reason: e.to_string(),
    })
}

//! The data that figures are made on: the paper's hall and lab, simulated or in its authors' pictures, or
//! other sets.

use std::path::Path;

use crate::error::Error;
use crate::evaluate::Protocol;
use crate::simulate::campaign::{Campaign, PaperPlace};

const TABLE3: &str = include_str!("../../../../experiments/table3.toml");

/// A data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dataset {
    /// The paper's hall, simulated.
    Hall,
    /// The paper's lab, simulated.
    Lab,
    /// One room on many days.
    PolyU,
    /// Paths through a building.
    Csu,
    /// Two floors of a library over two years; RSS.
    Uji,
    /// Three buildings; RSS.
    UjiIndoorLoc,
    /// The paper's hall, in its authors' pictures.
    PaperHall,
    /// The paper's lab, in its authors' pictures.
    PaperLab,
}

impl Dataset {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Hall,
        Self::Lab,
        Self::PolyU,
        Self::Csu,
        Self::Uji,
        Self::UjiIndoorLoc,
        Self::PaperHall,
        Self::PaperLab,
    ];

    /// Its name, as on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hall => "hall",
            Self::Lab => "lab",
            Self::PolyU => "polyu",
            Self::Csu => "csu",
            Self::Uji => "uji",
            Self::UjiIndoorLoc => "ujiindoorloc",
            Self::PaperHall => "paper-hall",
            Self::PaperLab => "paper-lab",
        }
    }

    /// Which of the paper's places it is of, simulated or in pictures.
    pub(super) const fn place(self) -> Option<PaperPlace> {
        match self {
            Self::Hall | Self::PaperHall => Some(PaperPlace::Hall),
            Self::Lab | Self::PaperLab => Some(PaperPlace::Lab),
            _ => None,
        }
    }

    /// Whether it is simulated: there for everybody.
    pub(super) const fn is_simulated(self) -> bool {
        matches!(self, Self::Hall | Self::Lab)
    }

    /// Images at each point and day: over the historical days of hall and lab 264, the paper has 260.
    pub(super) const fn images(self) -> usize {
        match self {
            Self::Lab => 88,
            _ => 66,
        }
    }

    /// Whether it has channel state information.
    pub(super) const fn has_csi(self) -> bool {
        !matches!(self, Self::Uji | Self::UjiIndoorLoc)
    }

    /// The file names, texts and chosen settings of its protocol.
    fn protocol_text(self) -> (&'static str, String, &'static str) {
        let place = |place: &str, new: &str| {
            TABLE3.replace("PLACE", place).replace("\"NEW\"", &format!("\"{new}\""))
        };
        match self {
            Self::Hall => ("table3.toml", place("hall", "hall-0714"), ""),
            Self::Lab => ("table3.toml", place("lab", "lab-0925"), ""),
            Self::PolyU => (
                "polyu-days.toml",
                include_str!("../../../../experiments/polyu-days.toml").to_owned(),
                include_str!("../../../../experiments/polyu-days.selected.toml"),
            ),
            Self::Csu => (
                "csu-paths.toml",
                include_str!("../../../../experiments/csu-paths.toml").to_owned(),
                include_str!("../../../../experiments/csu-paths.selected.toml"),
            ),
            Self::Uji => (
                "uji-ageing.toml",
                include_str!("../../../../experiments/uji-ageing.toml").to_owned(),
                include_str!("../../../../experiments/uji-ageing.selected.toml"),
            ),
            Self::UjiIndoorLoc => (
                "ujiindoorloc-transfer.toml",
                include_str!("../../../../experiments/ujiindoorloc-transfer.toml").to_owned(),
                include_str!("../../../../experiments/ujiindoorloc-transfer.selected.toml"),
            ),
            Self::PaperHall => {
                ("table3.toml", pictures("hall", &["0609", "0623", "0630", "0707"], "0714"), "")
            }
            Self::PaperLab => {
                ("table3.toml", pictures("lab", &["0721", "0819", "0831"], "0925"), "")
            }
        }
    }

    /// The protocol of its figures.
    pub(super) fn protocol(self) -> Result<Protocol, Error> {
        let (name, text, chosen) = self.protocol_text();
        Protocol::parse(&text, chosen, Path::new(name))
    }

    /// The simulated campaign, with so many images at each point and day; none for real sets.
    pub(super) fn campaign(self, images: usize) -> Result<Option<Campaign>, Error> {
        let place = match self {
            Self::Hall => PaperPlace::Hall,
            Self::Lab => PaperPlace::Lab,
            _ => return Ok(None),
        };
        place.campaign(images, None).map(Some)
    }
}

/// The protocol on the authors' pictures of a place: one survey of day folders, pixels as they are, no
/// levels. That the last day is the new one is ours.
fn pictures(place: &str, historical: &[&str], new: &str) -> String {
    let days: Vec<String> = historical.iter().map(|day| format!("\"{place}-{day}\"")).collect();
    let new = format!("\"{place}-{new}\"");
    TABLE3
        .replace("PLACE, simulated:", "PLACE, in its authors' pictures:")
        .replace("format = \"scenario\"", "format = \"paper-images\"")
        .replace("path = \"scenarios/paper-PLACE.toml\"", "path = \".\"")
        .replace("historical = [\"*\"]", &format!("historical = [{}]", days.join(", ")))
        .replace("gain_control = \"rssi\"", "gain_control = \"keep\"")
        .replace("fingerprint = \"image\"", "fingerprint = \"image\"\npixels = \"unit\"")
        .replace("\"NEW\"", &new)
        .replace("PLACE", place)
}

impl std::str::FromStr for Dataset {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|dataset| dataset.name() == name).ok_or_else(|| {
            let have: Vec<&str> = Self::ALL.into_iter().map(Self::name).collect();
            Error::usage(format!("no data set `{name}`; there are {}", have.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use metaloc_radio::fingerprint::PixelScale;
    use metaloc_radio::preprocess::GainControl;

    use super::*;
    use crate::evaluate::DataSource;
    use crate::survey::SurveyFormat;

    #[test]
    fn pictures_have_the_procedure_and_settings_of_their_own() {
        let of = |dataset: Dataset| dataset.protocol().unwrap();
        let (lab, simulated) = (of(Dataset::PaperLab), of(Dataset::Lab));
        let DataSource::Csi(data) = &lab.data else { panic!("no CSI") };
        assert_eq!((data.format, &*data.path), (SurveyFormat::PaperImages, Path::new(".")));
        assert_eq!(lab.splits[0].historical, ["lab-0721", "lab-0819", "lab-0831"]);
        assert_eq!(lab.splits[0].new, simulated.splits[0].new);
        assert_eq!(lab.methods, simulated.methods);
        let csi = lab.learning_of(&lab.methods[0]).unwrap().csi.unwrap();
        assert_eq!(csi.window.gain_control, GainControl::Keep);
        assert_eq!((csi.pixels, csi.candidates), (PixelScale::Unit, Some(10)));
        assert!(lab.title.contains("pictures") && !lab.title.contains("simulated"));
    }

    #[test]
    fn built_in_texts_are_whole() {
        for dataset in Dataset::ALL {
            let protocol = dataset.protocol().unwrap();
            assert!(protocol.methods.iter().any(|m| m.name.starts_with("maml")));
            if let Some(campaign) = dataset.campaign(6).unwrap() {
                let names: Vec<String> =
                    campaign.days().map(|day| campaign.environment_name(day)).collect();
                assert!(names.contains(&protocol.splits[0].new[0]), "{names:?}");
            }
        }
    }
}

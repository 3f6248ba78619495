//! Settings of learning from channel state information; every default stands here.

use metaloc_meta::task::LabelScheme;
use metaloc_nn::Loss;
use metaloc_radio::fingerprint::PixelScale;
use metaloc_radio::preprocess::{CsiConfig, Quantity};
use metaloc_radio::similarity::ImageSimilarity;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::learning::Scaling;
use crate::locate::PacketMatching;

/// What is learned from channel state information, and how a task looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CsiLearning {
    /// What the network reads.
    pub fingerprint: CsiFingerprint,
    /// How recordings become windows.
    pub window: CsiConfig,
    /// How amplitudes become pixels.
    pub pixels: PixelScale,
    /// Spectra: the deviation over the packets beside the mean.
    pub deviation: bool,
    /// Spectra: the fewest principal components that keep this share of the historical variance
    /// (above 0, at most 1); the spectra themselves if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal_components: Option<f64>,
    /// What inputs are standardised by: images channel by channel, spectra number by number.
    pub scaling: Scaling,
    /// What the network answers.
    pub answer: Answer,
    /// How a task's points are numbered.
    pub labels: LabelScheme,
    /// Most points of a training task, N; 10 in the paper.
    pub ways: usize,
    /// Query windows a point, k_qry; 5 in the paper.
    pub query_per_point: usize,
    /// Training tasks take a point's support from so many consecutive windows, and its queries from
    /// the others, as a survey lies apart in time from its use; from anywhere if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub support_span: Option<usize>,
    /// Most probable points whose centroid, weighted by probability, is the position; 5 in the
    /// authors' released code.
    pub top_k: usize,
    /// What the points of the centroid are weighted by.
    #[serde(skip_serializing_if = "CentroidWeights::is_default")]
    pub weights: CentroidWeights,
    /// Locate among the points most similar to the window only, so many of them: adapt to these for
    /// each query, as in section IV-B. Adapt once to all points if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidates: Option<usize>,
    /// How similarity of images is measured, for the candidates.
    pub similarity: ImageSimilarity,
    /// Penalty of ridge regression, relative to the number of inputs.
    pub penalty: f64,
    /// How packets are matched.
    pub packets: PacketMatching,
}

impl Default for CsiLearning {
    fn default() -> Self {
        Self {
            fingerprint: CsiFingerprint::default(),
            window: CsiConfig::default(),
            pixels: PixelScale::default(),
            deviation: false,
            principal_components: None,
            scaling: Scaling::Historical,
            answer: Answer::default(),
            labels: LabelScheme::default(),
            ways: 10,
            query_per_point: 5,
            support_span: None,
            top_k: 1,
            weights: CentroidWeights::default(),
            candidates: None,
            similarity: ImageSimilarity::default(),
            penalty: 1.0,
            packets: PacketMatching::default(),
        }
    }
}

/// What the network reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CsiFingerprint {
    /// `[packets, subcarriers, streams]`: the paper's image (Fig. 1).
    Image,
    /// `[subcarriers * streams]`: the mean over the packets.
    #[default]
    Spectrum,
    /// The mean spectrum, and the signal strength from each access point (dBm): the fragments of
    /// Fig. 2 in one.
    SpectrumRss,
}

/// What the points of the centroid are weighted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CentroidWeights {
    /// Their probabilities.
    #[default]
    Probability,
    /// The numbers of their classes: the authors' released code overwrites the probabilities by the
    /// classes' numbers before it takes the weights.
    AsReleased,
}

impl CentroidWeights {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What the network answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The surveyed point: classification.
    #[default]
    Point,
    /// Coordinates: regression.
    Position,
}

impl CsiLearning {
    /// Checks what packet matching needs.
    pub(crate) fn check_packets(&self) -> Result<(), Error> {
        self.window.check()?;
        self.packets.check()?;
        if self.window.quantity == Quantity::Complex {
            return Ok(());
        }
        Err(Error::usage(
            "algorithm `packets` compares complex values: set `csi.window.quantity = \"complex\"`",
        ))
    }

    /// Checks the settings; `loss` and samples a point stand elsewhere in the configuration.
    pub(crate) fn check(&self, loss: Loss, samples_per_point: usize) -> Result<(), Error> {
        let refuse = |setting: &str, expected: &str| {
            Err(Error::usage(format!("setting `{setting}` must be {expected}")))
        };
        self.window.check()?;
        self.packets.check()?;
        if !(self.penalty > 0.0 && self.penalty.is_finite()) {
            return refuse("csi.penalty", "above 0");
        }
        if self
            .principal_components
            .is_some_and(|share| share.is_nan() || share <= 0.0 || share > 1.0)
        {
            return refuse("csi.principal_components", "above 0 and at most 1");
        }
        let of_spectra = self.deviation || self.principal_components.is_some();
        if self.fingerprint == CsiFingerprint::Image && of_spectra {
            return refuse(
                "csi.deviation and csi.principal_components",
                "left out with images: they are statistics of spectra",
            );
        }
        if self.ways < 2 {
            return refuse("csi.ways", "at least 2");
        }
        if self.query_per_point == 0 || samples_per_point == 0 || self.top_k == 0 {
            let names = "csi.query_per_point, csi.top_k and task.samples_per_point";
            return refuse(names, "at least 1");
        }
        if self.support_span.is_some_and(|span| span < samples_per_point) {
            return refuse("csi.support_span", "at least task.samples_per_point");
        }
        let too_few = |candidates| candidates < 2 || candidates > self.ways;
        if self.candidates.is_some_and(too_few) {
            return refuse("csi.candidates", "at least 2 and at most csi.ways");
        }
        match (self.answer, loss) {
            (Answer::Point, Loss::CrossEntropy) => Ok(()),
            (Answer::Point, _) => {
                refuse("network.loss", "cross-entropy (the default) with `csi.answer = \"point\"`")
            }
            (Answer::Position, Loss::CrossEntropy) => refuse(
                "network.loss",
                "squared-error, root-mean-squared-error or euclidean with `csi.answer = \
                 \"position\"`",
            ),
            (Answer::Position, _) => Ok(()),
        }
    }
}

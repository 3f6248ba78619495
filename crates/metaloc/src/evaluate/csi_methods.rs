//! Methods that compare windows of channel state information: from a name to a locator.

use metaloc_meta::seed::ChaCha8Rng;
use metaloc_radio::fingerprint::{CsiSpectrum, PixelRange};
use metaloc_radio::preprocess::Quantity;

use super::MethodConfig;
use super::methods::{CsiRule, Kind};
use crate::csi_site::CsiSite;
use crate::error::Error;
use crate::learning::CsiLearning;
use crate::locate::{
    ChannelRanging, Cifi, ClassAlignment, Confi, ConventionalTraining, CsiLocator,
    DeepFingerprints, HistogramKnn, Ilcl, ImagePixels, ImageRule, KernelRidgeSpectrum,
    NearestSpectrum, Reconstruction, RidgeSpectrum, SharedEncoder,
};

/// Neighbours of `hi-knn` and `crisloc-like` where a method does not say.
const DEFAULT_K: usize = 3;
/// Penalty of `ridge` and `dafi-like` where a method does not say.
const DEFAULT_PENALTY: f64 = 1.0;

/// What a method may use.
pub(super) struct CsiCase<'a> {
    pub(super) settings: &'a CsiLearning,
    /// The new environment's survey.
    pub(super) support: &'a CsiSite,
    /// The historical environments.
    pub(super) historical: &'a [CsiSite],
    /// Amplitudes of the historical windows, for images.
    pub(super) range: Option<&'a PixelRange>,
    /// For what the method draws.
    pub(super) rng: ChaCha8Rng,
}

impl CsiCase<'_> {
    fn range(&self) -> Result<PixelRange, Error> {
        let no_history = || Error::needs("historical windows for its pixels");
        self.range.cloned().ok_or_else(no_history)
    }

    /// Refuses windows of another quantity than the method is made for.
    fn expect(&self, method: &MethodConfig, quantity: Quantity) -> Result<(), Error> {
        if self.settings.window.quantity == quantity {
            return Ok(());
        }
        let quantity = serde_json::to_string(&quantity).unwrap_or_default();
        let name = &method.name;
        Err(Error::usage(format!(
            "method `{name}`: set `learning.csi.window.quantity = {quantity}` for it"
        )))
    }

    fn pixels(&self) -> Result<ImagePixels, Error> {
        Ok(ImagePixels { scale: self.settings.pixels, range: self.range()? })
    }
}

/// Makes the locator of a comparing method.
///
/// # Errors
/// [`Error::Needs`] if the data lacks what the method needs; an illegal setting.
pub(super) fn compare(
    kind: Kind,
    method: &MethodConfig,
    mut case: CsiCase<'_>,
) -> Result<Box<dyn CsiLocator>, Error> {
    let Kind::CompareCsi(rule) = kind else {
        return Err(Error::usage(format!(
            "method `{}` compares RSS scans; with channel state information there are {} and what \
             learns",
            method.name,
            CsiRule::names()
        )));
    };
    let spectrum = CsiSpectrum { deviation: case.settings.deviation };
    let support = case.support.clone();
    Ok(match rule {
        CsiRule::Nearest => Box::new(NearestSpectrum::new(support, spectrum)),
        CsiRule::Ridge => {
            let penalty = method.penalty.unwrap_or(DEFAULT_PENALTY);
            Box::new(RidgeSpectrum::new(support, spectrum, penalty)?)
        }
        CsiRule::KernelRidge => {
            Box::new(KernelRidgeSpectrum::new(support, spectrum, method.kernel())?)
        }
        CsiRule::HistogramKnn => {
            let (pixels, similarity) = (case.settings.pixels, case.settings.similarity);
            let rule = ImageRule { pixels, range: case.range()?, similarity };
            Box::new(HistogramKnn::new(support, rule, method.k.unwrap_or(DEFAULT_K)))
        }
        CsiRule::Ranging => {
            case.expect(method, Quantity::Amplitude)?;
            Box::new(ChannelRanging::new(support)?)
        }
        CsiRule::Reconstruction => {
            case.expect(method, Quantity::Amplitude)?;
            let k = method.k.unwrap_or(DEFAULT_K);
            Box::new(Reconstruction::new(support, case.historical, k)?)
        }
        CsiRule::ClassAlignment => {
            let penalty = method.penalty.unwrap_or(DEFAULT_PENALTY);
            Box::new(ClassAlignment::new(&support, case.historical, spectrum, penalty)?)
        }
        CsiRule::SharedEncoder => {
            let settings = method.fidora.unwrap_or_default();
            let rng = &mut case.rng;
            Box::new(SharedEncoder::new(&support, case.historical, spectrum, settings, rng)?)
        }
        CsiRule::BroadLearning => {
            let (pixels, settings) = (case.pixels()?, method.ilcl.unwrap_or_default());
            Box::new(Ilcl::new(support, &pixels, settings, &mut case.rng)?)
        }
        CsiRule::DeepAutoencoders => {
            case.expect(method, Quantity::Amplitude)?;
            let (range, settings) = (case.range()?, method.deepfi.clone().unwrap_or_default());
            Box::new(DeepFingerprints::new(support, range, &settings, &mut case.rng)?)
        }
        CsiRule::Confi | CsiRule::ConfiOwn | CsiRule::Cifi => trained(rule, method, case)?,
    })
}

/// A network that is trained conventionally.
fn trained(
    rule: CsiRule,
    method: &MethodConfig,
    mut case: CsiCase<'_>,
) -> Result<Box<dyn CsiLocator>, Error> {
    if rule == CsiRule::Confi {
        let (pixels, training) = (case.pixels()?, method.training.unwrap_or_default());
        let sites = (case.historical, case.support);
        return Ok(Box::new(Confi::historical(sites, pixels, training, &mut case.rng)?));
    }
    let (support, training) = (case.support.clone(), method.training);
    let training = training.unwrap_or(ConventionalTraining::own());
    if rule == CsiRule::ConfiOwn {
        return Ok(Box::new(Confi::own(support, case.pixels()?, training, &mut case.rng)?));
    }
    case.expect(method, Quantity::PhaseDifference)?;
    Ok(Box::new(Cifi::new(support, training, &mut case.rng)?))
}

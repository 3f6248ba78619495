//! From a window of channel state information to the network's input.

use metaloc_meta::task::LabelScheme;
use metaloc_nn::Shape;
use metaloc_radio::fingerprint::{
    ColumnSums, CsiImage, CsiSpectrum, Moments, PacketMoment, PixelRange, PrincipalComponents,
    Standardizer,
};
use metaloc_radio::preprocess::CsiWindow;
use metaloc_radio::signal::Chip;
use serde::{Deserialize, Serialize};

use super::{Answer, CsiFingerprint, CsiLearning};
use crate::csi_site::{CsiSite, FrameKind};
use crate::error::Error;
use crate::learning::{POSITION_OUTPUTS, Scaling};

/// Everything needed to turn a window into an input, fitted on historical sites alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsiEncoder {
    /// The settings.
    pub config: CsiLearning,
    /// Packets, subcarriers and streams of a window.
    pub window_shape: [usize; 3],
    /// Access points of a window.
    pub n_access_points: usize,
    /// The kinds of frames, each once; empty where nobody knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<FrameKind>,
    /// Names of the points that the network's outputs stand for, with global labels; empty
    /// otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// The amplitudes that become pixels 0 and 255.
    pub pixel_range: PixelRange,
    /// The directions that spectra are reduced to, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub components: Option<PrincipalComponents>,
    /// The mean second moment of the historical environments' packets, for packet matching.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packet_moment: Option<PacketMoment>,
    /// Historical mean and deviation: of each channel of images, of each number of spectra.
    pub standardizer: Standardizer,
}

impl CsiEncoder {
    /// Fits an encoder on what historical sites tell of themselves.
    ///
    /// # Errors
    /// If there is no window, or environments differ in the windows' shape.
    pub(super) fn fit(config: &CsiLearning, sites: &[CsiSite]) -> Result<Self, Error> {
        let windows = |site| windows_of(site).map(|window| &**window).collect::<Vec<_>>();
        let mut ranges = Vec::new();
        let mut first: Option<(&CsiSite, [usize; 3])> = None;
        for site in sites {
            let windows = windows(site);
            let Some(range) = PixelRange::fit(&windows) else { continue };
            let (like, shape) = *first.get_or_insert((site, windows[0].shape()));
            if let Some(unlike) = windows.iter().find(|window| window.shape() != shape) {
                return Err(Error::usage(format!(
                    "environment {} has windows of {:?} packets, subcarriers and streams, {} has \
                     {shape:?}; learn from environments with the same devices",
                    site.environment,
                    unlike.shape(),
                    like.environment
                )));
            }
            ranges.push((range, windows.len() as u64));
        }
        let (Some((site, window_shape)), Some(pixel_range)) = (first, PixelRange::mean(&ranges))
        else {
            return Err(Error::usage(format!(
                "no window of {} packets in the historical environments; use fewer \
                 (`csi.window.packets`), or environments that have channel state information",
                config.window.packets
            )));
        };
        let mut encoder = Self {
            config: config.clone(),
            window_shape,
            n_access_points: site.access_points.len(),
            kinds: kinds(sites)?,
            classes: Vec::new(),
            pixel_range,
            components: None,
            packet_moment: None,
            standardizer: Standardizer { mean: Vec::new(), std: Vec::new() },
        };
        if let Some(share) = config.principal_components {
            let mut all = Moments::default();
            for site in sites {
                let rows = encoder.rows(site)?;
                add(&mut all, Moments::of(&rows, encoder.n_inputs()), Moments::add);
            }
            encoder.components = Some(PrincipalComponents::from_moments(&all, share));
        }
        let mut all = ColumnSums::default();
        for site in sites {
            let rows = encoder.rows(site)?;
            add(&mut all, ColumnSums::of(&rows, encoder.n_columns()), ColumnSums::add);
        }
        encoder.standardizer = Standardizer::from_sums(&all);
        Ok(encoder)
    }

    /// Refuses a site whose frames no historical ones resemble.
    ///
    /// # Errors
    /// Another bandwidth. Another chip is none: see [`CsiEncoder::new_chips`].
    pub fn check_kinds(&self, site: &CsiSite) -> Result<(), Error> {
        let Some(known) = self.kinds.first() else { return Ok(()) };
        match site.kinds.iter().find(|kind| kind.bandwidth_mhz != known.bandwidth_mhz) {
            None => Ok(()),
            Some(other) => Err(Error::usage(format!(
                "{} was surveyed at {} MHz, the historical environments at {}; survey at the same \
                 bandwidth",
                site.environment, other.bandwidth_mhz, known.bandwidth_mhz
            ))),
        }
    }

    /// The chips of a site that no historical environment was surveyed with. What was learned may
    /// still hold, but they scale the channel in their own way.
    #[must_use]
    pub fn new_chips(&self, site: &CsiSite) -> Vec<Chip> {
        let is_known = |chip: Chip| self.kinds.iter().any(|kind| kind.chip == chip);
        let mut new: Vec<Chip> = site.kinds.iter().map(|kind| kind.chip).collect();
        new.sort_unstable_by_key(|chip| chip.name());
        new.dedup();
        new.retain(|chip| !self.kinds.is_empty() && !is_known(*chip));
        new
    }

    /// The inputs of all windows of a site, not standardised.
    fn rows(&self, site: &CsiSite) -> Result<Vec<f32>, Error> {
        let mut rows = Vec::new();
        for window in windows_of(site) {
            rows.extend(self.encode(window)?);
        }
        Ok(rows)
    }

    /// Shape of one input as the network reads it.
    #[must_use]
    pub fn inputs(&self) -> Shape {
        match (self.config.fingerprint, &self.components) {
            (CsiFingerprint::Image, _) => self.window_shape.into(),
            (_, Some(components)) => components.len().into(),
            (_, None) => self.n_spectrum().into(),
        }
    }

    /// Numbers that the network answers.
    #[must_use]
    pub fn n_outputs(&self) -> usize {
        match (self.config.answer, self.config.labels) {
            (Answer::Position, _) => POSITION_OUTPUTS,
            (Answer::Point, LabelScheme::Global) => self.classes.len(),
            (Answer::Point, LabelScheme::Reindexed) => self.config.ways,
        }
    }

    /// Numbers in one input.
    #[must_use]
    pub fn n_inputs(&self) -> usize {
        self.inputs().n_values().unwrap_or(0)
    }

    /// Numbers of a spectrum before they are reduced.
    fn n_spectrum(&self) -> usize {
        let levels = match self.config.fingerprint {
            CsiFingerprint::SpectrumRss => self.n_access_points,
            CsiFingerprint::Spectrum | CsiFingerprint::Image => 0,
        };
        CsiSpectrum { deviation: self.config.deviation }.len(self.window_shape) + levels
    }

    /// Columns that are standardised apart.
    pub(crate) fn n_columns(&self) -> usize {
        match self.config.fingerprint {
            CsiFingerprint::Image => self.window_shape[2],
            CsiFingerprint::Spectrum | CsiFingerprint::SpectrumRss => self.n_inputs(),
        }
    }

    /// The image of a window.
    #[must_use]
    pub fn image(&self, window: &CsiWindow) -> CsiImage {
        CsiImage::new(window, self.config.pixels, &self.pixel_range)
    }

    /// The input of a window, not standardised.
    ///
    /// # Errors
    /// If the window is of another shape than the historical ones, or lacks the signal strength that
    /// the fingerprint asks for.
    pub fn encode(&self, window: &CsiWindow) -> Result<Vec<f32>, Error> {
        let row = self.raw(window)?;
        Ok(match &self.components {
            Some(components) => components.project(&row),
            None => row,
        })
    }

    fn raw(&self, window: &CsiWindow) -> Result<Vec<f32>, Error> {
        if window.shape() != self.window_shape {
            return Err(Error::usage(format!(
                "a window has {:?} packets, subcarriers and streams, the historical ones have {:?}; \
                 record with the same kind of device and as many access points",
                window.shape(),
                self.window_shape
            )));
        }
        let spectrum = CsiSpectrum { deviation: self.config.deviation };
        match self.config.fingerprint {
            CsiFingerprint::Image => {
                Ok(self.image(window).pixels.iter().map(|&p| f32::from(p) / 255.0).collect())
            }
            CsiFingerprint::Spectrum => Ok(spectrum.fingerprint(window)),
            CsiFingerprint::SpectrumRss => {
                let mut row = spectrum.fingerprint(window);
                for level in &window.rssi_dbm {
                    row.push(level.ok_or_else(|| {
                        Error::usage(
                            "the recording has no signal strength; use `csi.fingerprint = \
                             \"spectrum\"`",
                        )
                    })?);
                }
                Ok(row)
            }
        }
    }

    /// The standardisation of encoded inputs `[n, n_inputs]`.
    #[must_use]
    pub fn fit_standardizer(&self, inputs: &[f32]) -> Standardizer {
        Standardizer::fit(inputs, self.n_columns())
    }

    /// The standardisation of a task's own support inputs, if the configuration asks for it.
    #[must_use]
    pub fn support_standardizer(&self, support_inputs: &[f32]) -> Option<Standardizer> {
        match self.config.scaling {
            Scaling::Historical => None,
            Scaling::Support => Some(self.fit_standardizer(support_inputs)),
        }
    }

    /// Standardises encoded inputs in place, by `own` instead of history where given.
    pub fn standardize(&self, inputs: &mut [f32], own: Option<&Standardizer>) {
        own.unwrap_or(&self.standardizer).apply(inputs);
    }
}

/// The kinds of frames of some sites: chips and bandwidths, of which there must be one.
fn kinds(sites: &[CsiSite]) -> Result<Vec<FrameKind>, Error> {
    let mut kinds: Vec<FrameKind> = Vec::new();
    for site in sites {
        for kind in &site.kinds {
            let kind = FrameKind { channel: None, source: None, ..*kind };
            if let Some(reason) = kinds.first().and_then(|first| {
                (first.bandwidth_mhz != kind.bandwidth_mhz).then(|| first.unlike(&kind))?
            }) {
                return Err(Error::usage(format!(
                    "environment {}: {reason} as in {}; learn from environments of one bandwidth",
                    site.environment, sites[0].environment
                )));
            }
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
    }
    Ok(kinds)
}

fn windows_of(site: &CsiSite) -> impl Iterator<Item = &std::sync::Arc<CsiWindow>> {
    site.points.iter().flat_map(|point| &point.windows)
}

/// Adds what one site tells to what the sites before it told.
fn add<T: Default + PartialEq>(all: &mut T, one: T, add: impl Fn(&mut T, &T)) {
    if *all == T::default() {
        *all = one;
    } else {
        add(all, &one);
    }
}

//! Locators for channel state information: from a window to a place. One trait, one file a method.

mod adapted;
mod broad_learning;
mod cifi;
mod confi;
mod crisloc_like;
mod dafi_like;
mod deepfi;
mod fidora_like;
mod fila_like;
mod fingerprint_map;
mod histogram_knn;
mod ilcl;
mod image_classifier;
mod image_pixels;
mod kernel_ridge;
mod minibatch;
mod nearest;
mod packet_match;
mod ridge;

use metaloc_radio::fingerprint::CsiSpectrum;
use metaloc_radio::preprocess::CsiWindow;

use super::{Candidate, Estimate, NotLocated};
use crate::csi_site::CsiSite;
use crate::error::Error;
use crate::learning::{Algorithm, CsiSiteModel};

pub use adapted::AdaptedCsiNetwork;
pub use cifi::Cifi;
pub use confi::{Confi, ConventionalTraining};
pub use crisloc_like::Reconstruction;
pub use dafi_like::ClassAlignment;
pub use deepfi::{DeepAutoencoders, DeepFingerprints};
pub use fidora_like::{FidoraSettings, SharedEncoder};
pub use fila_like::ChannelRanging;
pub use histogram_knn::{HistogramKnn, ImageRule};
pub use ilcl::{Ilcl, IlclBranches, IlclSettings};
pub use image_pixels::ImagePixels;
pub use kernel_ridge::KernelRidgeSpectrum;
pub use nearest::NearestSpectrum;
pub(crate) use packet_match::packet_moment;
pub use packet_match::{PacketMatch, PacketMatching};
pub use ridge::RidgeSpectrum;

/// A method that places windows.
pub trait CsiLocator: Sync {
    /// Places one window. The candidates are surveyed points, the most probable first.
    ///
    /// # Errors
    /// [`NotLocated`] if the window gives no ground for a place; never a guess.
    fn locate(&self, window: &CsiWindow) -> Result<Estimate, NotLocated>;
}

/// The locator of an adapted model.
///
/// # Errors
/// If the model is not consistent.
pub fn csi_locator(site: CsiSiteModel) -> Result<Box<dyn CsiLocator>, Error> {
    let encoder = &site.model.encoder;
    let spectrum = CsiSpectrum { deviation: encoder.config.deviation };
    Ok(match site.model.config.algorithm {
        Algorithm::Packets => {
            let (settings, moment) = (encoder.config.packets.clone(), &encoder.packet_moment);
            Box::new(PacketMatch::new(site.support, settings, moment.as_ref()))
        }
        Algorithm::NearestSpectrum => Box::new(NearestSpectrum::new(site.support, spectrum)),
        Algorithm::RidgeSpectrum => {
            Box::new(RidgeSpectrum::new(site.support, spectrum, encoder.config.penalty)?)
        }
        _ => Box::new(AdaptedCsiNetwork::new(site)?),
    })
}

/// The estimate that some weights of the surveyed points make: the centroid of the `top_k` with most
/// weight, on the floor of the best. Points without weight are left out.
fn centroid(support: &CsiSite, weights: &[f64], top_k: usize) -> Result<Estimate, NotLocated> {
    let mut order: Vec<usize> = (0..weights.len()).filter(|&i| weights[i] > 0.0).collect();
    // Stable: of equal weights the first point.
    order.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]));
    let total: f64 = order.iter().map(|&index| weights[index]).sum();
    let candidates: Vec<Candidate> = order
        .iter()
        .map(|&index| {
            let point = &support.points[index];
            let weight = weights[index] / total;
            Candidate { id: point.id.clone(), position: point.position, weight }
        })
        .collect();
    let Some(best) = candidates.first().filter(|best| best.weight.is_finite()) else {
        return Err(NotLocated::NotANumber);
    };
    let mut position = best.position;
    let on_floor = || {
        candidates.iter().take(top_k).filter(|other| other.position.floor == best.position.floor)
    };
    let share: f64 = on_floor().map(|c| c.weight).sum();
    if top_k > 1 {
        position.x_m = on_floor().map(|c| c.weight * c.position.x_m).sum::<f64>() / share;
        position.y_m = on_floor().map(|c| c.weight * c.position.y_m).sum::<f64>() / share;
    }
    Ok(Estimate { position, candidates })
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::float_cmp)] // small whole numbers

    use std::sync::Arc;

    use metaloc_radio::geometry::Position;

    use super::*;
    use crate::csi_site::CsiPoint;

    /// A window of two packets, two subcarriers and one stream, both packets alike.
    pub(crate) fn window(spectrum: [f32; 2]) -> CsiWindow {
        CsiWindow::new([2, 2, 1], [spectrum, spectrum].concat(), vec![Some(-40.0)])
    }

    /// Points at x = 0, 1 and 4 m with spectra around (9, 1), (5, 5) and (1, 9).
    pub(crate) fn support() -> CsiSite {
        let point = |(index, (x_m, spectrum)): (usize, (f64, [f32; 2]))| CsiPoint {
            id: format!("p{index}"),
            position: Position::new(x_m, 2.0, 0),
            windows: [-0.5, 0.0, 0.5]
                .map(|d| Arc::new(window([spectrum[0] + d, spectrum[1] - d])))
                .to_vec(),
        };
        let points = [(0.0, [9.0, 1.0]), (1.0, [5.0, 5.0]), (4.0, [1.0, 9.0])];
        CsiSite {
            environment: "room".into(),
            access_points: vec!["ap".into()],
            kinds: Vec::new(),
            points: points.into_iter().enumerate().map(point).collect(),
        }
    }

    #[test]
    fn the_centroid_weighs_the_most_probable_points() {
        let weights = [0.1, 0.6, 0.2];
        let one = centroid(&support(), &weights, 1).unwrap();
        assert_eq!((one.position.x_m, one.candidates[0].id.as_str()), (1.0, "p1"));
        let two = centroid(&support(), &weights, 2).unwrap();
        assert!((two.position.x_m - (0.6 + 4.0 * 0.2) / 0.8).abs() < 1e-12);
        assert!((two.position.y_m - 2.0).abs() < 1e-12);
        assert!((two.candidates.iter().map(|c| c.weight).sum::<f64>() - 1.0).abs() < 1e-12);
        assert_eq!(centroid(&support(), &[0.0; 3], 1), Err(NotLocated::NotANumber));
        assert_eq!(centroid(&support(), &[f64::NAN; 3], 1), Err(NotLocated::NotANumber));
    }
}

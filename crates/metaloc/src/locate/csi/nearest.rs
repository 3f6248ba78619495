//! One nearest neighbour (`1nn`): the point of the surveyed window whose mean spectrum is nearest.

use metaloc_radio::fingerprint::CsiSpectrum;
use metaloc_radio::preprocess::CsiWindow;

use super::{CsiLocator, centroid};
use crate::csi_site::CsiSite;
use crate::locate::{Estimate, NotLocated};

/// Nearest mean spectrum, by Euclidean distance.
pub struct NearestSpectrum {
    support: CsiSite,
    kind: CsiSpectrum,
    /// Point and spectrum of each surveyed window.
    spectra: Vec<(usize, Vec<f32>)>,
}

impl NearestSpectrum {
    /// A locator among these surveyed points.
    #[must_use]
    pub fn new(support: CsiSite, kind: CsiSpectrum) -> Self {
        let windows = support.points.iter().enumerate().flat_map(|(index, point)| {
            point.windows.iter().map(move |window| (index, kind.fingerprint(window)))
        });
        let spectra = windows.collect();
        Self { support, kind, spectra }
    }
}

impl CsiLocator for NearestSpectrum {
    fn locate(&self, window: &CsiWindow) -> Result<Estimate, NotLocated> {
        let spectrum = self.kind.fingerprint(window);
        let mut best = (0, f64::INFINITY);
        for (point, other) in &self.spectra {
            if other.len() != spectrum.len() {
                return Err(NotLocated::OtherShape);
            }
            let squares = spectrum.iter().zip(other).map(|(a, b)| f64::from(a - b).powi(2));
            let distance: f64 = squares.sum();
            if distance < best.1 {
                best = (*point, distance);
            }
        }
        let mut weights = vec![0.0; self.support.points.len()];
        if best.1.is_finite() {
            weights[best.0] = 1.0;
        }
        centroid(&self.support, &weights, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{support, window};
    use super::*;

    #[test]
    fn the_nearest_spectrum_wins() {
        let locator = NearestSpectrum::new(support(), CsiSpectrum::default());
        for (spectrum, id) in [([8.0, 2.0], "p0"), ([4.0, 6.0], "p1"), ([2.0, 8.0], "p2")] {
            assert_eq!(locator.locate(&window(spectrum)).unwrap().candidates[0].id, id);
        }
        let other = CsiWindow::new([2, 1, 1], vec![1.0, 1.0], vec![None]);
        assert_eq!(locator.locate(&other), Err(NotLocated::OtherShape));
    }
}

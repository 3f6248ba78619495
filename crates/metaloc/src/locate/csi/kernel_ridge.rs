//! Kernel ridge regression (`krr`) on mean spectra: as [`ridge`](super::ridge), one number a point, with
//! a Gaussian kernel ([`crate::locate::KernelRidge`] has the formula) on the standardised spectra.

use metaloc_radio::fingerprint::{CsiSpectrum, Standardizer};
use metaloc_radio::preprocess::CsiWindow;
use nalgebra::DMatrix;

use super::{CsiLocator, centroid};
use crate::csi_site::CsiSite;
use crate::error::Error;
use crate::locate::kernel_ridge::{FittedKernel, KernelSettings};
use crate::locate::{Estimate, NotLocated};

/// Kernel ridge regression from spectra to points.
pub struct KernelRidgeSpectrum {
    support: CsiSite,
    kind: CsiSpectrum,
    standardizer: Standardizer,
    spectra: Vec<Vec<f32>>,
    kernel: FittedKernel,
}

impl KernelRidgeSpectrum {
    /// A locator among these surveyed points.
    ///
    /// # Errors
    /// A setting that is not above 0, or a spectrum with a number that is not finite.
    pub fn new(
        support: CsiSite,
        kind: CsiSpectrum,
        settings: KernelSettings,
    ) -> Result<Self, Error> {
        let (mut rows, mut points) = (Vec::new(), Vec::new());
        for (index, point) in support.points.iter().enumerate() {
            for window in &point.windows {
                rows.extend(kind.fingerprint(window));
                points.push(index);
            }
        }
        let n_columns = rows.len() / points.len().max(1);
        let standardizer = Standardizer::fit(&rows, n_columns);
        standardizer.apply(&mut rows);
        let spectra: Vec<Vec<f32>> = rows.chunks(n_columns.max(1)).map(<[f32]>::to_vec).collect();
        let n = points.len();
        let distances = DMatrix::from_fn(n, n, |i, j| distance(&spectra[i], &spectra[j]));
        let one = |i: usize, point: usize| if points[i] == point { 1.0 } else { 0.0 };
        let targets = DMatrix::from_fn(n, support.points.len(), one);
        let kernel = FittedKernel::new(&distances, &targets, settings)?;
        Ok(Self { support, kind, standardizer, spectra, kernel })
    }
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
}

impl CsiLocator for KernelRidgeSpectrum {
    fn locate(&self, window: &CsiWindow) -> Result<Estimate, NotLocated> {
        let mut spectrum = self.kind.fingerprint(window);
        if self.spectra.first().is_none_or(|first| first.len() != spectrum.len()) {
            return Err(NotLocated::OtherShape);
        }
        self.standardizer.apply(&mut spectrum);
        let answers =
            self.kernel.answer(self.spectra.iter().map(|other| distance(&spectrum, other)));
        // Not probabilities: only their order counts.
        let mut weights = vec![0.0; self.support.points.len()];
        if answers.iter().all(|answer| answer.is_finite()) {
            weights[answers.argmax().0] = 1.0;
        }
        centroid(&self.support, &weights, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{support, window};
    use super::*;

    #[test]
    fn the_largest_answer_wins() {
        let settings = KernelSettings { width: 1.0, penalty: 0.1 };
        let locator =
            KernelRidgeSpectrum::new(support(), CsiSpectrum::default(), settings).unwrap();
        for (spectrum, id) in [([9.5, 0.5], "p0"), ([4.8, 5.2], "p1"), ([1.0, 9.5], "p2")] {
            assert_eq!(locator.locate(&window(spectrum)).unwrap().candidates[0].id, id);
        }
        let illegal = KernelSettings { width: 1.0, penalty: 0.0 };
        assert!(KernelRidgeSpectrum::new(support(), CsiSpectrum::default(), illegal).is_err());
    }
}

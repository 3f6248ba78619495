//! Ridge regression (`ridge`) on mean spectra: one number a point, 1 for its own windows, 0 for the
//! others'; the point with the largest answer wins.
//!
//! A. E. Hoerl, R. W. Kennard, Technometrics 12 (1970), in its dual form: with the standardised
//! spectra of the n surveyed windows as rows of X and their points as rows of Y,
//!
//! ```text
//! answer(x) = (x X^T + 1) (X X^T + 1 1^T + penalty I)^-1 Y
//! ```

use metaloc_radio::fingerprint::{CsiSpectrum, Standardizer};
use metaloc_radio::preprocess::CsiWindow;
use nalgebra::{DMatrix, DVector};

use super::{CsiLocator, centroid};
use crate::csi_site::CsiSite;
use crate::error::Error;
use crate::locate::{Estimate, NotLocated};

/// Ridge regression from spectra to points.
pub struct RidgeSpectrum {
    support: CsiSite,
    kind: CsiSpectrum,
    standardizer: Standardizer,
    /// `[n, columns]`
    spectra: DMatrix<f64>,
    /// `[n, points]`
    weights: DMatrix<f64>,
}

impl RidgeSpectrum {
    /// A locator among these surveyed points; `penalty` above 0, relative to the number of columns.
    ///
    /// # Errors
    /// If the penalty is not above 0, or a spectrum has a number that is not finite.
    pub fn new(support: CsiSite, kind: CsiSpectrum, penalty: f64) -> Result<Self, Error> {
        let mut rows = Vec::new();
        let mut points = Vec::new();
        for (index, point) in support.points.iter().enumerate() {
            for window in &point.windows {
                rows.extend(kind.fingerprint(window));
                points.push(index);
            }
        }
        let (n, n_columns) = (points.len(), rows.len() / points.len().max(1));
        let standardizer = Standardizer::fit(&rows, n_columns);
        standardizer.apply(&mut rows);
        let rows = rows.iter().map(|&x| f64::from(x));
        let spectra = DMatrix::from_row_iterator(n, n_columns, rows);
        let mut products = &spectra * spectra.transpose();
        products.add_scalar_mut(1.0);
        (0..n).for_each(|i| products[(i, i)] += penalty * n_columns as f64);
        let one = |i, point| if points[i] == point { 1.0 } else { 0.0 };
        let targets = DMatrix::from_fn(n, support.points.len(), one);
        let solved = (penalty > 0.0).then(|| products.cholesky()).flatten();
        let solved = solved.ok_or_else(|| {
            Error::usage(format!("ridge: penalty {penalty} must be above 0, and spectra finite"))
        })?;
        let weights = solved.solve(&targets);
        Ok(Self { support, kind, standardizer, spectra, weights })
    }
}

impl CsiLocator for RidgeSpectrum {
    fn locate(&self, window: &CsiWindow) -> Result<Estimate, NotLocated> {
        let mut spectrum = self.kind.fingerprint(window);
        if spectrum.len() != self.spectra.ncols() {
            return Err(NotLocated::OtherShape);
        }
        self.standardizer.apply(&mut spectrum);
        let input = DVector::from_iterator(spectrum.len(), spectrum.iter().map(|&x| f64::from(x)));
        let products = (&self.spectra * input).add_scalar(1.0);
        let answers = self.weights.tr_mul(&products);
        // Not probabilities: only their order counts.
        let best = answers.argmax().0;
        let mut weights = vec![0.0; self.support.points.len()];
        if answers.iter().all(|answer| answer.is_finite()) {
            weights[best] = 1.0;
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
        let locator = RidgeSpectrum::new(support(), CsiSpectrum::default(), 0.01).unwrap();
        for (spectrum, id) in [([9.5, 0.5], "p0"), ([1.0, 9.5], "p2")] {
            assert_eq!(locator.locate(&window(spectrum)).unwrap().candidates[0].id, id);
        }
        assert!(RidgeSpectrum::new(support(), CsiSpectrum::default(), 0.0).is_err());
    }

    /// The dual form against the primal one, solved by hand: a bias column, X^T X + penalty I.
    #[test]
    fn both_forms_answer_alike() {
        let locator = RidgeSpectrum::new(support(), CsiSpectrum::default(), 0.5).unwrap();
        let n = locator.spectra.nrows();
        let with_bias =
            DMatrix::from_fn(n, 3, |i, j| if j == 2 { 1.0 } else { locator.spectra[(i, j)] });
        let targets = DMatrix::from_fn(n, 3, |i, j| if i / 3 == j { 1.0 } else { 0.0 });
        let primal = with_bias.tr_mul(&with_bias) + DMatrix::identity(3, 3);
        let primal = primal.cholesky().unwrap().solve(&with_bias.tr_mul(&targets));
        let x = DVector::from_vec(vec![0.3, -0.7]);
        let expected = primal.tr_mul(&DVector::from_vec(vec![0.3, -0.7, 1.0]));
        let products = (&locator.spectra * x).add_scalar(1.0);
        let found = locator.weights.tr_mul(&products);
        assert!((found - expected).norm() < 1e-9);
    }
}

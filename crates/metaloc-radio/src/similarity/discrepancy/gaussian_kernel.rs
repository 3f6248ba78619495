//! The Gaussian kernel, and a sum of some.
//!
//! ```text
//! k(x, y) = sum over bandwidths s of exp(-|x - y|^2 / (2 s^2))
//! ```

use serde::{Deserialize, Serialize};

use crate::RadioError;

/// Widths of [`GaussianKernel::multi_scale`], as factors of the exponent: a sum over seven powers of
/// ten needs no good bandwidth, only its order of magnitude.
pub const GAMMAS: [f64; 7] = [1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3];

/// A sum of Gaussian kernels; of one, as a rule. Written as the list of its bandwidths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f64>", into = "Vec<f64>")]
pub struct GaussianKernel {
    bandwidths: Vec<f64>,
}

impl GaussianKernel {
    /// One Gaussian. `bandwidth` is `s`, in the unit of the features.
    ///
    /// # Errors
    /// [`RadioError::Setting`] if it is not positive and finite.
    pub fn new(bandwidth: f64) -> Result<Self, RadioError> {
        Self::sum(vec![bandwidth])
    }

    /// A sum of Gaussians, one a bandwidth.
    ///
    /// # Errors
    /// [`RadioError::Setting`] if there is none, or one that is not positive and finite.
    pub fn sum(bandwidths: Vec<f64>) -> Result<Self, RadioError> {
        check_bandwidth(bandwidths.first().copied().unwrap_or(0.0))?;
        bandwidths.iter().try_for_each(|&bandwidth| check_bandwidth(bandwidth))?;
        Ok(Self { bandwidths })
    }

    /// The sum over [`GAMMAS`] of `exp(-gamma |x - y|^2 / (2 s^2))`, `bandwidth` being `s`: with
    /// that of the median heuristic, the exponents are `gamma |x - y|^2 / median`.
    ///
    /// # Errors
    /// As [`GaussianKernel::new`].
    pub fn multi_scale(bandwidth: f64) -> Result<Self, RadioError> {
        Self::sum(GAMMAS.iter().map(|gamma| bandwidth / gamma.sqrt()).collect())
    }

    /// The bandwidths, one a Gaussian.
    #[must_use]
    pub fn bandwidths(&self) -> &[f64] {
        &self.bandwidths
    }

    /// `k(x, y)` of two rows at this squared distance.
    #[must_use]
    pub fn at(&self, squared_distance: f64) -> f64 {
        self.bandwidths.iter().map(|s| (-squared_distance / (2.0 * s * s)).exp()).sum()
    }

    /// `k(x, x)`, the greatest value: the number of Gaussians.
    #[must_use]
    pub fn greatest(&self) -> f64 {
        self.bandwidths.len() as f64
    }
}

impl TryFrom<Vec<f64>> for GaussianKernel {
    type Error = RadioError;

    fn try_from(bandwidths: Vec<f64>) -> Result<Self, RadioError> {
        Self::sum(bandwidths)
    }
}

impl From<GaussianKernel> for Vec<f64> {
    fn from(kernel: GaussianKernel) -> Self {
        kernel.bandwidths
    }
}

/// Errors unless the bandwidth is usable; so is its square.
pub(super) fn check_bandwidth(bandwidth: f64) -> Result<(), RadioError> {
    let square = bandwidth * bandwidth;
    if bandwidth > 0.0 && square.is_normal() {
        return Ok(());
    }
    Err(RadioError::Setting {
        setting: "the kernel's bandwidth",
        found: bandwidth,
        expected: "positive and finite, and its square too",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let kernel = GaussianKernel::new(2.0).unwrap();
        assert!((kernel.at(8.0) - (-1f64).exp()).abs() < 1e-15);
        let sum = GaussianKernel::sum(vec![2.0, 1.0]).unwrap();
        assert!((sum.at(8.0) - (-1f64).exp() - (-4f64).exp()).abs() < 1e-15);
        assert!((sum.greatest() - sum.at(0.0)).abs() < 1e-15);
        let all = GaussianKernel::multi_scale(3.0).unwrap();
        let expected: f64 = GAMMAS.iter().map(|gamma| (-gamma * 5.0 / 18.0).exp()).sum();
        assert!((all.at(5.0) - expected).abs() < 1e-12);
    }

    #[test]
    fn only_usable_bandwidths() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e200, 1e-200] {
            assert!(GaussianKernel::new(bad).is_err(), "{bad}");
        }
        assert!(GaussianKernel::sum(vec![]).is_err());
        assert!(GaussianKernel::sum(vec![1.0, 0.0]).is_err());
        let kernel: GaussianKernel = serde_json::from_str("[1.5, 3.0]").unwrap();
        assert_eq!(serde_json::to_string(&kernel).unwrap(), "[1.5,3.0]");
        let error = serde_json::from_str::<GaussianKernel>("[1.5, -3.0]").unwrap_err().to_string();
        assert!(error.contains("bandwidth is -3"), "{error}");
    }
}

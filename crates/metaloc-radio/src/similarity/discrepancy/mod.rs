//! How far two sets of features are apart: the maximum mean discrepancy (the paper's Eq. (16)).
//!
//! A. Gretton, K. Borgwardt, M. Rasch, B. Schölkopf, A. Smola, "A kernel two-sample test", JMLR 13
//! (2012). The paper chooses by it the historical environment that is most like a new one
//! (Algorithm 2, lines 10 and 11). With `h` in the unit ball of the space that a kernel `k` spans,
//! the supremum of Eq. (16) has a closed form:
//!
//! ```text
//! MMD = sup_h (E h(x) - E h(y))                                                  Eq. (16)
//! MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y)
//! ```
//!
//! - [`FeatureRows`]: a set of fingerprints, one a row.
//! - [`GaussianKernel`]: one Gaussian or a sum of some; [`median_bandwidth`] where the rows may be
//!   pooled, [`BandwidthSummary`] where they stay at their sites. Values of different bandwidths
//!   cannot be compared: all environments need the same.
//! - [`discrepancy`]: an estimate by one of the [`MmdEstimator`]s.
//! - [`KernelMatrix::permutation_test`], [`distribution_free_bound`]: is there a difference at all?
//! - [`MeanEmbedding`]: a message of fixed length from which two sites' discrepancy is estimated
//!   without a row of either.
//!
//! The paper names neither kernel nor bandwidth nor estimator: the defaults are ours. Sums are in f64
//! and in a fixed order, whatever the number of threads; the last digits may differ between
//! processors, as matrix products use the instructions that there are.
//!
//! ```
//! use metaloc_radio::similarity::discrepancy::{
//!     FeatureRows, GaussianKernel, MEDIAN_ROWS, MmdEstimator, discrepancy, median_bandwidth,
//! };
//!
//! let (here, there) = ([0.0, 0.1, 0.3, 0.4], [0.9, 1.0, 1.2, 1.4]);
//! let (here, there) = (FeatureRows::new(&here, 1)?, FeatureRows::new(&there, 1)?);
//! let bandwidth = median_bandwidth(&[here, there], MEDIAN_ROWS)?;
//! let kernel = GaussianKernel::new(bandwidth)?;
//! let apart = discrepancy(&here, &there, &kernel, MmdEstimator::Biased)?;
//! let same = discrepancy(&here, &here, &kernel, MmdEstimator::Biased)?;
//! assert!(apart.value() > 0.5 && same.value() < 1e-6);
//! # Ok::<(), metaloc_radio::RadioError>(())
//! ```

mod bandwidth;
mod bandwidth_summary;
mod bound;
mod estimator;
mod feature_rows;
mod gaussian_kernel;
mod kernel_matrix;
mod mean_embedding;
mod normal_distribution;
mod permutation_test;
mod squared_distances;
#[cfg(test)]
mod tests;

pub use bandwidth::{MEDIAN_ROWS, median_bandwidth};
pub use bandwidth_summary::{BandwidthSummary, common_bandwidth};
pub use bound::distribution_free_bound;
pub use estimator::{Discrepancy, MmdEstimator, NormalTest, discrepancy};
pub use feature_rows::{FeatureRows, MIN_ROWS_IN_MESSAGE};
pub use gaussian_kernel::{GAMMAS, GaussianKernel};
pub use kernel_matrix::KernelMatrix;
pub use mean_embedding::{MeanEmbedding, N_FEATURES};
pub use permutation_test::{PermutationOutcome, PermutationTest};

//! Statistics of localization errors.

use serde::{Deserialize, Serialize};

/// Statistics of a set of localization errors (m).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorStatistics {
    /// Number of errors: of test scans located.
    pub n: usize,
    /// Mean (m).
    pub mean_m: f64,
    /// Median (m).
    pub median_m: f64,
    /// Standard deviation (of the population) (m).
    pub std_m: f64,
    /// Root of the mean square (m).
    pub rmse_m: f64,
    /// 75th percentile (m).
    pub p75_m: f64,
    /// 90th percentile (m).
    pub p90_m: f64,
    /// 95th percentile (m).
    pub p95_m: f64,
    /// Share of errors below 5 m, as in the paper's Fig. 9.
    pub p_below_5m: f64,
}

impl ErrorStatistics {
    /// Whether there are no errors to speak of.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Statistics of `errors_m`; `None` for none.
    #[must_use]
    pub fn of(errors_m: &[f64]) -> Option<Self> {
        let mut sorted = errors_m.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let n = sorted.len() as f64;
        if sorted.is_empty() {
            return None;
        }
        let mean_m = sorted.iter().sum::<f64>() / n;
        let mean_square = sorted.iter().map(|e| e * e).sum::<f64>() / n;
        let variance = sorted.iter().map(|e| (e - mean_m).powi(2)).sum::<f64>() / n;
        Some(Self {
            n: sorted.len(),
            mean_m,
            median_m: quantile(&sorted, 0.5),
            std_m: variance.sqrt(),
            rmse_m: mean_square.sqrt(),
            p75_m: quantile(&sorted, 0.75),
            p90_m: quantile(&sorted, 0.9),
            p95_m: quantile(&sorted, 0.95),
            p_below_5m: sorted.iter().filter(|&&e| e < 5.0).count() as f64 / n,
        })
    }
}

/// Linear interpolation between order statistics (type 7 of Hyndman and Fan 1996, as in NumPy).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (at - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand, and as numpy.percentile interpolates, for [3, 1, 4, 1, 5, 9, 2, 6].
    #[test]
    fn as_numpy_counts() {
        let found = ErrorStatistics::of(&[3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0]).unwrap();
        let pairs = [
            (found.mean_m, 3.875),
            (found.median_m, 3.5),
            (found.std_m, 6.609_375f64.sqrt()),
            (found.rmse_m, (173.0f64 / 8.0).sqrt()),
            (found.p75_m, 5.25),
            (found.p90_m, 6.9),
            (found.p95_m, 7.95),
            (found.p_below_5m, 0.625),
        ];
        for (value, expected) in pairs {
            assert!((value - expected).abs() < 1e-12, "{value} {expected}");
        }
        assert!(ErrorStatistics::of(&[]).is_none());
    }
}

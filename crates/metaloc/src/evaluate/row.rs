//! One result: a method in one environment with one seed.

use serde::{Deserialize, Serialize};

use super::{ErrorStatistics, PlaceAnswers};

/// One result row, as `metaloc evaluate --json` prints it; what does not apply is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Name of the protocol.
    pub protocol: String,
    /// Name of the split of environments.
    pub split: String,
    /// Name of the method.
    pub method: String,
    /// New environment; with floors apart, with the floor (`13/f3`).
    pub environment: String,
    /// `apart` or `together`.
    pub floors: String,
    /// Seed of all draws.
    pub seed: u64,
    /// Test scans that could not be located.
    pub not_located: usize,
    /// Surveyed points (a floor) in the new environment.
    pub support_points: usize,
    /// Samples at each of them.
    pub samples_per_point: usize,
    /// What the method lacks here, in words, if it can't run: then there are no figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
    /// Statistics of the errors, each a column of its own; left out where nothing was located.
    #[serde(flatten, skip_serializing_if = "ErrorStatistics::is_empty")]
    pub errors: ErrorStatistics,
    /// Number of the draw, where an environment has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draw: Option<u64>,
    /// Share of windows located at the right point, of all that were asked about; with channel state
    /// information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Share of scans put on the right floor; with floors together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor_accuracy: Option<f64>,
    /// What `auto` took, of candidates that it judged on the historical environments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<String>,
    /// Updates of the meta-parameters that the method's start took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outer_steps: Option<u64>,
    /// Gradient steps in the new environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adaptation_steps: Option<usize>,
    /// Time of meta-training (s).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_s: Option<f64>,
    /// Time of adaptation (ms).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapt_ms: Option<f64>,
    /// Of a method with several starts: its mean error less that of the best of them (m), which nobody
    /// could have known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regret_m: Option<f64>,
    /// Time of one location (us).
    pub locate_us: f64,
    /// Hash of the method's full configuration.
    pub config_hash: String,
    /// Hash of the data.
    pub data_hash: String,
    /// Errors in the order of the test scans (m); for pooled figures, not printed.
    #[serde(skip)]
    pub errors_m: Vec<f64>,
    /// The answers place by place, for paired comparisons, not printed.
    #[serde(skip)]
    pub places: Vec<PlaceAnswers>,
}

impl Row {
    /// The mean error (m), for choosing; infinite if the method can't run or locates nothing.
    pub(crate) fn score_m(&self) -> f64 {
        let located = self.needs.is_none() && !self.errors.is_empty();
        if located { self.errors.mean_m } else { f64::INFINITY }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_method_needs_stands_in_place_of_figures() {
        let needs = Some("several scans a point".to_owned());
        let row = Row { method: "horus".into(), needs, ..Row::default() };
        let text = serde_json::to_string(&row).unwrap();
        assert!(text.contains(r#""needs":"several scans a point""#), "{text}");
        assert!(!text.contains("mean_m"), "{text}");
        assert_eq!(serde_json::from_str::<Row>(&text).unwrap(), row);
        assert!(row.score_m().is_infinite() && Row::default().score_m().is_infinite());
        let errors = ErrorStatistics::of(&[2.0]).unwrap();
        let row = Row { errors, ..Row::default() };
        let text = serde_json::to_string(&row).unwrap();
        assert!(text.contains(r#""n":1,"mean_m":2.0"#) && !text.contains("needs"), "{text}");
        assert_eq!(serde_json::from_str::<Row>(&text).unwrap(), row);
    }
}

//! Regression tasks from one pool of samples.

use std::borrow::Cow;

use rand::seq::SliceRandom;

use super::{Batch, Labels, Task, TaskSource};
use crate::MetaError;
use crate::seed::ChaCha8Rng;

/// Draws tasks of `k_support` and `k_query` samples, without replacement, from one pool.
#[derive(Debug, Clone)]
pub struct RegressionSampler {
    inputs: Vec<f32>,
    n_inputs: usize,
    values: Vec<f32>,
    n_outputs: usize,
    k_support: usize,
    k_query: usize,
}

impl RegressionSampler {
    /// A sampler over `inputs` (`[n, n_inputs]`) and `values` (`[n, n_outputs]`), row-major.
    ///
    /// # Errors
    /// [`MetaError::TooLittleData`] if the pool has fewer than `k_support + k_query` samples, or
    /// inputs and values of different length.
    pub fn new(
        (inputs, n_inputs): (Vec<f32>, usize),
        (values, n_outputs): (Vec<f32>, usize),
        (k_support, k_query): (usize, usize),
    ) -> Result<Self, MetaError> {
        let available = (inputs.len() / n_inputs.max(1)).min(values.len() / n_outputs.max(1));
        if available < k_support + k_query || k_support == 0 || k_query == 0 {
            return Err(MetaError::TooLittleData {
                what: "labelled samples",
                needed: (k_support + k_query).max(2),
                available,
            });
        }
        Ok(Self { inputs, n_inputs, values, n_outputs, k_support, k_query })
    }

    fn batch(&self, rows: &[usize]) -> Batch {
        let pick = |from: &[f32], width: usize| {
            rows.iter().flat_map(|&r| &from[r * width..(r + 1) * width]).copied().collect()
        };
        Batch {
            inputs: pick(&self.inputs, self.n_inputs),
            n_inputs: self.n_inputs,
            labels: Labels::Values {
                values: pick(&self.values, self.n_outputs),
                n_outputs: self.n_outputs,
            },
        }
    }
}

impl TaskSource for RegressionSampler {
    fn draw(&self, rng: &mut ChaCha8Rng) -> Result<Cow<'_, Task>, MetaError> {
        let mut rows: Vec<usize> = (0..self.inputs.len() / self.n_inputs).collect();
        let (drawn, _) = rows.partial_shuffle(rng, self.k_support + self.k_query);
        let (support, query) = drawn.split_at(self.k_support);
        Ok(Cow::Owned(Task { support: self.batch(support), query: self.batch(query) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Purpose, stream};

    #[test]
    fn rows_stay_together_and_sets_apart() {
        let inputs: Vec<f32> = (0..40).map(|i| i as f32).collect(); // 20 rows of 2
        let values: Vec<f32> = (0..20).map(|i| 10.0 * i as f32).collect();
        let sampler = RegressionSampler::new((inputs, 2), (values, 1), (5, 7)).unwrap();
        let task = sampler.draw(&mut stream(1, Purpose::Training, 0, 0)).unwrap();
        assert_eq!((task.support.len(), task.query.len()), (5, 7));
        for batch in [&task.support, &task.query] {
            let Labels::Values { values, .. } = &batch.labels else { panic!("values expected") };
            for (row, value) in batch.inputs.chunks(2).zip(values) {
                assert!(
                    (row[0] * 5.0 - value).abs() < 1e-6 && (row[1] - row[0] - 1.0).abs() < 1e-6
                );
            }
        }
        assert!(task.support.inputs.iter().all(|x| !task.query.inputs.contains(x)));
    }

    #[test]
    fn a_small_pool_is_refused() {
        let error =
            RegressionSampler::new((vec![0.0; 6], 2), (vec![0.0; 3], 1), (2, 2)).unwrap_err();
        assert!(error.to_string().contains("4 labelled samples needed, 3 available"));
    }
}

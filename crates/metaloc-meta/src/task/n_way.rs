//! N-way k-shot classification tasks (the paper's section III-A).

use std::borrow::Cow;

use rand::seq::{IndexedRandom, SliceRandom};
use serde::{Deserialize, Serialize};

use super::{Batch, Labels, Task, TaskSource};
use crate::MetaError;
use crate::seed::ChaCha8Rng;

/// How the classes of a task are numbered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelScheme {
    /// 0..N anew in each task, in the order drawn: for points that differ between environments
    /// (the paper's text).
    #[default]
    Reindexed,
    /// The point's own number in every task: for the same points in every environment (the
    /// authors' released code).
    Global,
}

/// Draws tasks of N classes with k_spt support and k_qry query samples each, from one pool.
#[derive(Debug, Clone)]
pub struct NWaySampler {
    /// Inputs, row-major `[n, n_inputs]`.
    inputs: Vec<f32>,
    n_inputs: usize,
    /// Rows of each class that has enough of them, with the class's own number.
    rows_by_class: Vec<(u32, Vec<usize>)>,
    n_ways: usize,
    k_support: usize,
    k_query: usize,
    scheme: LabelScheme,
}

impl NWaySampler {
    /// A sampler over `inputs` (`[n, n_inputs]`) with one class number a row.
    ///
    /// # Errors
    /// [`MetaError::TooLittleData`] if fewer than `n_ways` classes have `k_support + k_query`
    /// samples.
    pub fn new(
        inputs: Vec<f32>,
        classes: &[u32],
        n_ways: usize,
        (k_support, k_query): (usize, usize),
        scheme: LabelScheme,
    ) -> Result<Self, MetaError> {
        let mut by_class = std::collections::BTreeMap::<u32, Vec<usize>>::new();
        for (row, &class) in classes.iter().enumerate() {
            by_class.entry(class).or_default().push(row);
        }
        by_class.retain(|_, rows| rows.len() >= k_support + k_query);
        if by_class.len() < n_ways.max(1) || classes.is_empty() {
            return Err(MetaError::TooLittleData {
                what: "classes with enough samples",
                needed: n_ways.max(1),
                available: by_class.len(),
            });
        }
        let n_inputs = inputs.len() / classes.len();
        let rows_by_class = by_class.into_iter().collect();
        Ok(Self { inputs, n_inputs, rows_by_class, n_ways, k_support, k_query, scheme })
    }

    fn batch(&self, rows: &[(u32, usize)]) -> Batch {
        let row = |r: usize| &self.inputs[r * self.n_inputs..(r + 1) * self.n_inputs];
        Batch {
            inputs: rows.iter().flat_map(|&(_, r)| row(r)).copied().collect(),
            n_inputs: self.n_inputs,
            labels: Labels::Classes(rows.iter().map(|&(class, _)| class).collect()),
        }
    }
}

impl TaskSource for NWaySampler {
    fn draw(&self, rng: &mut ChaCha8Rng) -> Result<Cow<'_, Task>, MetaError> {
        let (mut support, mut query) = (Vec::new(), Vec::new());
        let ways: Vec<_> = self.rows_by_class.sample(rng, self.n_ways).collect();
        for (index, (class, rows)) in ways.into_iter().enumerate() {
            let label = match self.scheme {
                LabelScheme::Reindexed => u32::try_from(index).unwrap_or(u32::MAX),
                LabelScheme::Global => *class,
            };
            let mut rows = rows.clone();
            let (drawn, _) = rows.partial_shuffle(rng, self.k_support + self.k_query);
            let (spt, qry) = drawn.split_at(self.k_support);
            support.extend(spt.iter().map(|&row| (label, row)));
            query.extend(qry.iter().map(|&row| (label, row)));
        }
        Ok(Cow::Owned(Task { support: self.batch(&support), query: self.batch(&query) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Purpose, stream};

    /// Class c has the inputs c + i / 100.
    fn sampler(scheme: LabelScheme) -> NWaySampler {
        let classes: Vec<u32> = (0..6).flat_map(|c| [c; 8]).collect();
        let inputs =
            classes.iter().enumerate().map(|(i, &c)| c as f32 + (i % 8) as f32 / 100.0).collect();
        NWaySampler::new(inputs, &classes, 3, (2, 4), scheme).unwrap()
    }

    #[test]
    fn support_and_query_are_disjoint_and_complete() {
        for seed in 0..20 {
            let sampler = sampler(LabelScheme::Global);
            let task = sampler.draw(&mut stream(seed, Purpose::Training, 0, 0)).unwrap();
            assert_eq!((task.support.len(), task.query.len()), (6, 12));
            assert!(task.support.inputs.iter().all(|x| !task.query.inputs.contains(x)));
            let Labels::Classes(classes) = &task.query.labels else { panic!("classes expected") };
            for (class, input) in classes.iter().zip(&task.query.inputs) {
                assert_eq!(*class, *input as u32); // a global label is the point's own number
            }
        }
    }

    #[test]
    fn reindexed_labels_count_from_zero() {
        let sampler = sampler(LabelScheme::Reindexed);
        let task = sampler.draw(&mut stream(3, Purpose::Training, 0, 0)).unwrap();
        assert_eq!(task.support.labels, Labels::Classes(vec![0, 0, 1, 1, 2, 2]));
    }

    #[test]
    fn too_few_classes_are_refused() {
        let refused = NWaySampler::new(vec![0.0; 4], &[0, 0, 1, 1], 2, (2, 1), LabelScheme::Global);
        assert!(refused.unwrap_err().to_string().contains("2 classes with enough samples needed"));
    }
}

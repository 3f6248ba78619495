//! What training looks like from inside: the theory's quantities, measured as it goes.
//!
//! - Gradient alignment: the mean cosine of the angle between the meta-gradients of each two
//!   environments at the same parameters. Eq. (22) claims that MAML-DG makes the inner product that
//!   it belongs to large.
//! - Adaptation distance: the mean Euclidean distance between the meta-parameters and what they are
//!   adapted to on held-out tasks (the paper's Fig. 8: 0.48 for MAML against 2.12 for a random start).

use crate::MetaError;
use crate::message::{FirstStep, TaskNumber};
use crate::round::Round;

/// The mean cosine between the summed meta-gradients of each two environments, on M tasks each;
/// `None` for a single environment. The tasks are those of `iteration`.
///
/// # Errors
/// What the sites report.
pub fn gradient_alignment(
    round: &mut Round<'_>,
    meta_parameters: &[f32],
    iteration: u64,
) -> Result<Option<f64>, MetaError> {
    let n = round.n_domains();
    let mut gradients = Vec::with_capacity(n);
    for domain in 0..n {
        let tasks = round.tasks_of_domain(domain, TaskNumber { iteration, task: 0 });
        let mut gradient = vec![0.0; meta_parameters.len()];
        round.gradient(&tasks, meta_parameters, |_| FirstStep::Own, &mut gradient)?;
        gradients.push(gradient);
    }
    let pairs = (0..n).flat_map(|i| (0..i).map(move |j| (i, j)));
    let cosines: Vec<f64> = pairs.map(|(i, j)| cosine(&gradients[i], &gradients[j])).collect();
    Ok((!cosines.is_empty()).then(|| cosines.iter().sum::<f64>() / cosines.len() as f64))
}

/// The cosine of the angle between two vectors; 0 if one is nothing but zeros.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let product = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let norms = (product(a, a) * product(b, b)).sqrt();
    if norms > 0.0 { product(a, b) / norms } else { 0.0 }
}

/// The Euclidean distance between two parameter vectors of one length.
pub(crate) fn distance(a: &[f32], b: &[f32]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    squares.sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maml::MamlConfig;
    use crate::site::{Environment, in_process};
    use crate::test_models::{Line, batch};
    use crate::{Batch, Task};

    /// On a line, gradients of one sign are aligned, of two opposed: at p = 1, targets 3 and 5 pull up,
    /// -3 pulls down. Of three pairs one is aligned and two are opposed: (1 - 1 - 1) / 3.
    #[test]
    fn alignment_by_hand() {
        let task = |y: f32| -> Task {
            let sample: Batch = batch(1.0, y);
            Task { support: sample.clone(), query: sample }
        };
        let tasks = [task(3.0), task(5.0), task(-3.0)];
        let config = MamlConfig { inner_step_size: 0.1, inner_steps: 1, second_order: false };
        let maml = config.check().unwrap();
        let alignment = |names: [&str; 3], n: usize| {
            let environments: Vec<Environment<'_>> = names
                .into_iter()
                .zip(&tasks)
                .take(n)
                .map(|(name, task)| (name, task as _))
                .collect();
            in_process(&environments, (&Line, &maml), 1, |sites| {
                gradient_alignment(&mut Round::new(sites, 2, 1), &[1.0], 0).unwrap()
            })
        };
        let three = alignment(["a", "b", "c"], 3).unwrap();
        assert!((three + 1.0 / 3.0).abs() < 1e-9, "{three}");
        assert!((alignment(["a", "b", "c"], 2).unwrap() - 1.0).abs() < 1e-9);
        assert_eq!(alignment(["a", "b", "c"], 1), None);
    }

    #[test]
    fn distances_by_hand() {
        assert!((distance(&[1.0, 2.0], &[4.0, 6.0]) - 5.0).abs() < 1e-12);
        assert!(cosine(&[0.0, 0.0], &[1.0, 1.0]).abs() < 1e-12);
    }
}

//! Ridge regression as the last layer, solved anew for every task and differentiated through.
//!
//! L. Bertinetto, J. Henriques, P. Torr, A. Vedaldi, "Meta-learning with differentiable closed-form
//! solvers", ICLR 2019, Eq. (6), in its form by Woodbury's identity. The batch begins with `s`
//! support samples, whose targets `Y` the pass is given ([`Mode::support`](crate::Mode)). With the
//! features of all samples `X`, of the support `Z`, both with a column of ones,
//!
//! ```text
//! outputs = X Z^T a,   a = (Z Z^T + penalty I)^-1 Y,   penalty = exp(log_penalty)
//! ```
//!
//! The logarithm of the penalty is the layer's only parameter. The way back, for output gradients
//! `D`: `a_delta = (X Z^T)^T D`, `b = (Z Z^T + penalty I)^-1 a_delta`, then the gradient with respect
//! to `X Z^T` is `D a^T` and that with respect to the matrix solved with is `-b a^T`.

use super::{Context, Initial, Layer, ParameterArray, Pass, Refusal};
use crate::number::{Number, sum};
use crate::shape::Shape;

/// A ridge regression in a checked network.
///
/// # Shapes
/// - inputs: features, of any shape; outputs: `[outputs]`
/// - parameters: log_penalty `[1]`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ridge {
    features: usize,
    outputs: usize,
    log_penalty: f64,
}

impl Ridge {
    pub(crate) fn check(inputs: &Shape, outputs: usize, penalty: f64) -> Result<Self, Refusal> {
        if outputs == 0 {
            return Err(Refusal::zero("outputs"));
        }
        if !(penalty > 0.0 && penalty.is_finite()) {
            let expected = "a finite number above 0".to_owned();
            let got = penalty.to_string();
            return Err(Refusal::Setting { setting: "penalty", expected, got });
        }
        let features = inputs.n_values().unwrap_or(0);
        Ok(Self { features, outputs, log_penalty: penalty.ln() })
    }

    /// Support samples of a pass.
    fn n_support<R>(&self, support: Option<&[R]>) -> usize {
        support.map_or(0, |targets| targets.len() / self.outputs)
    }

    fn row<'a, N>(&self, samples: &'a [N], index: usize) -> &'a [N] {
        &samples[index * self.features..(index + 1) * self.features]
    }
}

/// Product of two rows of features, each with a one behind it.
fn product<N: Number>(a: &[N], b: &[N]) -> N {
    sum(a.iter().zip(b).map(|(&a, &b)| a * b)) + N::ONE
}

/// `to += factor * from`
fn add_scaled<N: Number>(to: &mut [N], factor: N, from: &[N]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to += factor * from);
}

/// Replaces a symmetric positive definite matrix by its Cholesky factor, below the diagonal.
fn factor<N: Number>(matrix: &mut [N], n: usize) {
    for i in 0..n {
        for j in 0..=i {
            let known = sum((0..j).map(|k| matrix[i * n + k] * matrix[j * n + k]));
            let rest = matrix[i * n + j] - known;
            matrix[i * n + j] = if i == j { rest.sqrt() } else { rest / matrix[j * n + j] };
        }
    }
}

/// Solves with a Cholesky factor, for all columns of `right` in place.
fn solve<N: Number>(lower: &[N], n: usize, right: &mut [N], columns: usize) {
    for column in 0..columns {
        for i in 0..n {
            let known = sum((0..i).map(|k| lower[i * n + k] * right[k * columns + column]));
            right[i * columns + column] = (right[i * columns + column] - known) / lower[i * n + i];
        }
        for i in (0..n).rev() {
            let known = sum((i + 1..n).map(|k| lower[k * n + i] * right[k * columns + column]));
            right[i * columns + column] = (right[i * columns + column] - known) / lower[i * n + i];
        }
    }
}

impl Layer for Ridge {
    fn outputs(&self) -> Shape {
        self.outputs.into()
    }

    fn parameters(&self) -> Vec<ParameterArray> {
        let initial = Initial::Constant(self.log_penalty);
        vec![ParameterArray { name: "log_penalty", shape: vec![1], initial }]
    }

    fn couples_samples(&self) -> bool {
        true
    }

    fn support_outputs(&self) -> Option<usize> {
        Some(self.outputs)
    }

    /// The Cholesky factor and the solution of at most all samples, and room for the way back.
    fn n_cache(&self, n: usize) -> usize {
        n * n + 2 * n * self.outputs
    }

    fn forward<N: Number>(
        &self,
        context: &Context<'_, N>,
        inputs: &[N],
        outputs: &mut [N],
        cache: &mut [N],
    ) {
        let (Some(targets), s) = (context.support, self.n_support(context.support)) else {
            return;
        };
        let (lower, rest) = cache.split_at_mut(s * s);
        let solution = &mut rest[..s * self.outputs];
        for i in 0..s {
            for j in 0..=i {
                lower[i * s + j] = product(self.row(inputs, i), self.row(inputs, j));
            }
            lower[i * s + i] += context.parameters[0].exp();
        }
        factor(lower, s);
        solution.iter_mut().zip(targets).for_each(|(to, &target)| *to = N::constant(target));
        solve(lower, s, solution, self.outputs);
        outputs.fill(N::ZERO);
        for (i, outputs) in outputs.chunks_exact_mut(self.outputs).enumerate() {
            for (j, solution) in solution.chunks_exact(self.outputs).enumerate() {
                add_scaled(outputs, product(self.row(inputs, i), self.row(inputs, j)), solution);
            }
        }
    }

    fn backward<N: Number>(
        &self,
        context: &Context<'_, N>,
        pass: Pass<'_, N>,
        gradient: &mut [N],
        input_delta: Option<&mut [N]>,
    ) {
        let (s, width) = (self.n_support(context.support), self.outputs);
        let (lower, rest) = pass.cache.split_at_mut(s * s);
        let (solution, rest) = rest.split_at_mut(s * width);
        let (solution, back) = (&*solution, &mut rest[..s * width]);
        let (inputs, n) = (pass.inputs, context.n);
        back.fill(N::ZERO);
        for (i, delta) in pass.delta.chunks_exact(width).enumerate() {
            for (j, back) in back.chunks_exact_mut(width).enumerate() {
                add_scaled(back, product(self.row(inputs, i), self.row(inputs, j)), delta);
            }
        }
        solve(lower, s, back, width);
        let back = &*back;
        let of = |rows: &[N], i: usize, columns: &[N], j: usize| {
            sum((0..width).map(|k| rows[i * width + k] * columns[j * width + k]))
        };
        let trace = sum((0..s).map(|i| of(back, i, solution, i)));
        gradient[0] += -(trace * context.parameters[0].exp());
        let Some(input_delta) = input_delta else { return };
        input_delta.fill(N::ZERO);
        let features = self.features;
        for i in 0..n {
            for j in 0..s {
                // The product of rows i and j stands in X Z^T and, for two of the support, in Z Z^T.
                let mut weight = of(pass.delta, i, solution, j);
                if i < s {
                    weight -= of(back, i, solution, j);
                }
                let row = &mut input_delta[i * features..(i + 1) * features];
                add_scaled(row, weight, self.row(inputs, j));
                let row = &mut input_delta[j * features..(j + 1) * features];
                add_scaled(row, weight, self.row(inputs, i));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::context::tests::bare;

    #[test]
    fn a_line_is_found_again() {
        // Support on y = 2 x + 1 with almost no penalty; the query at 10 gives 21.
        let ridge = Ridge::check(&1.into(), 1, 1e-9).unwrap();
        let inputs = [0.0, 1.0, 3.0, 10.0];
        let parameters = [1e-9_f64.ln()];
        let context =
            Context { parameters: &parameters, support: Some(&[1.0, 3.0, 7.0]), ..bare(4) };
        let (mut outputs, mut cache) = ([0.0; 4], vec![0.0; ridge.n_cache(4)]);
        ridge.forward(&context, &inputs, &mut outputs, &mut cache);
        assert!((outputs[3] - 21.0).abs() < 1e-6, "{outputs:?}");
    }

    #[test]
    fn a_penalty_shrinks() {
        // One support sample at 0 with target 6: a = 6 / (1 + 2), and 1 * a everywhere.
        let ridge = Ridge::check(&1.into(), 1, 2.0).unwrap();
        let context = Context { parameters: &[2.0_f64.ln()], support: Some(&[6.0]), ..bare(2) };
        let (mut outputs, mut cache) = ([0.0; 2], vec![0.0; ridge.n_cache(2)]);
        ridge.forward(&context, &[0.0, 5.0], &mut outputs, &mut cache);
        assert!((outputs[0] - 2.0).abs() < 1e-12 && (outputs[1] - 2.0).abs() < 1e-12);
        assert!(Ridge::check(&1.into(), 1, 0.0).is_err());
        assert!(Ridge::check(&1.into(), 0, 1.0).is_err());
    }
}

//! Attention over slots, such as a fingerprint's nearest reference points.
//!
//! A. Vaswani et al., "Attention is all you need", NeurIPS 2017, Eq. (1), with several heads of
//! width `d` side by side and without biases. Over the slots `x_j` of a sample, for each head:
//!
//! ```text
//! k_j = x_j K,   v_j = x_j V,   output_i = sum_j softmax_j(q_i . k_j / sqrt(d)) v_j
//! ```
//!
//! The queries `q_i` are `x_i Q`, one a slot, and the outputs `[slots, width]`; or there is one,
//! learned, and the output is `[width]`: a summary that does not depend on the order of the slots
//! (M. Ilse, J. Tomczak, M. Welling, "Attention-based deep multiple instance learning", ICML 2018).

use super::softmax::{softmax, softmax_back};
use super::{Context, Initial, Layer, ParameterArray, Pass, Refusal};
use crate::number::{Number, sum};
use crate::shape::Shape;

/// Attention in a checked network.
///
/// # Shapes
/// - inputs: `[slots, features]`
/// - parameters: query `[features, width]`, or `[width]` where it is learned; key and value
///   `[features, width]`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attention {
    slots: usize,
    features: usize,
    heads: usize,
    width: usize,
    /// One learned query in place of one a slot.
    summary: bool,
}

/// Places in the cache of a sample.
struct Cache<'a, N> {
    /// `[queries, width]`
    query: &'a mut [N],
    /// `[slots, width]`
    key: &'a mut [N],
    /// `[slots, width]`
    value: &'a mut [N],
    /// `[heads, queries, slots]`
    shares: &'a mut [N],
    /// As long as query, key and value together, and a row of slots: for the way back.
    scratch: &'a mut [N],
}

impl Attention {
    pub(crate) fn check(
        inputs: &Shape,
        width: usize,
        heads: usize,
        summary: bool,
    ) -> Result<Self, Refusal> {
        let [slots, features] = *inputs.sizes() else {
            return Err(Refusal::Inputs("slots x features".to_owned()));
        };
        if width == 0 {
            return Err(Refusal::zero("width"));
        }
        if heads == 0 || !width.is_multiple_of(heads) {
            let expected = format!("a divisor of the width {width}");
            return Err(Refusal::Setting { setting: "heads", expected, got: heads.to_string() });
        }
        Ok(Self { slots, features, heads, width, summary })
    }

    fn queries(&self) -> usize {
        if self.summary { 1 } else { self.slots }
    }

    fn n_cache_of_sample(&self) -> usize {
        let projections = (self.queries() + 2 * self.slots) * self.width;
        2 * projections + self.heads * self.queries() * self.slots + self.slots
    }

    fn cut<'a, N>(&self, cache: &'a mut [N]) -> Cache<'a, N> {
        let (query, rest) = cache.split_at_mut(self.queries() * self.width);
        let (key, rest) = rest.split_at_mut(self.slots * self.width);
        let (value, rest) = rest.split_at_mut(self.slots * self.width);
        let (shares, scratch) = rest.split_at_mut(self.heads * self.queries() * self.slots);
        Cache { query, key, value, shares, scratch }
    }

    /// The parameter arrays: query, key, value.
    fn arrays<'a, N>(&self, parameters: &'a [N]) -> [&'a [N]; 3] {
        let matrix = self.features * self.width;
        let (query, rest) = parameters.split_at(if self.summary { self.width } else { matrix });
        let (key, value) = rest.split_at(matrix);
        [query, key, value]
    }

    fn arrays_mut<'a, N>(&self, parameters: &'a mut [N]) -> [&'a mut [N]; 3] {
        let matrix = self.features * self.width;
        let (query, rest) = parameters.split_at_mut(if self.summary { self.width } else { matrix });
        let (key, value) = rest.split_at_mut(matrix);
        [query, key, value]
    }

    /// The values of a head in row `row`.
    fn head(&self, head: usize, row: usize) -> std::ops::Range<usize> {
        let width = self.width / self.heads;
        let first = row * self.width + head * width;
        first..first + width
    }

    fn scale<N: Number>(&self) -> N {
        N::from_f64(1.0 / ((self.width / self.heads) as f64).sqrt())
    }

    /// `rows = inputs * matrix`
    fn project<N: Number>(&self, inputs: &[N], matrix: &[N], rows: &mut [N]) {
        let inputs = inputs.chunks_exact(self.features);
        for (row, input) in rows.chunks_exact_mut(self.width).zip(inputs) {
            row.fill(N::ZERO);
            for (&x, weights) in input.iter().zip(matrix.chunks_exact(self.width)) {
                row.iter_mut().zip(weights).for_each(|(sum, &weight)| *sum += x * weight);
            }
        }
    }

    /// The way back of [`project`](Self::project): adds to both gradients.
    fn project_back<N: Number>(
        &self,
        inputs: &[N],
        matrix: &[N],
        delta: &[N],
        gradient: &mut [N],
        input_delta: Option<&mut [N]>,
    ) {
        let rows = inputs.chunks_exact(self.features).zip(delta.chunks_exact(self.width));
        for (input, delta) in rows.clone() {
            for (&x, gradient) in input.iter().zip(gradient.chunks_exact_mut(self.width)) {
                gradient.iter_mut().zip(delta).for_each(|(sum, &delta)| *sum += x * delta);
            }
        }
        let Some(input_delta) = input_delta else { return };
        for (to, (_, delta)) in input_delta.chunks_exact_mut(self.features).zip(rows) {
            for (to, weights) in to.iter_mut().zip(matrix.chunks_exact(self.width)) {
                *to += dot(weights, delta);
            }
        }
    }
}

fn dot<N: Number>(a: &[N], b: &[N]) -> N {
    sum(a.iter().zip(b).map(|(&a, &b)| a * b))
}

/// `to += factor * from`
fn add_scaled<N: Number>(to: &mut [N], factor: N, from: &[N]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to += factor * from);
}

impl Layer for Attention {
    fn outputs(&self) -> Shape {
        if self.summary { self.width.into() } else { [self.slots, self.width].into() }
    }

    fn parameters(&self) -> Vec<ParameterArray> {
        let (fan_in, fan_out) = (self.features, self.width);
        let initial = Initial::Weights { fan_in, fan_out };
        let matrix = |name| ParameterArray { name, shape: vec![fan_in, fan_out], initial };
        let query = match self.summary {
            true => ParameterArray { name: "query", shape: vec![fan_out], initial },
            false => matrix("query"),
        };
        vec![query, matrix("key"), matrix("value")]
    }

    fn n_cache(&self, n: usize) -> usize {
        n * self.n_cache_of_sample()
    }

    fn forward<N: Number>(
        &self,
        context: &Context<'_, N>,
        inputs: &[N],
        outputs: &mut [N],
        cache: &mut [N],
    ) {
        let [query, key, value] = self.arrays(context.parameters);
        let samples = inputs.chunks_exact(self.slots * self.features);
        let results = outputs.chunks_exact_mut(self.queries() * self.width);
        let caches = cache.chunks_exact_mut(self.n_cache_of_sample());
        for ((inputs, outputs), cache) in samples.zip(results).zip(caches) {
            let cache = self.cut(cache);
            if self.summary {
                cache.query.copy_from_slice(query);
            } else {
                self.project(inputs, query, cache.query);
            }
            self.project(inputs, key, cache.key);
            self.project(inputs, value, cache.value);
            outputs.fill(N::ZERO);
            for (row, shares) in cache.shares.chunks_exact_mut(self.slots).enumerate() {
                let (head, query) = (row / self.queries(), row % self.queries());
                let q = &cache.query[self.head(head, query)];
                for (slot, score) in shares.iter_mut().enumerate() {
                    *score = self.scale::<N>() * dot(q, &cache.key[self.head(head, slot)]);
                }
                softmax(shares);
                for (slot, &share) in shares.iter().enumerate() {
                    let value = &cache.value[self.head(head, slot)];
                    add_scaled(&mut outputs[self.head(head, query)], share, value);
                }
            }
        }
    }

    fn backward<N: Number>(
        &self,
        context: &Context<'_, N>,
        pass: Pass<'_, N>,
        gradient: &mut [N],
        mut input_delta: Option<&mut [N]>,
    ) {
        let [query, key, value] = self.arrays(context.parameters);
        let [query_gradient, key_gradient, value_gradient] = self.arrays_mut(gradient);
        let sample = self.slots * self.features;
        let deltas = pass.delta.chunks_exact(self.queries() * self.width);
        let caches = pass.cache.chunks_exact_mut(self.n_cache_of_sample());
        for (index, (delta, cache)) in deltas.zip(caches).enumerate() {
            let cache = self.cut(cache);
            cache.scratch.fill(N::ZERO);
            let (dq, rest) = cache.scratch.split_at_mut(self.queries() * self.width);
            let (dk, rest) = rest.split_at_mut(self.slots * self.width);
            let (dv, scores) = rest.split_at_mut(self.slots * self.width);
            for (row, shares) in cache.shares.chunks_exact(self.slots).enumerate() {
                let (head, query) = (row / self.queries(), row % self.queries());
                let (place, delta) = (self.head(head, query), &delta[self.head(head, query)]);
                for (slot, (&share, score)) in shares.iter().zip(&mut *scores).enumerate() {
                    *score = dot(delta, &cache.value[self.head(head, slot)]);
                    add_scaled(&mut dv[self.head(head, slot)], share, delta);
                }
                softmax_back(shares, scores);
                for (slot, &score) in scores.iter().enumerate() {
                    let score = self.scale::<N>() * score;
                    let slot = self.head(head, slot);
                    add_scaled(&mut dq[place.clone()], score, &cache.key[slot.clone()]);
                    add_scaled(&mut dk[slot], score, &cache.query[place.clone()]);
                }
            }
            let inputs = &pass.inputs[index * sample..(index + 1) * sample];
            let mut to = input_delta.as_deref_mut().map(|to| {
                let to = &mut to[index * sample..(index + 1) * sample];
                to.fill(N::ZERO);
                to
            });
            if self.summary {
                add_scaled(query_gradient, N::ONE, dq);
            } else {
                self.project_back(inputs, query, dq, query_gradient, to.as_deref_mut());
            }
            self.project_back(inputs, key, dk, key_gradient, to.as_deref_mut());
            self.project_back(inputs, value, dv, value_gradient, to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::context::tests::bare;

    fn run(attention: &Attention, parameters: &[f64], inputs: &[f64]) -> Vec<f64> {
        let context = Context { parameters, ..bare(1) };
        let mut outputs = vec![9.0; attention.outputs().n_values().unwrap()];
        let mut cache = vec![9.0; attention.n_cache(1)];
        attention.forward(&context, inputs, &mut outputs, &mut cache);
        outputs
    }

    #[test]
    fn shares_by_hand() {
        // Scores 0 and ln 3 give shares 1/4 and 3/4 of values 8 and 16.
        let attention = Attention::check(&[2, 1].into(), 1, 1, true).unwrap();
        let outputs = run(&attention, &[1.0, 1.0, 8.0], &[0.0, 3.0_f64.ln()]);
        assert!((outputs[0] - 0.75 * 8.0 * 3.0_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn a_summary_does_not_depend_on_the_order_and_rows_move_with_their_slots() {
        let inputs: Vec<f64> = (0..12).map(|i| f64::from(i * i % 7) / 3.0).collect();
        let turned: Vec<f64> = inputs.chunks(3).rev().flatten().copied().collect();
        for (summary, n_parameters) in [(true, 4 + 24), (false, 36)] {
            let attention = Attention::check(&[4, 3].into(), 4, 2, summary).unwrap();
            let parameters: Vec<f64> =
                (0..n_parameters).map(|i| f64::from(i * 5 % 11) / 7.0 - 0.6).collect();
            let outputs = run(&attention, &parameters, &inputs);
            let of_turned = run(&attention, &parameters, &turned);
            let back: Vec<f64> = of_turned.chunks(4).rev().flatten().copied().collect();
            for (output, back) in outputs.iter().zip(back) {
                assert!((output - back).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn shapes_and_settings_that_do_not_fit_are_refused() {
        assert!(Attention::check(&12.into(), 4, 2, true).is_err());
        assert!(Attention::check(&[4, 3].into(), 4, 3, true).is_err());
        assert!(Attention::check(&[4, 3].into(), 0, 1, true).is_err());
    }
}

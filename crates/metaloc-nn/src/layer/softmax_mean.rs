//! A mean of slots with learned weights: where nearest reference points vote for a position.
//!
//! Slots hold parts of a score, perhaps other features, and the values that are averaged (D. Bahdanau, K. Cho,
//! Y. Bengio, "Neural machine translation by jointly learning to align and translate", ICLR 2015,
//! Eq. (5) and (6)):
//!
//! ```text
//! share_j = softmax_j(score_j),   output = sum_j share_j value_j
//! ```

use super::softmax::{softmax, softmax_back};
use super::{Context, Layer, Pass, Refusal};
use crate::number::{Number, sum};
use crate::shape::Shape;

/// A weighted mean of slots in a checked network.
///
/// # Shapes
/// - inputs: `[slots, features]`: the parts of the score first, the values last
/// - outputs: `[values]`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SoftmaxMean {
    slots: usize,
    features: usize,
    scores: usize,
    values: usize,
}

impl SoftmaxMean {
    pub(crate) fn check(inputs: &Shape, scores: usize, values: usize) -> Result<Self, Refusal> {
        let (slots, features) = match *inputs.sizes() {
            [slots, features] => (slots, features),
            [height, width, features] => (height * width, features),
            _ => return Err(Refusal::Inputs("slots x features".to_owned())),
        };
        if scores == 0 {
            return Err(Refusal::zero("scores"));
        }
        if values == 0 || scores + values > features {
            let expected =
                format!("at least 1, and with `scores` at most the {features} features of a slot");
            return Err(Refusal::Setting { setting: "values", expected, got: values.to_string() });
        }
        Ok(Self { slots, features, scores, values })
    }

    /// A sample's slots, with their numbers.
    fn slots<'a, N>(&self, inputs: &'a [N]) -> impl Iterator<Item = &'a [N]> + use<'a, N> {
        inputs.chunks_exact(self.features)
    }
}

impl Layer for SoftmaxMean {
    fn outputs(&self) -> Shape {
        self.values.into()
    }

    fn n_cache(&self, n: usize) -> usize {
        // Shares; room for the way back.
        2 * n * self.slots
    }

    fn forward<N: Number>(
        &self,
        _: &Context<'_, N>,
        inputs: &[N],
        outputs: &mut [N],
        cache: &mut [N],
    ) {
        let first_value = self.features - self.values;
        let samples = inputs.chunks_exact(self.slots * self.features);
        let places =
            outputs.chunks_exact_mut(self.values).zip(cache.chunks_exact_mut(2 * self.slots));
        for (sample, (means, cache)) in samples.zip(places) {
            let shares = &mut cache[..self.slots];
            for (share, slot) in shares.iter_mut().zip(self.slots(sample)) {
                *share = sum(slot[..self.scores].iter().copied());
            }
            softmax(shares);
            means.fill(N::ZERO);
            for (&share, slot) in shares.iter().zip(self.slots(sample)) {
                let values = means.iter_mut().zip(&slot[first_value..]);
                values.for_each(|(mean, &value)| *mean += share * value);
            }
        }
    }

    fn backward<N: Number>(
        &self,
        _: &Context<'_, N>,
        pass: Pass<'_, N>,
        _: &mut [N],
        input_delta: Option<&mut [N]>,
    ) {
        let Some(input_delta) = input_delta else { return };
        let first_value = self.features - self.values;
        let size = self.slots * self.features;
        let samples = pass.inputs.chunks_exact(size).zip(input_delta.chunks_exact_mut(size));
        let rows = pass.delta.chunks_exact(self.values);
        let caches = pass.cache.chunks_exact_mut(2 * self.slots);
        for ((sample, to), (delta, cache)) in samples.zip(rows.zip(caches)) {
            let (shares, scores) = cache.split_at_mut(self.slots);
            for (score, slot) in scores.iter_mut().zip(self.slots(sample)) {
                *score = sum(slot[first_value..].iter().zip(delta).map(|(&v, &d)| v * d));
            }
            softmax_back(shares, scores);
            let slots = to.chunks_exact_mut(self.features);
            for (slot, (&share, &score)) in slots.zip(shares.iter().zip(&*scores)) {
                let (others, values) = slot.split_at_mut(first_value);
                let (scores, others) = others.split_at_mut(self.scores);
                scores.fill(score);
                others.fill(N::ZERO);
                values.iter_mut().zip(delta).for_each(|(to, &delta)| *to = share * delta);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::context::tests::bare;

    /// Scores 0 and ln 3: shares 1/4 and 3/4.
    #[test]
    fn a_mean_by_hand() {
        let layer = SoftmaxMean::check(&[2, 4].into(), 1, 2).unwrap();
        let inputs = [0.0, 9.0, 4.0, 8.0, 3.0_f64.ln(), 9.0, 8.0, 0.0];
        let (mut outputs, mut cache) = ([0.0; 2], [0.0; 4]);
        layer.forward(&bare(1), &inputs, &mut outputs, &mut cache);
        assert!((outputs[0] - 7.0).abs() < 1e-12 && (outputs[1] - 2.0).abs() < 1e-12);
        // With delta (1, 0): values get the shares; scores get share (value - mean).
        let mut to = [5.0; 8];
        let pass =
            Pass { inputs: &inputs, outputs: &outputs, cache: &mut cache, delta: &[1.0, 0.0] };
        layer.backward(&bare(1), pass, &mut [], Some(&mut to));
        let expected = [-0.75, 0.0, 0.25, 0.0, 0.75, 0.0, 0.75, 0.0];
        assert!(to.iter().zip(expected).all(|(got, e)| (got - e).abs() < 1e-12), "{to:?}");
    }

    #[test]
    fn shapes_are_checked() {
        assert!(SoftmaxMean::check(&4.into(), 1, 2).is_err());
        assert!(SoftmaxMean::check(&[3, 2].into(), 1, 2).is_err());
        assert!(SoftmaxMean::check(&[3, 4].into(), 0, 2).is_err());
        assert!(SoftmaxMean::check(&[3, 1, 4].into(), 2, 2).is_ok());
    }
}

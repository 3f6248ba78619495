//! Dropout (N. Srivastava et al., "Dropout: a simple way to prevent neural networks from
//! overfitting", JMLR 2014), with the scale at training time.
//!
//! `output = input / (1 - rate)` with probability `1 - rate`, else 0; passes that name no seed drop
//! nothing. What is dropped depends on the seed, the sample's place in the batch and the value's
//! place in the sample only, so the way back finds it again, however the batch is cut.

use super::{Context, Layer, Pass, Refusal};
use crate::number::Number;
use crate::shape::Shape;

/// Dropout in a checked network.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dropout {
    shape: Shape,
    width: usize,
    rate: f64,
}

impl Dropout {
    pub(crate) fn check(inputs: &Shape, rate: f64) -> Result<Self, Refusal> {
        if !(0.0..1.0).contains(&rate) {
            let (setting, expected) = ("rate", "a share from 0 to below 1".to_owned());
            return Err(Refusal::Setting { setting, expected, got: rate.to_string() });
        }
        Ok(Self { shape: inputs.clone(), width: inputs.n_values().unwrap_or(1), rate })
    }

    /// What passes, scaled.
    fn apply<N: Number>(&self, context: &Context<'_, N>, from: &[N], to: &mut [N]) {
        let Some(seed) = context.dropout else {
            to.copy_from_slice(from);
            return;
        };
        let scale = N::from_f64(1.0 / (1.0 - self.rate));
        let samples = to.chunks_exact_mut(self.width).zip(from.chunks_exact(self.width));
        for (index, (to, from)) in samples.enumerate() {
            let stream = scramble(seed ^ scramble((context.first_sample + index) as u64));
            for (place, (to, &from)) in to.iter_mut().zip(from).enumerate() {
                let uniform = (scramble(stream.wrapping_add(place as u64)) >> 11) as f64;
                let drops = uniform < self.rate * (1_u64 << 53) as f64;
                *to = if drops { N::ZERO } else { scale * from };
            }
        }
    }
}

/// The finalizer of SplitMix64 (G. Steele, D. Lea, C. Flood, OOPSLA 2014): near numbers become far.
fn scramble(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Layer for Dropout {
    fn outputs(&self) -> Shape {
        self.shape.clone()
    }

    fn forward<N: Number>(
        &self,
        context: &Context<'_, N>,
        inputs: &[N],
        outputs: &mut [N],
        _: &mut [N],
    ) {
        self.apply(context, inputs, outputs);
    }

    fn backward<N: Number>(
        &self,
        context: &Context<'_, N>,
        pass: Pass<'_, N>,
        _: &mut [N],
        input_delta: Option<&mut [N]>,
    ) {
        let Some(input_delta) = input_delta else { return };
        self.apply(context, pass.delta, input_delta);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::context::tests::bare;

    #[test]
    fn drops_its_rate_the_same_in_every_part() {
        let dropout = Dropout::check(&100.into(), 0.25).unwrap();
        let inputs = vec![3.0_f64; 100 * 100];
        let run = |first_sample: usize, n: usize| {
            let context = Context { dropout: Some(5), first_sample, ..bare(n) };
            let mut outputs = vec![9.0; n * 100];
            dropout.forward(&context, &inputs[..n * 100], &mut outputs, &mut []);
            outputs
        };
        let all = run(0, 100);
        let dropped = all.iter().filter(|value| value.abs() < 1e-12).count();
        assert!((2_300..2_700).contains(&dropped), "{dropped}");
        assert!(all.iter().all(|value| value.abs() < 1e-12 || (value - 4.0).abs() < 1e-12));
        assert_eq!(all[4_000..5_000], run(40, 10));
    }

    #[test]
    fn without_a_seed_nothing_is_dropped() {
        let mut outputs = [0.0; 2];
        let dropout = Dropout::check(&2.into(), 0.5).unwrap();
        dropout.forward(&bare(1), &[1.0, 2.0_f64], &mut outputs, &mut []);
        assert!((outputs[0] - 1.0).abs() < 1e-15 && (outputs[1] - 2.0).abs() < 1e-15);
        assert!(Dropout::check(&2.into(), 1.0).is_err());
    }
}

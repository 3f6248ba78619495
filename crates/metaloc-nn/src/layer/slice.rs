//! Some of the features of each slot or pixel, in order.

use super::{Context, Layer, Pass, Refusal};
use crate::number::Number;
use crate::shape::Shape;

/// A slice of the last size in a checked network.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slice {
    outputs: Shape,
    width: usize,
    first: usize,
    count: usize,
}

impl Slice {
    pub(crate) fn check(inputs: &Shape, first: usize, count: usize) -> Result<Self, Refusal> {
        let width = inputs.last();
        if count == 0 || first + count > width {
            let expected =
                format!("at least 1, and with `first` at most the {width} of the inputs");
            return Err(Refusal::Setting { setting: "count", expected, got: count.to_string() });
        }
        Ok(Self { outputs: inputs.with_last(count), width, first, count })
    }

    fn kept(&self) -> std::ops::Range<usize> {
        self.first..self.first + self.count
    }
}

impl Layer for Slice {
    fn outputs(&self) -> Shape {
        self.outputs.clone()
    }

    fn forward<N: Number>(&self, _: &Context<'_, N>, inputs: &[N], outputs: &mut [N], _: &mut [N]) {
        let rows = inputs.chunks_exact(self.width);
        for (to, row) in outputs.chunks_exact_mut(self.count).zip(rows) {
            to.copy_from_slice(&row[self.kept()]);
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
        input_delta.fill(N::ZERO);
        let rows = input_delta.chunks_exact_mut(self.width);
        for (row, delta) in rows.zip(pass.delta.chunks_exact(self.count)) {
            row[self.kept()].copy_from_slice(delta);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // copies

    use super::*;
    use crate::layer::context::tests::bare;

    #[test]
    fn some_features_there_and_back() {
        let slice = Slice::check(&[2, 3].into(), 1, 1).unwrap();
        let (mut outputs, mut input_delta) = ([0.0; 2], [9.0; 6]);
        slice.forward(&bare(1), &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &mut outputs, &mut []);
        assert_eq!(outputs, [2.0, 5.0]);
        let pass = Pass { inputs: &[], outputs: &outputs, cache: &mut [], delta: &[7.0, 8.0] };
        slice.backward(&bare(1), pass, &mut [], Some(&mut input_delta));
        assert_eq!(input_delta, [0.0, 7.0, 0.0, 0.0, 8.0, 0.0]);
        assert!(Slice::check(&[2, 3].into(), 2, 2).is_err());
        assert!(Slice::check(&[2, 3].into(), 0, 0).is_err());
    }
}

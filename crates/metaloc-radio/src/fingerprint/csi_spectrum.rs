//! The mean spectrum of a CSI window: one number a subcarrier and stream.

use crate::preprocess::CsiWindow;

/// Which statistics over a window's packets make the fingerprint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CsiSpectrum {
    /// The standard deviation beside the mean.
    pub deviation: bool,
}

impl CsiSpectrum {
    /// Numbers of a fingerprint of windows of such a shape.
    #[must_use]
    pub fn len(self, [_, subcarriers, streams]: [usize; 3]) -> usize {
        subcarriers * streams * if self.deviation { 2 } else { 1 }
    }

    /// The fingerprint: all means, then all deviations if there are any.
    ///
    /// # Shapes
    /// answer: `[subcarriers, streams]`, once or twice
    #[must_use]
    pub fn fingerprint(self, window: &CsiWindow) -> Vec<f32> {
        let [packets, subcarriers, streams] = window.shape();
        let length = subcarriers * streams;
        let rows = || window.values.chunks_exact(length.max(1));
        let n = packets.max(1) as f32;
        let mut answer = vec![0.0; length];
        rows().for_each(|row| answer.iter_mut().zip(row).for_each(|(sum, x)| *sum += x));
        answer.iter_mut().for_each(|sum| *sum /= n);
        if self.deviation {
            let mut squares = vec![0.0f32; length];
            for row in rows() {
                let pairs = squares.iter_mut().zip(row).zip(&answer);
                pairs.for_each(|((square, x), mean)| *square += (x - mean).powi(2));
            }
            answer.extend(squares.into_iter().map(|square| (square / n).sqrt()));
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)] // small whole numbers

    use super::*;

    #[test]
    fn mean_and_deviation_by_hand() {
        let window = CsiWindow::new([2, 1, 2], vec![1.0, 10.0, 3.0, 16.0], vec![None]);
        let [plain, both] = [false, true].map(|deviation| CsiSpectrum { deviation });
        assert_eq!(plain.fingerprint(&window), [2.0, 13.0]);
        assert_eq!(both.fingerprint(&window), [2.0, 13.0, 1.0, 3.0]);
        assert_eq!((plain.len(window.shape()), both.len(window.shape())), (2, 4));
    }
}

//! small-cnn: W1's tasks with the small network of the MetaLoc authors' released code.

use super::{Prepared, cnn_tasks};
use crate::error::Error;
use crate::learning::presets;

const INPUTS: [usize; 3] = [50, 50, 3];

pub(super) fn prepare() -> Result<Prepared, Error> {
    cnn_tasks::prepare(presets::cnn_small, INPUTS, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_by_hand() {
        // Multiply-adds of a sample, layer by layer.
        let first = 48 * 48 * 27 * 10;
        let all = first + (22 * 22 + 9 * 9 + 2 * 2) * 90 * 10 + 2 * 2 * 10 * 10;
        let expected = 2.0 * f64::from(4 * (5 * 30 + 50)) * f64::from(3 * all - first);
        let mut prepared = prepare().unwrap();
        assert!((prepared.operations / expected - 1.0).abs() < 1e-12, "{}", prepared.operations);
        prepared.repeat().unwrap();
    }
}

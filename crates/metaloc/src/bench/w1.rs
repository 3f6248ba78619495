//! W1: meta-learning a convolutional network.

use super::cnn_tasks::{meta_iteration, prepare as prepare_tasks};
use super::{Beside, Prepared};
use crate::error::Error;
use crate::learning::presets;

/// Packets, subcarriers, access points.
pub(super) const INPUTS: [usize; 3] = [50, 52, 3];

pub(super) fn prepare() -> Result<Prepared, Error> {
    prepare_for(INPUTS)
}

fn prepare_for(inputs: [usize; 3]) -> Result<Prepared, Error> {
    let mut prepared = prepare_tasks(presets::cnn, inputs, false)?;
    let mut bare = meta_iteration(presets::cnn, inputs, false)?;
    let bare = Prepared::new(bare.operations(), move || bare.run_bare());
    prepared.beside = Some((Beside::BareEngine, Box::new(bare)));
    Ok(prepared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_by_hand() {
        // Multiply-adds of a sample, layer by layer.
        let first = 50 * 52 * 27 * 32;
        let convolutions = 25 * 26 * 288 * 32 + 12 * 13 * 288 * 64 + (6 * 6 + 3 * 3) * 576 * 64;
        let all = first + convolutions + 3 * 3 * 64 * 10;
        let expected = 2.0 * f64::from(4 * (5 * 30 + 50)) * f64::from(3 * all - first);
        let operations = prepare().unwrap().operations;
        assert!((operations / expected - 1.0).abs() < 1e-12, "{operations}");
        assert!((operations / 57.7e9 - 1.0).abs() < 1e-3, "{operations}");
    }

    #[test]
    fn a_small_one_runs() {
        let mut prepared = prepare_for([16, 17, 1]).unwrap();
        prepared.repeat().unwrap();
        prepared.beside.unwrap().1.repeat().unwrap();
    }
}

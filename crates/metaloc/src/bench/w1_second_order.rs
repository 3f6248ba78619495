//! W1-second-order: W1 with the exact meta-gradient, beside W1 itself.

use super::{Beside, Prepared, cnn_tasks, w1};
use crate::error::Error;
use crate::learning::presets;

pub(super) fn prepare() -> Result<Prepared, Error> {
    prepare_for(w1::INPUTS)
}

fn prepare_for(inputs: [usize; 3]) -> Result<Prepared, Error> {
    let first_order = cnn_tasks::prepare(presets::cnn, inputs, false)?;
    let mut second_order = cnn_tasks::prepare(presets::cnn, inputs, true)?;
    second_order.beside = Some((Beside::FirstOrder, Box::new(first_order)));
    Ok(second_order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_one_runs() {
        let mut prepared = prepare_for([16, 16, 1]).unwrap();
        prepared.repeat().unwrap();
        let (_, first_order) = prepared.beside.unwrap();
        assert!(prepared.operations > 2.0 * first_order.operations);
    }
}

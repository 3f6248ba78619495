//! What the workloads on images share: the sizes of a task, and the images.

use metaloc_meta::maml::MamlConfig;
use metaloc_meta::task::{LabelScheme, NWaySampler};
use metaloc_nn::{Loss, NetworkDescription, Shape};

use super::Prepared;
use super::meta_iteration::{MetaIteration, Setting};
use crate::error::Error;

/// One of [`crate::learning::presets`].
type Preset = fn(Shape, usize) -> NetworkDescription;

/// Classes of a task, as many as outputs of the network.
pub(super) const N_WAYS: usize = 10;
/// Support images of a class.
pub(super) const K_SUPPORT: usize = 3;
const K_QUERY: usize = 5;
/// Classes that the tasks are drawn from.
const N_CLASSES: u32 = 16;
/// Images of a class that the tasks are drawn from.
const IMAGES_PER_CLASS: usize = 10;

/// One iteration of MAML with 5 inner steps on 4 tasks of images of this shape.
pub(super) fn meta_iteration(
    preset: Preset,
    inputs: [usize; 3],
    second_order: bool,
) -> Result<MetaIteration, Error> {
    MetaIteration::new(&Setting {
        network: &preset(inputs.into(), N_WAYS),
        loss: Loss::CrossEntropy,
        maml: MamlConfig { inner_step_size: 0.01, inner_steps: 5, second_order },
        tasks: &sampler(inputs)?,
    })
}

/// [`meta_iteration`] as a workload.
pub(super) fn prepare(
    preset: Preset,
    inputs: [usize; 3],
    second_order: bool,
) -> Result<Prepared, Error> {
    Ok(Prepared::from(meta_iteration(preset, inputs, second_order)?))
}

/// Images of noise whose level tells the class.
pub(super) fn sampler(inputs: [usize; 3]) -> Result<NWaySampler, Error> {
    let classes: Vec<u32> = (0..N_CLASSES).flat_map(|class| [class; IMAGES_PER_CLASS]).collect();
    let n_inputs: usize = inputs.iter().product();
    let noise = |i: u64| ((i * 37 + i * i) % 211) as f32 / 105.0 - 1.0;
    let images = classes.iter().zip(0..).flat_map(|(&class, image)| {
        let level = class as f32 / N_CLASSES as f32 - 0.5;
        (0..n_inputs as u64).map(move |i| level + noise(image * n_inputs as u64 + i))
    });
    let (images, k) = (images.collect(), (K_SUPPORT, K_QUERY));
    Ok(NWaySampler::new(images, &classes, N_WAYS, k, LabelScheme::Reindexed)?)
}

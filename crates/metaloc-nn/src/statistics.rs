//! Statistics of batch norm layers: of a batch, of a support set, running.

use crate::error::{NetworkError, expect_length};
use crate::layer::StatisticsKind;
use crate::network::Network;
use crate::real::Real;
use crate::workspace::Workspace;

impl Network {
    /// Values that batch norm layers take over a batch; 0 without such layers.
    #[must_use]
    pub fn n_statistics(&self) -> usize {
        self.plan.n_statistics
    }

    /// What the network's batch norm layers normalise by when they predict; `None` without such
    /// layers.
    #[must_use]
    pub fn statistics_kind(&self) -> Option<StatisticsKind> {
        self.plan.statistics().next().map(|(_, taken)| taken.kind)
    }

    /// Takes the statistics of a batch: means and variances (divided by the number of values), layer
    /// after layer. Given back in [`Mode::statistics`](crate::Mode), they normalise other samples as the batch is.
    ///
    /// # Shapes
    /// - `parameters`: `[n_parameters]`, `statistics`: `[n_statistics]`
    /// - `inputs`: `[n, n_inputs]` row-major
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    pub fn statistics<R: Real>(
        &self,
        parameters: &[R],
        inputs: &[R],
        statistics: &mut [R],
        workspace: &mut Workspace<R>,
    ) -> Result<(), NetworkError> {
        expect_length("statistics", self.n_statistics(), statistics.len())?;
        self.predict(parameters, inputs, workspace)?;
        let Some(lane) = workspace.lanes.first() else { return Ok(()) };
        for (index, _) in self.plan.statistics() {
            let step = &self.plan.steps[index];
            let own = &mut statistics[step.statistics.clone()];
            step.operation.read_statistics(&lane.tools.caches[index], own);
        }
        Ok(())
    }

    /// Running statistics before the first batch: means 0, variances 1.
    #[must_use]
    pub fn initial_statistics<R: Real>(&self) -> Vec<R> {
        let mut statistics = vec![R::ZERO; self.n_statistics()];
        for (index, taken) in self.plan.statistics() {
            let own = &mut statistics[self.plan.steps[index].statistics.clone()];
            own[taken.channels..].fill(R::ONE);
        }
        statistics
    }

    /// Moves running statistics towards those of a batch of `n` samples, by each layer's momentum,
    /// with the unbiased variance, as PyTorch does.
    ///
    /// # Shapes
    /// - `running`, `of_batch`: `[n_statistics]`
    ///
    /// # Errors
    /// [`NetworkError::WrongLength`].
    pub fn update_running_statistics<R: Real>(
        &self,
        running: &mut [R],
        of_batch: &[R],
        n: usize,
    ) -> Result<(), NetworkError> {
        expect_length("running statistics", self.n_statistics(), running.len())?;
        expect_length("statistics of the batch", self.n_statistics(), of_batch.len())?;
        for (index, taken) in self.plan.statistics() {
            let own = self.plan.steps[index].statistics.clone();
            let observations = (n * taken.per_sample) as f64;
            let unbiased = observations / (observations - 1.0).max(1.0);
            for (place, (running, &new)) in
                running[own.clone()].iter_mut().zip(&of_batch[own]).enumerate()
            {
                let factor = if place < taken.channels { 1.0 } else { unbiased };
                let old = running.to_f64();
                *running = R::from_f64(old + taken.momentum * (factor * new.to_f64() - old));
            }
        }
        Ok(())
    }
}

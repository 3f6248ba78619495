//! One iteration, as the coordinator sees it: tasks of sites that it asks for gradients, never for
//! samples.

use std::borrow::Cow;

use rand::RngExt;
use rayon::prelude::*;

use crate::MetaError;
use crate::message::{
    FirstStep, GradientReply, GradientRequest, SupportGradientRequest, TaskNumber,
};
use crate::seed::{ChaCha8Rng, Purpose, stream};
use crate::site::Site;

/// Parameters whose gradients a thread sums at a time.
const SUM_CHUNK: usize = 16 * 1024;

/// One task of one site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SiteTask {
    /// Index of the site.
    pub site: usize,
    /// The task.
    pub number: TaskNumber,
}

/// The sites, and memory for their answers; made once, reused in every iteration.
pub struct Round<'a> {
    sites: &'a [&'a dyn Site],
    /// Indices of the sites of each environment.
    domains: Vec<Vec<usize>>,
    seed: u64,
    n_tasks: usize,
    /// The iteration that runs.
    pub(crate) iteration: u64,
    /// Memory for the sites' answers; an earlier round's may be handed over.
    pub replies: Vec<GradientReply>,
}

impl<'a> Round<'a> {
    /// A round of `n_tasks` tasks an iteration over `sites`; tasks are drawn with `seed`.
    #[must_use]
    pub fn new(sites: &'a [&'a dyn Site], n_tasks: usize, seed: u64) -> Self {
        let mut names: Vec<&str> = Vec::new();
        let mut domains: Vec<Vec<usize>> = Vec::new();
        for (index, site) in sites.iter().enumerate() {
            match names.iter().position(|name| *name == site.environment()) {
                Some(place) => domains[place].push(index),
                None => {
                    names.push(site.environment());
                    domains.push(vec![index]);
                }
            }
        }
        Self { sites, domains, seed, n_tasks, iteration: 0, replies: Vec::new() }
    }

    /// The iteration that runs.
    #[must_use]
    pub const fn iteration(&self) -> u64 {
        self.iteration
    }

    /// Number of environments.
    #[must_use]
    pub fn n_domains(&self) -> usize {
        self.domains.len()
    }

    /// A random stream of the coordinator's own, for this iteration.
    #[must_use]
    pub fn stream(&self) -> ChaCha8Rng {
        stream(self.seed, Purpose::Sites, self.iteration, 0)
    }

    /// This iteration's M tasks, each of a site drawn at random.
    #[must_use]
    pub fn tasks(&self) -> Vec<SiteTask> {
        let mut rng = self.stream();
        (0..self.n_tasks as u64)
            .map(|task| {
                let site =
                    if self.sites.len() < 2 { 0 } else { rng.random_range(0..self.sites.len()) };
                SiteTask { site, number: TaskNumber { iteration: self.iteration, task } }
            })
            .collect()
    }

    /// M tasks of one environment, numbered from `first`, each of a site of it drawn at random:
    /// the same numbers are the same tasks.
    #[must_use]
    pub fn tasks_of_domain(&self, domain: usize, first: TaskNumber) -> Vec<SiteTask> {
        let (sites, TaskNumber { iteration, task: first }) = (&self.domains[domain], first);
        // Stream 0 is the iteration's own.
        let mut rng = stream(self.seed, Purpose::Sites, iteration, first + 1);
        (first..first + self.n_tasks as u64)
            .map(|task| {
                let site = if sites.len() < 2 { 0 } else { rng.random_range(0..sites.len()) };
                SiteTask { site: sites[site], number: TaskNumber { iteration, task } }
            })
            .collect()
    }

    /// Asks the sites for the gradients of `tasks`, in parallel; `sum` becomes their sum (Eq. 8).
    /// `first_step` says where the first inner step of a task, by its place, comes from. Returns
    /// the mean task loss.
    ///
    /// Halves of the tasks are summed, then added: in an order that depends on their number, not
    /// on that of the threads.
    ///
    /// # Errors
    /// The first failing task's error, in the tasks' order.
    pub fn gradient<'s>(
        &mut self,
        tasks: &[SiteTask],
        meta_parameters: &[f32],
        first_step: impl Fn(usize) -> FirstStep<'s> + Sync,
        sum: &mut [f32],
    ) -> Result<f32, MetaError> {
        let sites = self.sites;
        self.sum_replies(tasks.len(), sum, |index, reply| {
            let SiteTask { site, number } = tasks[index];
            let meta_parameters = Cow::Borrowed(meta_parameters);
            let request =
                GradientRequest { task: number, meta_parameters, first_step: first_step(index) };
            sites[site].gradient(&request, reply)
        })
    }

    /// As [`Round::gradient`], each task's gradient times a weight: `weigh` gets the losses of all
    /// tasks in their order, and puts weights in their places. These are not differentiated.
    ///
    /// # Errors
    /// As [`Round::gradient`].
    pub fn gradient_weighted(
        &mut self,
        tasks: &[SiteTask],
        meta_parameters: &[f32],
        weigh: impl FnOnce(&mut [f32]),
        sum: &mut [f32],
    ) -> Result<f32, MetaError> {
        self.make_room(tasks.len());
        let (sites, replies) = (self.sites, &mut self.replies[..tasks.len()]);
        let ask = |(&SiteTask { site, number }, reply): (&SiteTask, &mut GradientReply)| {
            let meta_parameters = Cow::Borrowed(meta_parameters);
            let first_step = FirstStep::Own;
            let request = GradientRequest { task: number, meta_parameters, first_step };
            sites[site].gradient(&request, reply)?;
            Ok(reply.loss)
        };
        let losses: Vec<Result<f32, MetaError>> = tasks.par_iter().zip(replies).map(ask).collect();
        let mut weights: Vec<f32> = losses.into_iter().collect::<Result<_, _>>()?;
        weigh(&mut weights);
        self.sum_replies(tasks.len(), sum, |task, reply| {
            reply.gradient.iter_mut().for_each(|g| *g *= weights[task]);
            Ok(())
        })
    }

    /// Asks the sites for support losses of `tasks` and their gradients at `parameters`, in
    /// parallel.
    ///
    /// # Errors
    /// The first failing task's error, in the tasks' order.
    pub fn support_gradients(
        &self,
        tasks: &[SiteTask],
        parameters: &[f32],
    ) -> Result<Vec<GradientReply>, MetaError> {
        let ask = |&SiteTask { site, number }: &SiteTask| {
            let parameters = Cow::Borrowed(parameters);
            let mut reply = GradientReply::default();
            let request = SupportGradientRequest { task: number, parameters };
            self.sites[site].support_gradient(&request, &mut reply)?;
            Ok(reply)
        };
        let replies: Vec<Result<GradientReply, MetaError>> = tasks.par_iter().map(ask).collect();
        replies.into_iter().collect()
    }

    fn make_room(&mut self, n_tasks: usize) {
        if self.replies.len() < n_tasks {
            self.replies.resize_with(n_tasks, GradientReply::default);
        }
    }

    /// Runs `ask` for each reply, in parallel, and sums gradients; the mean loss.
    fn sum_replies(
        &mut self,
        n_tasks: usize,
        sum: &mut [f32],
        ask: impl Fn(usize, &mut GradientReply) -> Result<(), MetaError> + Sync,
    ) -> Result<f32, MetaError> {
        self.make_room(n_tasks);
        match &mut self.replies[..n_tasks] {
            [] => {
                sum.fill(0.0);
                Ok(0.0)
            }
            [reply] => {
                ask(0, reply)?;
                sum.copy_from_slice(&reply.gradient);
                Ok(reply.loss)
            }
            replies => {
                let (left, right, loss) = sum_halves(replies, 0, &ask)?;
                each_chunk(sum, right, |sums, right, first| {
                    let gradients = left[first..].iter().zip(right);
                    sums.iter_mut()
                        .zip(gradients)
                        .for_each(|(sum, (left, right))| *sum = left + right);
                });
                Ok(loss / n_tasks as f32)
            }
        }
    }
}

/// The sums of the gradients of two halves of the tasks, of which the first has number `first`, and
/// the sum of all losses.
fn sum_halves<'a>(
    replies: &'a mut [GradientReply],
    first: usize,
    ask: &(impl Fn(usize, &mut GradientReply) -> Result<(), MetaError> + Sync),
) -> Result<(&'a mut [f32], &'a [f32], f32), MetaError> {
    let (left, right) = replies.split_at_mut(replies.len() / 2);
    let middle = first + left.len();
    let (loss, of_right) =
        rayon::join(|| sum_tasks(left, first, ask), || sum_tasks(right, middle, ask));
    Ok((&mut left[0].gradient, &right[0].gradient, loss? + of_right?))
}

/// The sum of the losses of tasks; that of their gradients goes into the first one's.
fn sum_tasks(
    replies: &mut [GradientReply],
    first: usize,
    ask: &(impl Fn(usize, &mut GradientReply) -> Result<(), MetaError> + Sync),
) -> Result<f32, MetaError> {
    if let [reply] = replies {
        ask(first, reply)?;
        return Ok(reply.loss);
    }
    let (left, right, loss) = sum_halves(replies, first, ask)?;
    each_chunk(left, right, |sums, gradients, _| {
        sums.iter_mut().zip(gradients).for_each(|(sum, gradient)| *sum += gradient);
    });
    Ok(loss)
}

/// Runs over two arrays on all threads, if they are long: `run(to, from, place of the first)`.
fn each_chunk(to: &mut [f32], from: &[f32], run: impl Fn(&mut [f32], &[f32], usize) + Sync) {
    if to.len() <= SUM_CHUNK {
        run(to, from, 0);
        return;
    }
    let chunks = to.par_chunks_mut(SUM_CHUNK).zip(from.par_chunks(SUM_CHUNK)).enumerate();
    chunks.for_each(|(index, (to, from))| run(to, from, index * SUM_CHUNK));
}

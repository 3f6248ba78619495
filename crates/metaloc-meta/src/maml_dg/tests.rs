use metaloc_nn::OptimizerDescription;

use super::*;
use crate::Task;
use crate::site::{Site, in_process};
use crate::test_models::{
    Line, at_hand, batch, difference_error, query_losses, run, smooth_network, smooth_start,
    smooth_task,
};
use crate::training::{Silent, TrainingConfig, TrainingData, TrainingState, train};

const STEP_SIZE: f32 = 0.3;
const STEPS: usize = 2;

fn inner(second_order: bool) -> MamlConfig {
    MamlConfig { inner_step_size: f64::from(STEP_SIZE), inner_steps: STEPS, second_order }
}

fn with(reading: Reading, virtual_step_size: f64, weight: f64) -> MamlDgConfig {
    MamlDgConfig { reading, virtual_step_size, weight }
}

/// Runs with a round of `n_tasks` tasks over an environment for each task, in an iteration that
/// draws the first one first.
fn in_round<L: Learner, T>(
    tasks: &[Task; 2],
    (learner, algorithm): (&L, &MamlDg),
    n_tasks: usize,
    work: impl FnOnce(&mut Round<'_>) -> T,
) -> T {
    let environments = [("one", &tasks[0] as _), ("two", &tasks[1] as _)];
    in_process(&environments, (learner, algorithm), 5, |sites| {
        let mut round = Round::new(sites, n_tasks, 5);
        while draw_domains(&round, "").unwrap() != [0, 1] {
            round.iteration += 1;
        }
        work(&mut round)
    })
}

/// Parameters, gradient and loss of one iteration.
fn iterated<L: Learner>(
    tasks: &[Task; 2],
    (learner, algorithm): (&L, &MamlDg),
    n_tasks: usize,
    theta: &[f32],
) -> (Vec<f32>, Vec<f32>, f32) {
    in_round(tasks, (learner, algorithm), n_tasks, |round| {
        let (mut theta, mut gradient) = (theta.to_vec(), vec![0.0; theta.len()]);
        let loss = algorithm.iterate(round, &mut theta, &mut gradient).unwrap();
        (theta, gradient, loss)
    })
}

/// One inner step of 0.1 from theta = 1; beta_v = 0.05, w = 1/2.
/// I: support (1, 3), gradient 2 (theta - 3); query (2, 1): g_I = 6.4 theta + 0.8, 7.2 at 1, from
/// 1.4 with loss 1.8^2; so theta' = 0.64, and 0.928 as released.
/// II: support (1, 2), query (1, 1). r1: from 0.64 to 0.64 + 0.1 * 2.72 = 0.912, g_II = -0.176.
/// r3: from 1 to 1.272, g_II = 0.544. r4: H_F = 6.4, so that g_II gets a factor of
/// 1 - 0.05 * 6.4 = 0.68. As released: I's support gradient at 0.928 is -4.144, so from 1 to
/// 1.4144, g_II = 0.8288.
#[test]
fn each_reading_by_hand() {
    let task = |y, query| Task { support: batch(1.0, y), query };
    let tasks = [task(3.0, batch(2.0, 1.0)), task(2.0, batch(1.0, 1.0))];
    let inner = MamlConfig { inner_step_size: 0.1, inner_steps: 1, second_order: false };
    for (reading, theta, gradient, second_loss) in [
        (Reading::R1, 1.0, 7.2 - 0.5 * 0.176, 0.088f32.powi(2)),
        (Reading::R2, 0.64, -0.5 * 0.176, 0.088f32.powi(2)),
        (Reading::R3, 1.0, 7.2 + 0.5 * 0.544, 0.272f32.powi(2)),
        (Reading::R4, 1.0, 7.2 - 0.5 * 0.68 * 0.176, 0.088f32.powi(2)),
        (Reading::AsReleased, 1.0, (7.2 + 0.5 * 0.8288) / 2.0, 0.4144f32.powi(2)),
    ] {
        let algorithm = with(reading, 0.05, 0.5).algorithm(inner).unwrap();
        let (moved, found, loss) = iterated(&tasks, (&Line, &algorithm), 1, &[1.0]);
        assert!((moved[0] - theta).abs() < 1e-6, "{reading:?}: {moved:?}");
        assert!((found[0] - gradient).abs() < 1e-4, "{reading:?}: {found:?}");
        assert!((loss - (3.24 + second_loss) / 2.0).abs() < 1e-5, "{reading:?}: {loss}");
    }
    // Three times the same task: sums are three times as large, means the same. In r1, theta'
    // is then 1 - 0.15 * 7.2 = -0.08, theta_j = 0.336, g_II = 3 * 2 (0.336 - 1).
    for (reading, gradient) in
        [(Reading::R1, 21.6 - 3.0 * 0.664), (Reading::AsReleased, (7.2 + 0.5 * 0.8288) / 2.0)]
    {
        let algorithm = with(reading, 0.05, 0.5).algorithm(inner).unwrap();
        let found = iterated(&tasks, (&Line, &algorithm), 3, &[1.0]).1[0];
        assert!((found - gradient).abs() < 1e-4, "{reading:?}: {found}");
    }
}

/// Against central differences of Eq. (19), F and G being query losses after plain descent.
#[test]
fn the_second_order_gradient_of_r4_is_the_derivative_of_the_objective() {
    let (learner, theta, tasks) =
        (smooth_network(), smooth_start(), [smooth_task(2), smooth_task(3)]);
    let (n_tasks, virtual_step_size, weight) = (2, 0.1, 0.7);
    let meta_loss = |theta: &[f32], task: &Task| {
        n_tasks as f64 * query_losses(theta, task, STEPS, |_, _| STEP_SIZE)[STEPS - 1]
    };
    let maml = inner(true).check().unwrap();
    let objective = |theta: &[f32]| {
        let gradient = run(&maml, &learner, theta, &at_hand(&tasks[0])).1;
        let elsewhere = moved(theta, &gradient, -virtual_step_size * n_tasks as f64);
        meta_loss(theta, &tasks[0]) + weight * meta_loss(&elsewhere, &tasks[1])
    };
    let error = |reading| {
        let algorithm = with(reading, virtual_step_size, weight).algorithm(inner(true)).unwrap();
        let gradient = iterated(&tasks, (&learner, &algorithm), n_tasks, &theta).1;
        difference_error(objective, &theta, &vec![2e-3; theta.len()], &gradient)
    };
    let (exact, first_order) = (error(Reading::R4), error(Reading::R1));
    assert!(exact < 3e-3, "{exact}");
    assert!(first_order > 10.0 * exact, "{first_order}, {exact}");
}

/// Eq. (20), (21): what is left of G(theta - b grad F) - (G - b grad G . grad F) falls as b^2, with
/// the curvature of G along grad F.
#[test]
fn the_remainder_of_the_taylor_expansion_falls_with_the_square_of_the_step() {
    let (learner, theta) = (smooth_network(), smooth_start());
    let tasks = [smooth_task(2), smooth_task(3)];
    let algorithm = MamlDgConfig::default().algorithm(inner(true)).unwrap();
    in_round(&tasks, (&learner, &algorithm), 2, |round| {
        let [first, second] = draw_tasks(round, "").unwrap();
        let (mut of_first, mut of_second) = (vec![0.0; theta.len()], vec![0.0; theta.len()]);
        round.gradient(&first, &theta, |_| FirstStep::Own, &mut of_first).unwrap();
        // G, and its slope along grad F, at theta - b grad F.
        let mut along = |b: f64| {
            let elsewhere = moved(&theta, &of_first, -b);
            let own = |_| FirstStep::Own;
            let mean = round.gradient(&second, &elsewhere, own, &mut of_second).unwrap();
            let products = of_first.iter().zip(&of_second);
            let slope = products.map(|(f, g)| f64::from(*f) * f64::from(*g)).sum::<f64>();
            (2.0 * f64::from(mean), slope)
        };
        let (at_theta, slope) = along(0.0);
        let mut remainder = |b: f64| along(b).0 - (at_theta - b * slope);
        let found = [0.01, 0.005, 0.0025].map(&mut remainder);
        for pair in found.windows(2) {
            let ratio = pair[0] / pair[1];
            assert!((3.5..5.0).contains(&ratio), "{ratio}, {found:?}");
        }
        // Both sides, so that the third order cancels.
        let (b, sides) = (0.01, found[0] + remainder(-0.01));
        let curvature = (along(-b).1 - along(b).1) / (2.0 * b);
        assert!((sides / (b * b * curvature) - 1.0).abs() < 0.05, "{sides}, {curvature}");
    });
}

#[test]
fn with_plain_steps_one_step_on_the_sum_is_two_steps() {
    let (learner, tasks) = (smooth_network(), [smooth_task(2), smooth_task(3)]);
    let beta = 0.05;
    let trained = |reading, outer: OptimizerDescription| {
        let algorithm = with(reading, beta, 0.7).algorithm(inner(false)).unwrap();
        let environments = [("one", &tasks[0] as _), ("two", &tasks[1] as _)];
        let config = TrainingConfig {
            iterations: 10,
            tasks_per_iteration: 3,
            outer,
            ..TrainingConfig::default()
        };
        let mut state = TrainingState::start(smooth_start(), &config.outer).unwrap();
        in_process(&environments, (&learner, &algorithm), 5, |sites| {
            let data = TrainingData { sites, validation: None, seed: 5 };
            train(&algorithm, data, &config, &mut state, &mut Silent).unwrap();
        });
        state.parameters
    };
    let distance = |outer: OptimizerDescription| {
        let (one, two) = (trained(Reading::R1, outer), trained(Reading::R2, outer));
        assert!(one.iter().zip(&smooth_start()).any(|(to, from)| (to - from).abs() > 1e-2));
        one.iter().zip(&two).map(|(one, two)| (one - two).abs()).fold(0.0, f32::max)
    };
    let plain = distance(OptimizerDescription::sgd(beta));
    assert!(plain < 1e-6, "{plain}");
    let adam = distance(OptimizerDescription::adam(beta));
    assert!(adam > 1e-3, "with Adam they differ: {adam}");
}

#[test]
fn without_the_second_environment_it_is_maml_in_the_first() {
    let (learner, theta, tasks) =
        (smooth_network(), smooth_start(), [smooth_task(2), smooth_task(3)]);
    for reading in [Reading::R1, Reading::R3, Reading::R4] {
        let algorithm = with(reading, 1e-3, 0.0).algorithm(inner(true)).unwrap();
        let found = iterated(&tasks, (&learner, &algorithm), 2, &theta).1;
        let maml = run(&inner(true).check().unwrap(), &learner, &theta, &at_hand(&tasks[0])).1;
        let twice: Vec<f32> = maml.iter().map(|g| 2.0 * g).collect();
        assert_eq!(found, twice, "{reading:?}");
    }
}

#[test]
fn as_released_the_first_environment_has_the_same_tasks_in_every_iteration() {
    struct Asked(std::sync::Mutex<Vec<TaskNumber>>, &'static str);
    impl Site for Asked {
        fn environment(&self) -> &str {
            self.1
        }
        fn gradient(
            &self,
            request: &crate::message::GradientRequest<'_>,
            reply: &mut crate::message::GradientReply,
        ) -> Result<(), MetaError> {
            self.0.lock().unwrap().push(request.task);
            reply.gradient.resize(request.meta_parameters.len(), 0.0);
            Ok(())
        }
        fn support_gradient(
            &self,
            request: &crate::message::SupportGradientRequest<'_>,
            reply: &mut crate::message::GradientReply,
        ) -> Result<(), MetaError> {
            assert_eq!(request.task.iteration, 0);
            reply.gradient.resize(request.parameters.len(), 0.0);
            Ok(())
        }
        fn query_loss(
            &self,
            _: &crate::message::LossRequest<'_>,
        ) -> Result<crate::message::LossReply, MetaError> {
            Ok(crate::message::LossReply::default())
        }
    }
    let asked = ["one", "two", "three"].map(|name| Asked(std::sync::Mutex::default(), name));
    let sites = asked.each_ref().map(|site| site as &dyn Site);
    let algorithm = with(Reading::AsReleased, 1e-3, 1.0).algorithm(inner(false)).unwrap();
    let mut round = Round::new(&sites, 2, 5);
    for iteration in 3..23 {
        round.iteration = iteration;
        let domains = draw_domains(&round, "").unwrap();
        assert_ne!(domains[0], domains[1]);
        algorithm.iterate(&mut round, &mut [1.0], &mut [0.0]).unwrap();
        let numbers = |domain: usize| {
            let mut numbers = std::mem::take(&mut *asked[domain].0.lock().unwrap());
            numbers.sort_by_key(|number| number.task);
            numbers.into_iter().map(|number| (number.iteration, number.task)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(domains[0]), [(0, 0), (0, 1)]);
        assert_eq!(numbers(domains[1]), [(iteration, 2), (iteration, 3)]);
    }
}

#[test]
fn one_environment_is_too_few() {
    let algorithm = MamlDgConfig::default().algorithm(inner(false)).unwrap();
    let task = Task { support: batch(1.0, 3.0), query: batch(2.0, 1.0) };
    in_process(&[("here", &task), ("here", &task)], (&Line, &algorithm), 5, |sites| {
        let mut round = Round::new(sites, 2, 5);
        let error = algorithm.iterate(&mut round, &mut [1.0], &mut [0.0]).unwrap_err();
        assert!(error.to_string().contains("maml-dg draws tasks of two environments"), "{error}");
    });
}

#[test]
fn illegal_settings_are_named() {
    let error = with(Reading::R1, -1.0, 1.0).algorithm(inner(false)).unwrap_err();
    assert!(error.to_string().contains("virtual_step_size is -1"), "{error}");
    assert!(with(Reading::R1, 1.0, f64::NAN).algorithm(inner(false)).is_err());
}

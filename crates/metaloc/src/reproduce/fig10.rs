//! Fig. 10: starts of single environments beside one of all, and whether the discrepancy tells the best.

use std::path::Path;

use super::curves::{SLACK_M, lines, over, settled};
use super::output::{Reproduction, Sheet};
use super::runner::Runner;
use super::variants::{number_of, plain, variant};
use super::{Claim, Target};
use crate::error::Error;
use crate::evaluate::{
    DataSource, Figure, Protocol, Row, Selection, Split, ToyData, ToyDiscrepancy, estimate,
    toy_discrepancies,
};
use crate::report::{CdfPlot, Curve, CurvePlot, Series};

const TOY: &str = include_str!("../../../../experiments/toy-environments.toml");
const CHOSEN: &str = include_str!("../../../../experiments/toy-environments.selected.toml");
/// The split that learns from all environments; each of the others learns from one.
const ALL: &str = "theta-total";
/// The start of the environment that the discrepancy chooses.
const CHOICE: &str = "maml-ts";
/// Errors whose share is stated (m).
const WITHIN_M: [f64; 3] = [1.0, 2.0, 3.0];
/// Adaptation steps over which errors are drawn.
const STEPS: [u32; 6] = [0, 1, 2, 5, 10, 50];
/// Steps within which a start converges rapidly; ours, since the paper gives no number.
const RAPIDLY: f64 = 10.0;
/// In a quick run: test layouts, samples in each, iterations.
const QUICK: (usize, usize, i64) = (12, 200, 300);

/// Errors on a test by a start, or by a method beside them.
struct Answers {
    start: String,
    test: String,
    mean_m: f64,
    /// Ends of the mean's interval (m).
    ends_m: (f64, f64),
    errors_m: Vec<f64>,
}

/// What was measured.
struct Measured {
    /// Tests and single environments' starts with their environments, in the protocol's order.
    tests: Vec<String>,
    starts: Vec<(String, String)>,
    answers: Vec<Answers>,
    /// By test: mean errors of each start over adaptation steps.
    curves: Vec<Vec<Series>>,
    discrepancies: Vec<ToyDiscrepancy>,
}

pub(super) fn reproduce(runner: &mut Runner<'_>) -> Result<Reproduction, Error> {
    let mut protocol = Protocol::parse(TOY, CHOSEN, Path::new("toy-environments.toml"))?;
    if runner.settings.quick {
        make_quick(&mut protocol);
    }
    let measured = measure(runner, &protocol)?;
    let title =
        "Starts of a mall and of two offices, and how far they are from three tests (10 x 10 m)";
    let mut result = Reproduction::new(Target::Fig10, title);
    for test in &measured.tests {
        let of_test = measured.answers.iter().filter(|answers| answers.test == *test);
        let curve = |answers: &Answers| Curve {
            label: answers.start.clone(),
            errors_m: answers.errors_m.clone(),
        };
        let plot = CdfPlot {
            title: format!("Test {}", test.to_uppercase()),
            x_label: "localization error [m]".into(),
            curves: of_test.map(curve).collect(),
            x_max: Some(8.0),
        };
        let caption = format!(
            "Share of test samples of {} located within a distance; theta-i: MAML on environment i alone, \
             theta-total: on all, {CHOICE}: the start that the discrepancy chooses; `fair` has the adaptation samples \
             as further reference points.",
            test.to_uppercase()
        );
        result.draw(&format!("fig10-cdf-{test}"), plot.to_svg()?, &caption);
    }
    for (test, curves) in measured.tests.iter().zip(&measured.curves) {
        let plot = CurvePlot {
            title: format!("Test {}", test.to_uppercase()),
            x_label: "adaptation steps".into(),
            y_label: "mean localization error [m], 95 % interval".into(),
            series: curves.clone(),
        };
        let caption =
            format!("Mean errors in {} after so many gradient steps.", test.to_uppercase());
        result.draw(&format!("fig10-steps-{test}"), plot.to_svg()?, &caption);
    }
    result.draw(
        "fig10-mmd",
        measured.plot().to_svg()?,
        "Mean error of each environment's own \
        start over the discrepancy; a line runs through the three tests, nearest first.",
    );
    result.sheets.push(measured.discrepancy_sheet());
    result.sheets.push(measured.error_sheet());
    result.sheets.extend(measured.step_sheets());
    result.claims = measured.claims();
    Ok(result)
}

fn make_quick(protocol: &mut Protocol) {
    let (test_layouts, test_samples, iterations) = QUICK;
    protocol.seeds.truncate(1);
    if let DataSource::Toy(toy) = &mut protocol.data {
        (toy.test_layouts, toy.test_samples) = (test_layouts, test_samples);
    }
    if let Some(training) = protocol.learning.get_mut("training").and_then(|t| t.as_table_mut()) {
        training.insert("iterations".into(), iterations.into());
    }
}

/// The protocol in two parts, so that nothing is trained that isn't asked for: MAML on each environment alone, and
/// all methods on all of them. Both have the settings chosen on all: a part that lacks the split that they were
/// chosen on would not find them.
fn parts(protocol: &Protocol) -> Result<[Protocol; 2], Error> {
    let (all, single): (Vec<Split>, Vec<Split>) =
        protocol.splits.iter().cloned().partition(|split| split.name == ALL);
    let Some(of_all) = all.first() else {
        return Err(Error::usage(format!("Fig. 10 needs a protocol with a split `{ALL}`")));
    };
    let resolved = Protocol { selection: Selection::default(), ..protocol.for_split(of_all)? };
    let mut alone = Protocol { name: "fig10".into(), splits: single, ..resolved.clone() };
    alone.methods.retain(|method| method.name == "maml");
    let mut total = Protocol { name: "fig10-total".into(), splits: all, ..resolved };
    for part in [&mut alone, &mut total] {
        let of = STEPS.map(|n| variant(("maml", "maml"), ("adaptation", "steps"), n));
        part.methods.extend(of);
    }
    Ok([alone, total])
}

fn measure(runner: &mut Runner<'_>, protocol: &Protocol) -> Result<Measured, Error> {
    let [alone, total] = parts(protocol)?;
    let mut rows = runner.toy_rows(&alone)?;
    rows.extend(runner.toy_rows(&total)?);
    let (DataSource::Toy(toy), of_all) = (&protocol.data, &total.splits[0]) else {
        return Err(Error::usage("Fig. 10 needs a toy protocol"));
    };
    let discrepancies = discrepancies(runner, protocol, (toy, of_all))?;
    let environment = |split: &Split| split.historical.first().cloned().unwrap_or_default();
    let start = |split: &Split| (split.name.clone(), environment(split));
    let starts = alone.splits.iter().map(start).collect();
    let tests = of_all.new.clone();
    let answers = answers(&rows, &tests);
    let curves = tests.iter().map(|test| curves(&rows, test)).collect();
    Ok(Measured { tests, starts, answers, curves, discrepancies })
}

/// Mean errors of MAML's starts on a test over adaptation steps.
fn curves(rows: &[Row], test: &str) -> Vec<Series> {
    let of_test = rows.iter().filter(|row| row.environment == test && plain(&row.method) == "maml");
    let mut starts: Vec<&str> = of_test.clone().map(|row| &row.split[..]).collect();
    starts.dedup();
    let steps =
        |row: &Row| number_of(&row.method).or_else(|| row.adaptation_steps.map(|n| n as f64));
    let of_start = |start: &&str| {
        over(start, of_test.clone().filter(|row| row.split == *start), steps, Figure::MeanError)
    };
    starts.iter().map(of_start).collect()
}

fn discrepancies(
    runner: &mut Runner<'_>,
    protocol: &Protocol,
    (toy, split): (&ToyData, &Split),
) -> Result<Vec<ToyDiscrepancy>, Error> {
    let mut all = Vec::new();
    for &seed in runner.seeds(protocol) {
        let name = format!("fig10-discrepancies-seed{seed}");
        let decides = (seed, toy, split, &protocol.support, &protocol.learning);
        let make = || toy_discrepancies(protocol, (toy, split), seed);
        all.extend(runner.kept_result(&name, &decides, make)?);
    }
    Ok(all)
}

/// The errors of all seeds by start and test, starts in the order of the rows.
fn answers(rows: &[Row], tests: &[String]) -> Vec<Answers> {
    let start = |row: &Row| match row.method.as_str() {
        "maml" => row.split.clone(),
        other => other.to_owned(),
    };
    let mut all: Vec<Answers> = Vec::new();
    for test in tests {
        let is_own = |row: &&Row| row.environment == *test && number_of(&row.method).is_none();
        let mut by_start: Vec<(String, Vec<&Row>)> = Vec::new();
        for row in rows.iter().filter(is_own) {
            let start = start(row);
            match by_start.iter_mut().find(|(known, _)| *known == start) {
                Some((_, rows)) => rows.push(row),
                None => by_start.push((start, vec![row])),
            }
        }
        all.extend(by_start.into_iter().map(|(start, rows)| {
            let errors_m: Vec<f64> = rows.iter().flat_map(|row| row.errors_m.clone()).collect();
            let mean_m = mean(&errors_m);
            let ends = estimate(&rows, Figure::MeanError).map(|e| (e.low, e.high));
            let ends_m = ends.unwrap_or((mean_m, mean_m));
            Answers { start, test: test.clone(), mean_m, ends_m, errors_m }
        }));
    }
    all
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

impl Measured {
    /// Mean error of a start on a test (m).
    fn error_m(&self, start: &str, test: &str) -> f64 {
        self.answers_of(start, test).map_or(f64::NAN, |answers| answers.mean_m)
    }

    fn answers_of(&self, start: &str, test: &str) -> Option<&Answers> {
        self.answers.iter().find(|answers| answers.start == start && answers.test == test)
    }

    /// Discrepancies of a test's layouts from an environment, seed after seed.
    fn layouts(&self, environment: &str, test: &str) -> Vec<f64> {
        let of = self.discrepancies.iter();
        let of = of.filter(|d| d.historical == environment && d.new == test);
        of.flat_map(|d| d.mmd.iter().copied()).collect()
    }

    /// Their mean.
    fn mmd(&self, environment: &str, test: &str) -> f64 {
        mean(&self.layouts(environment, test))
    }

    /// Share of a test's layouts to which an environment is the nearest.
    fn share_nearest(&self, environment: &str, test: &str) -> f64 {
        let own = self.layouts(environment, test);
        let all: Vec<_> = self.starts.iter().map(|(_, other)| self.layouts(other, test)).collect();
        let is_nearest = |&at: &usize| all.iter().all(|other| own[at] <= other[at]);
        (0..own.len()).filter(is_nearest).count() as f64 / own.len().max(1) as f64
    }

    fn plot(&self) -> CurvePlot {
        let series = self.starts.iter().map(|(start, environment)| {
            let at = |test: &String| {
                let answers = self.answers_of(start, test)?;
                let point = (self.mmd(environment, test), answers.mean_m);
                Some((point, answers.ends_m, answers.errors_m.len()))
            };
            let mut tests: Vec<_> = self.tests.iter().filter_map(at).collect();
            tests.sort_by(|a, b| a.0.0.total_cmp(&b.0.0));
            let samples = tests.iter().map(|(_, _, n)| *n).max();
            let (points, ends) = tests.into_iter().map(|(point, ends, _)| (point, ends)).unzip();
            Series { ends, samples, ..Series::new(start.clone(), points) }
        });
        CurvePlot {
            title: "Errors by discrepancy".into(),
            x_label: "MMD between test and environment".into(),
            y_label: "mean localization error [m], 95 % interval".into(),
            series: series.collect(),
        }
    }

    fn discrepancy_sheet(&self) -> Sheet {
        let name = |test: &String| test.to_uppercase();
        let of_test =
            |test| [format!("MMD to {}", name(test)), format!("nearest to {}", name(test))];
        let line = |(_, environment): &(String, String)| {
            let cells = self.tests.iter().flat_map(|test| {
                let share = 100.0 * self.share_nearest(environment, test);
                [format!("{:.3}", self.mmd(environment, test)), format!("{share:.0} %")]
            });
            std::iter::once(environment.clone()).chain(cells).collect()
        };
        Sheet {
            name: "fig10-mmd".into(),
            title: "Maximum mean discrepancy between tests and environments: mean over the layouts, and the share of \
                    them to which the environment is the nearest"
                .into(),
            columns: std::iter::once("environment".to_owned())
                .chain(self.tests.iter().flat_map(of_test))
                .collect(),
            rows: self.starts.iter().map(line).collect(),
            is_shown: true,
        }
    }

    fn error_sheet(&self) -> Sheet {
        let line = |answers: &Answers| {
            let errors = &answers.errors_m;
            let within = |limit: f64| errors.iter().filter(|error| **error < limit).count() as f64;
            let shares = WITHIN_M.map(|m| format!("{:.3}", within(m) / errors.len().max(1) as f64));
            let names = [answers.test.to_uppercase(), answers.start.clone()];
            let (low, high) = answers.ends_m;
            let means = [answers.mean_m, low, high].map(|m| format!("{m:.3}"));
            let cells = names.into_iter().chain(means).chain(shares);
            cells.chain([errors.len().to_string()]).collect()
        };
        let shares = WITHIN_M.map(|m| format!("P(error < {m} m)"));
        let columns = ["test", "start or method", "mean error [m]", "95 % low", "95 % high"];
        let columns = columns.map(String::from).into_iter();
        Sheet {
            name: "fig10-errors".into(),
            title: "Errors by test and start".into(),
            columns: columns.chain(shares).chain(["samples".to_owned()]).collect(),
            rows: self.answers.iter().map(line).collect(),
            is_shown: true,
        }
    }

    fn step_sheets(&self) -> impl Iterator<Item = Sheet> {
        let columns = ["start", "adaptation steps", "mean error [m]", "95 % low", "95 % high"];
        self.tests.iter().zip(&self.curves).map(move |(test, curves)| Sheet {
            name: format!("fig10-steps-{test}"),
            title: format!("Errors in {} by adaptation steps", test.to_uppercase()),
            columns: columns.map(String::from).into(),
            rows: lines(curves),
            is_shown: false,
        })
    }

    /// How soon each start settles in each test.
    fn convergence(&self) -> Claim {
        let said = self.tests.iter().zip(&self.curves).map(|(test, curves)| {
            let of = |series: &Series| format!("{} {}", series.label, settled(series));
            let words: Vec<String> = curves.iter().map(of).collect();
            format!("{}: {}", test.to_uppercase(), words.join(", "))
        });
        let said = said.collect::<Vec<_>>().join("; ");
        Claim::new(
            "Fig. 10: the starts converge rapidly on every test",
            format!("steps to within {SLACK_M} m of the least error (rapidly: {RAPIDLY}): {said}"),
            &self.curves.iter().flatten().map(|s| settled(s) <= RAPIDLY).collect::<Vec<_>>(),
        )
    }

    fn claims(&self) -> Vec<Claim> {
        let common = [self.tests[0].as_str(), self.tests[1].as_str()];
        let extreme = self.tests[2].as_str();
        let (first, second) = (self.starts[0].0.as_str(), self.starts[1].0.as_str());
        let said = |test: &str| {
            let of = |start: &str| format!("{start} {:.3} m", self.error_m(start, test));
            format!("{}: {}", test.to_uppercase(), [first, second, ALL].map(of).join(", "))
        };
        let lead = |test: &str, other: &str| self.error_m(other, test) - self.error_m(first, test);
        let leads = |test: &str| [lead(test, second), lead(test, ALL)];
        // Ahead at all, and by as much as is missing at the extreme noise: millimetres alone hold in part.
        let ahead =
            |least_m: f64| common.map(|test| leads(test).map(|lead| lead > least_m)).concat();
        let noticeable = format!("(noticeable: more than {SLACK_M} m)");
        vec![
            self.nearest_is_best(),
            self.nearer_is_better(),
            self.convergence(),
            Claim::new(
                "Fig. 10: at the common noise of T1 and T2, theta-1 outperforms theta-2 and theta-total",
                format!("{} {noticeable}", common.map(said).join("; ")),
                &[ahead(0.0), ahead(SLACK_M)].concat(),
            ),
            Claim::new(
                "Fig. 10: at the extreme noise of T3, theta-1 is no noticeable improvement",
                format!("{} {noticeable}", said(extreme)),
                &leads(extreme).map(|lead| lead <= SLACK_M),
            ),
        ]
    }

    /// For each test, whether the environment of the least discrepancy has the best of the single starts.
    fn nearest_is_best(&self) -> Claim {
        let mut parts = Vec::new();
        let said = self.tests.iter().map(|test| {
            let of = |pick: &dyn Fn(&(String, String)) -> f64| {
                self.starts.iter().min_by(|a, b| pick(a).total_cmp(&pick(b)))
            };
            let nearest = of(&|(_, environment)| self.mmd(environment, test));
            let best = of(&|(start, _)| self.error_m(start, test));
            parts.push(nearest == best);
            let name = |found: Option<&(String, String)>| {
                found.map_or_else(String::new, |(start, _)| start.clone())
            };
            let each = self.starts.iter().map(|(start, environment)| {
                format!("{:.3} and {:.2} m", self.mmd(environment, test), self.error_m(start, test))
            });
            let best_m = best.map_or(f64::NAN, |(start, _)| self.error_m(start, test));
            let choice_m = self.error_m(CHOICE, test);
            format!(
                "{}: MMD and error of theta-1 to theta-3 {}; nearest {}, best {} ({best_m:.2} m; {CHOICE} \
                 {choice_m:.2} m)",
                test.to_uppercase(),
                each.collect::<Vec<_>>().join(", "),
                name(nearest),
                name(best)
            )
        });
        let said = said.collect::<Vec<_>>().join(". ");
        Claim::new(
            "Algorithm 2, Fig. 10: the environment of the least MMD has the best start",
            said,
            &parts,
        )
    }

    /// For each single start, whether tests of smaller discrepancy have smaller errors.
    fn nearer_is_better(&self) -> Claim {
        let mut parts = Vec::new();
        let said = self.starts.iter().map(|(start, environment)| {
            let by = |of: &dyn Fn(&String) -> f64| {
                let mut tests = self.tests.clone();
                tests.sort_by(|a, b| of(a).total_cmp(&of(b)));
                tests.join(" < ").to_uppercase()
            };
            let mmd = by(&|test| self.mmd(environment, test));
            let error = by(&|test| self.error_m(start, test));
            parts.push(mmd == error);
            format!("{start}: by MMD {mmd}, by error {error}")
        });
        let said = said.collect::<Vec<_>>().join("; ");
        Claim::new(
            "Fig. 10: test tasks with smaller MMD achieve better localization results",
            said,
            &parts,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    /// Two layouts a test; the errors of starts on tests as given, `[start][test]`.
    fn measured(mmd: [[[f64; 2]; 3]; 3], errors_m: [[f64; 3]; 4]) -> Measured {
        let names = |names: [&str; 3]| names.map(String::from);
        let (tests, environments) = (names(["t1", "t2", "t3"]), names(["one", "two", "three"]));
        let starts = ["theta-1", "theta-2", "theta-3", ALL];
        let mut found = Measured {
            tests: tests.to_vec(),
            starts: starts.iter().map(|s| (*s).to_owned()).zip(environments.clone()).collect(),
            answers: Vec::new(),
            curves: vec![
                vec![Series::new("theta-1", vec![(0.0, 9.0), (1.0, 4.05), (50.0, 4.0)])];
                3
            ],
            discrepancies: Vec::new(),
        };
        for (at, test) in tests.iter().enumerate() {
            for (start, errors) in starts.iter().zip(&errors_m) {
                found.answers.push(Answers {
                    start: (*start).to_owned(),
                    test: test.clone(),
                    mean_m: errors[at],
                    ends_m: (errors[at], errors[at]),
                    errors_m: vec![errors[at]],
                });
            }
            for (environment, mmd) in environments.iter().zip(&mmd) {
                let (new, historical) = (test.clone(), environment.clone());
                let mmd = mmd[at].to_vec();
                found.discrepancies.push(ToyDiscrepancy { seed: 1, new, historical, mmd });
            }
        }
        found
    }

    /// Starts differ in what they learned from, not in how: alone and together, settings are those of the whole
    /// protocol's splits.
    #[test]
    fn settings_are_the_same_alone_and_together() {
        let protocol = Protocol::parse(TOY, CHOSEN, Path::new("toy-environments.toml")).unwrap();
        let of = |protocol: &Protocol, split: &Split| {
            let resolved = protocol.for_split(split).unwrap();
            let maml = resolved.methods.iter().find(|method| method.name == "maml").unwrap();
            resolved.learning_of(maml).unwrap()
        };
        let [alone, total] = parts(&protocol).unwrap();
        assert_eq!((alone.splits.len(), total.splits.len()), (3, 1));
        let chosen = &of(&protocol, &total.splits[0]);
        assert_ne!(*chosen, protocol.learning_of(&protocol.methods[0]).unwrap());
        for part in [alone, total] {
            assert!(part.splits.iter().all(|split| of(&part, split) == *chosen));
        }
    }

    /// As the paper tells it: the mall is nearest to all and best but at the extreme noise, where all are level.
    #[test]
    fn verdicts_by_hand() {
        let mall = [[0.1, 0.3], [0.1, 0.1], [0.5, 0.5]];
        let office = [[0.2, 0.4], [0.4, 0.4], [0.6, 0.6]];
        let errors = [[2.0, 1.5, 4.0], [2.2, 2.4, 4.05], [2.3, 2.5, 4.2], [2.2, 1.7, 3.9]];
        let found = measured([mall, office, office], errors);
        assert!((found.mmd("two", "t1") - 0.3).abs() < 1e-12);
        let verdicts =
            |found: &Measured| found.claims().iter().map(|c| c.verdict).collect::<Vec<_>>();
        // Starts 2 and 3: nearest to T1, then T2, then T3, and so are their errors.
        assert_eq!(verdicts(&found), [Verdict::Holds; 5]);
        let by_millimetres =
            [[2.0, 1.5, 4.0], [2.2, 2.4, 4.05], [2.3, 2.5, 4.2], [2.002, 1.503, 3.9]];
        let found = measured([mall, office, office], by_millimetres);
        assert_eq!(verdicts(&found)[3], Verdict::HoldsInPart);
        let farther = [[0.1, 0.9], [0.1, 0.1], [0.5, 0.5]];
        let errors = [[2.0, 1.5, 3.0], [1.9, 2.4, 4.0], [2.3, 2.5, 4.2], [2.1, 1.6, 3.9]];
        let found = measured([farther, office, office], errors);
        assert_eq!(
            verdicts(&found),
            // Nearest to T1 is two, which is best there too; theta-1: MMD T2 < T1 = T3 in the order given.
            [
                Verdict::Holds,
                Verdict::Holds,
                Verdict::Holds,
                Verdict::HoldsInPart,
                Verdict::DoesNotHold
            ]
        );
        // One layout of T1 is nearer to one, one to two (and to three, as near).
        let shares = ["one", "two"].map(|environment| found.share_nearest(environment, "t1"));
        assert!(shares.iter().all(|share| (share - 0.5).abs() < 1e-12), "{shares:?}");
    }
}

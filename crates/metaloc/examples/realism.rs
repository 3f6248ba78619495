//! How like real surveys simulated ones are: statistics of channel state information, side by side.
//!
//! `METALOC_DATA=DATA cargo run --release -p metaloc --example realism -- FOLDER` prints the table of
//! docs/simulator.md and draws its curves into the folder, which must exist.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use metaloc::Error;
use metaloc::meta::seed::{Purpose, stream};
use metaloc::radio::fingerprint::CsiSpectrum;
use metaloc::radio::preprocess::{CsiConfig, CsiWindow, GainControl};
use metaloc::report::{CurvePlot, Series, svg_to_png};
use metaloc::survey::{Environment, Survey, SurveyFormat};
use rand::seq::SliceRandom;

/// Points of a task of the nearest-neighbour check, and tasks drawn.
const POINTS: usize = 8;
const TASKS: u64 = 200;
/// Images surveyed at each point.
const SUPPORT: usize = 3;
/// Lags of the curves: subcarriers of 312.5 kHz, and packets.
const LAGS: usize = 30;

/// A survey, and how it is cut.
struct Source {
    name: &'static str,
    survey: Survey,
    config: CsiConfig,
    /// Sets that are surveyed, and sets that are located; the first and the last of those in order.
    first: usize,
    after: usize,
}

/// A point's window, by day and whether it is of the surveyed sets.
struct Cut {
    day: usize,
    point: String,
    is_first: bool,
    window: CsiWindow,
    /// Level of each packet as the chip scaled it (dB).
    levels_db: Vec<f64>,
}

#[derive(Default)]
struct Mean(f64, f64);

impl Mean {
    fn add(&mut self, x: f64) {
        if x.is_finite() {
            *self = Self(self.0 + x, self.1 + 1.0);
        }
    }

    fn value(&self) -> f64 {
        self.0 / self.1
    }
}

fn mean(x: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = x.len() as f64;
    x.sum::<f64>() / n
}

fn deviation(x: &[f64]) -> f64 {
    let m = mean(x.iter().copied());
    mean(x.iter().map(|x| (x - m).powi(2))).sqrt()
}

/// All windows of a survey; gain control off for the levels, each packet of each antenna at power 1 for the rest.
fn cut(source: &Source) -> Result<Vec<Cut>, Error> {
    let even = CsiConfig { gain_control: GainControl::Antenna, ..source.config.clone() };
    let mut cuts = Vec::new();
    for (day, environment) in source.survey.environments.iter().enumerate() {
        let sets = sets(environment);
        let surveyed: Vec<&String> = sets.iter().take(source.first).collect();
        let located: Vec<&String> = sets.iter().skip(source.after).collect();
        for sample in &environment.samples {
            let Some(csi) = &sample.csi else { continue };
            let set = sample.set.to_string();
            let is_first = surveyed.contains(&&set);
            if !is_first && !located.contains(&&set) {
                continue;
            }
            let (windows, _) = even.windows(&csi.recording)?;
            let (raw, _) = source.config.windows(&csi.recording)?;
            // One access point stands for one place.
            let access_point = source.survey.access_points.name(csi.access_point);
            let point = format!("{} {access_point}", environment.points[sample.point as usize].id);
            for (window, raw) in windows.into_iter().zip(raw) {
                let [packets, subcarriers, streams] = raw.shape();
                let rows = raw.values.chunks_exact(subcarriers * streams).take(packets);
                let level = |row: &[f32]| {
                    let power: f32 = row.iter().map(|a| a * a).sum();
                    10.0 * f64::from(power / row.len() as f32).log10()
                };
                let levels_db = rows.map(level).collect();
                cuts.push(Cut { day, point: point.clone(), is_first, window, levels_db });
            }
        }
    }
    Ok(cuts)
}

fn sets(environment: &Environment) -> Vec<String> {
    let mut sets: Vec<String> = environment.samples.iter().map(|s| s.set.to_string()).collect();
    sets.sort_unstable();
    sets.dedup();
    sets
}

/// What a source's frames are like.
struct Statistics {
    over_frequency: Mean,
    over_time: Mean,
    level_steps: Mean,
    frequency: Vec<Mean>,
    time: Vec<Mean>,
}

fn statistics(source: &Source, cuts: &[Cut]) -> Statistics {
    let curve = || (0..=LAGS).map(|_| Mean::default()).collect();
    let mut all = Statistics {
        over_frequency: Mean::default(),
        over_time: Mean::default(),
        level_steps: Mean::default(),
        frequency: curve(),
        time: curve(),
    };
    let first = source.survey.environments[0].samples.iter().find_map(|s| s.csi.as_ref());
    let recording = &first.expect("a survey with CSI").recording;
    let numbers: Vec<i16> = (0..).map_while(|place| recording.subcarriers.at(place)).collect();
    // The default selection keeps the 52 of a whole channel, all of Intel's.
    let kept = |k: &&i16| numbers.len() == 30 || (1..=26).contains(&k.abs());
    let numbers: Vec<i16> = numbers.iter().filter(kept).copied().collect();
    for cut in cuts {
        all.level_steps.add(deviation(&cut.levels_db));
        let [packets, subcarriers, streams] = cut.window.shape();
        let at = |t: usize, k: usize, s: usize| {
            f64::from(cut.window.values[(t * subcarriers + k) * streams + s])
        };
        for s in 0..streams {
            let profile: Vec<f64> =
                (0..subcarriers).map(|k| mean((0..packets).map(|t| at(t, k, s)))).collect();
            let level = mean(profile.iter().copied());
            all.over_frequency.add(deviation(&profile) / level);
            let centred: Vec<f64> = profile.iter().map(|a| a - level).collect();
            let power = mean(centred.iter().map(|a| a * a));
            for (i, a) in centred.iter().enumerate() {
                for (j, b) in centred.iter().enumerate().skip(i) {
                    let lag = (numbers[j] - numbers[i]) as usize;
                    if lag <= LAGS {
                        all.frequency[lag].add(a * b / power);
                    }
                }
            }
            for (k, m) in profile.iter().enumerate() {
                let rest: Vec<f64> = (0..packets).map(|t| at(t, k, s) - m).collect();
                let power = mean(rest.iter().map(|a| a * a));
                all.over_time.add(power.sqrt() / m);
                for lag in 0..=LAGS.min(packets - 1) {
                    let pairs = rest[..packets - lag].iter().zip(&rest[lag..]);
                    all.time[lag].add(mean(pairs.map(|(a, b)| a * b)) / power);
                }
            }
        }
    }
    all
}

/// Of each point: surveyed and later mean spectra.
type Spectra<'a> = BTreeMap<&'a str, [Vec<Vec<f32>>; 2]>;

/// Share of later windows whose nearest surveyed window (mean spectrum) is of the same point, among
/// points drawn at random: surveyed and located on the same day, and on different ones.
fn nearest(cuts: &[Cut]) -> (f64, f64) {
    let spectrum = CsiSpectrum { deviation: false };
    let mut by_day: BTreeMap<usize, Spectra<'_>> = BTreeMap::new();
    for cut in cuts {
        let lists = by_day.entry(cut.day).or_default().entry(&cut.point).or_default();
        lists[usize::from(!cut.is_first)].push(spectrum.fingerprint(&cut.window));
    }
    let days: Vec<usize> = by_day.keys().copied().collect();
    let (mut same, mut other) = (Mean::default(), Mean::default());
    for task in 0..TASKS {
        let mut rng = stream(1, Purpose::Selection, task, 0);
        for (i, &surveyed) in days.iter().enumerate() {
            let located = days[(i + 1 + task as usize % (days.len().max(2) - 1)) % days.len()];
            for (day, score) in [(surveyed, &mut same), (located, &mut other)] {
                let usable =
                    |p: &&&str| by_day[&day].get(**p).is_some_and(|lists| !lists[1].is_empty());
                let mut points: Vec<&&str> = by_day[&surveyed].keys().filter(usable).collect();
                points.shuffle(&mut rng);
                points.truncate(POINTS);
                if points.len() < POINTS {
                    continue;
                }
                hits(&by_day[&surveyed], &by_day[&day], &points, score);
            }
        }
    }
    let between = if days.len() > 1 { other.value() } else { f64::NAN };
    (same.value(), between)
}

fn hits(surveyed: &Spectra<'_>, located: &Spectra<'_>, points: &[&&str], score: &mut Mean) {
    let distance =
        |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum() };
    for truth in points {
        for query in located[**truth][1].iter().take(4) {
            let best = points
                .iter()
                .flat_map(|p| {
                    surveyed[**p][0].iter().take(SUPPORT).map(move |s| (p, distance(s, query)))
                })
                .min_by(|a, b| a.1.total_cmp(&b.1));
            score.add(f64::from(u8::from(best.is_some_and(|(p, _)| p == truth))));
        }
    }
}

fn sources(data: &Path) -> Result<Vec<Source>, Error> {
    let load = |format: SurveyFormat, path: PathBuf, only: Option<&[&str]>| {
        let only = only.map(|names| names.iter().map(|n| (*n).to_owned()).collect());
        format.load(&path, None, only)
    };
    let scenario = |name: &str| load(SurveyFormat::Scenario, PathBuf::from(name), None);
    let plain = CsiConfig::default;
    let days = ["d07", "d10", "d17", "d22"];
    Ok(vec![
        Source {
            name: "simulated hall",
            survey: scenario("scenarios/paper-hall.toml")?,
            config: plain(),
            first: 1,
            after: 1,
        },
        Source {
            name: "simulated lab",
            survey: scenario("scenarios/paper-lab.toml")?,
            config: plain(),
            first: 1,
            after: 1,
        },
        Source {
            name: "PolyU room (Intel 5300)",
            survey: load(SurveyFormat::PolyU, data.join("polyu_intel5300"), Some(&days))?,
            config: CsiConfig { transmit: Some(vec![0]), ..plain() },
            first: 2,
            after: 2,
        },
        Source {
            name: "CSU paths (BCM43455c0)",
            survey: load(SurveyFormat::Csu, data.join("csu_nexmon"), None)?,
            config: plain(),
            first: 3,
            after: 6,
        },
    ])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = PathBuf::from(std::env::args().nth(1).ok_or("usage: realism FOLDER")?);
    let data = PathBuf::from(std::env::var("METALOC_DATA")?);
    let (mut frequency, mut time) = (Vec::new(), Vec::new());
    println!("| | over subcarriers | over packets | level | same day | other day |");
    println!("|---|---|---|---|---|---|");
    for source in sources(&data)? {
        let cuts = cut(&source)?;
        let found = statistics(&source, &cuts);
        let days_apart = source.name != "CSU paths (BCM43455c0)";
        let (same, other) = nearest(&cuts);
        let other = if days_apart { format!("{other:.2}") } else { "none".into() };
        println!(
            "| {} | {:.2} | {:.3} | {:.2} dB | {same:.2} | {other} |",
            source.name,
            found.over_frequency.value(),
            found.over_time.value(),
            found.level_steps.value()
        );
        let series = |curve: &[Mean]| {
            let known = curve.iter().enumerate().filter(|(_, m)| m.1 > 0.0);
            Series::new(source.name, known.map(|(lag, m)| (lag as f64, m.value())).collect())
        };
        frequency.push(series(&found.frequency));
        time.push(series(&found.time));
    }
    let plots = [
        ("realism-frequency", "Amplitudes over subcarriers", "subcarriers apart", frequency),
        ("realism-time", "Amplitudes over packets", "packets apart", time),
    ];
    for (name, title, x_label, series) in plots {
        let plot = CurvePlot {
            title: title.into(),
            x_label: x_label.into(),
            y_label: "correlation".into(),
            series,
        };
        std::fs::write(out.join(format!("{name}.png")), svg_to_png(&plot.to_svg()?, 2.0)?)?;
    }
    Ok(())
}

//! How like real surveys simulated ones are: received strengths against distance, side by side.
//!
//! `METALOC_DATA=DATA cargo run --release -p metaloc --example realism_rss -- FOLDER` prints the tables of
//! docs/simulator.md and draws its curves into the folder, which must exist.
//!
//! Real surveys do not say where their access points are. So each is placed where a log-distance curve fits
//! best, `P = a - 10 n log10(d)`, and the simulated ones are treated as if theirs were unknown too.
#![allow(clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use metaloc::Error;
use metaloc::radio::signal::AccessPointId;
use metaloc::report::{CurvePlot, Series, svg_to_png};
use metaloc::simulate::Simulation;
use metaloc::survey::{Environment, Survey, SurveyFormat};

/// Fewest points of a floor that must hear an access point to have it fitted.
const FEWEST_POINTS: usize = 15;
/// Places searched beyond the points' bounding box (m), and the steps of the search (m).
const BEYOND_M: f64 = 15.0;
const STEPS_M: [f64; 3] = [2.0, 0.5, 0.1];
/// Height of access points above devices (m), on any floor; and the least distance (m).
const HEIGHT_M: f64 = 1.5;
const LEAST_M: f64 = 1.0;
/// What the curves are relative to: the fitted strength at this distance (m).
const REFERENCE_M: f64 = 5.0;
/// Bins of the curves in a doubling of the distance, and fewest points in one.
const BINS: f64 = 2.0;
const FEWEST_IN_BIN: usize = 30;
/// Share of a floor's points that hear an access point whose strengths are hardly cut off by silence.
const EVERYWHERE: f64 = 0.9;
/// Readings that a group of repeats must have.
const FEWEST_REPEATS: usize = 4;

/// A curve, a name and which environments and floors it takes.
struct Source {
    name: &'static str,
    curve: &'static str,
    survey: Survey,
    /// Where access points are, if known.
    places: BTreeMap<AccessPointId, (f64, f64)>,
}

/// One access point on one floor: points that hear it, `(x, y, mean strength)`.
type Heard = Vec<(f64, f64, f64)>;

/// A fitted access point.
#[derive(Clone, Copy)]
struct Fit {
    at: (f64, f64),
    level_dbm: f64,
    exponent: f64,
    residual: f64,
}

/// What the floors of a source are like.
#[derive(Default)]
struct Statistics {
    floors: usize,
    points: usize,
    area_m2: f64,
    exponents: Vec<f64>,
    deviations_db: Vec<f64>,
    /// Deviations (dB) of those heard at nearly all points.
    everywhere_db: Vec<f64>,
    /// Exponents of those placed between the points.
    inside: Vec<f64>,
    /// Exponents and deviations (dB) at the places where they are, where that is known.
    true_exponents: Vec<f64>,
    true_deviations_db: Vec<f64>,
    /// Within points: deviation of repeats (dB), by access point, point, device and set.
    repeats_db: Vec<f64>,
    heard_by_scan: Vec<f64>,
    readings_dbm: Vec<f64>,
    /// Of those placed between the points: distance to the place (m), and strength less the fit at the reference distance (dB).
    profile: Vec<(f64, f64)>,
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

fn distance_m((x, y): (f64, f64), at: (f64, f64)) -> f64 {
    (x - at.0).hypot(y - at.1).hypot(HEIGHT_M).max(LEAST_M)
}

/// The best curve for an access point at `at`, by least squares.
fn fit_at(heard: &Heard, at: (f64, f64)) -> Fit {
    let n = heard.len() as f64;
    let (mut sx, mut sy, mut sxx, mut sxy, mut syy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for &(px, py, dbm) in heard {
        let x = -10.0 * distance_m((px, py), at).log10();
        sx += x;
        sy += dbm;
        sxx += x * x;
        sxy += x * dbm;
        syy += dbm * dbm;
    }
    let (varied, together) = (sxx - sx * sx / n, sxy - sx * sy / n);
    let exponent = if varied > 1e-9 { together / varied } else { 0.0 };
    let residual = (syy - sy * sy / n - exponent * together).max(0.0);
    Fit { at, level_dbm: (sy - exponent * sx) / n, exponent, residual }
}

/// The best place on a grid, made finer around the best so far. A curve that rises with distance is none.
fn fit(heard: &Heard, [left, bottom, right, top]: [f64; 4]) -> Option<Fit> {
    let mut middle = ((left + right) / 2.0, (bottom + top) / 2.0);
    let mut half = ((right - left) / 2.0, (top - bottom) / 2.0);
    let mut best: Option<Fit> = None;
    for step in STEPS_M {
        let (nx, ny) = ((half.0 / step).ceil() as i32, (half.1 / step).ceil() as i32);
        for i in -nx..=nx {
            for j in -ny..=ny {
                let at = (middle.0 + f64::from(i) * step, middle.1 + f64::from(j) * step);
                let found = fit_at(heard, at);
                if found.exponent > 0.0 && best.is_none_or(|best| found.residual < best.residual) {
                    best = Some(found);
                }
            }
        }
        middle = best?.at;
        half = (2.0 * step, 2.0 * step);
    }
    best
}

impl Statistics {
    /// Adds one floor of an environment.
    fn add(
        &mut self,
        environment: &Environment,
        floor: i32,
        known: &BTreeMap<AccessPointId, (f64, f64)>,
    ) {
        let mut groups: BTreeMap<(AccessPointId, u32, Option<u16>, &str), Vec<f64>> =
            BTreeMap::new();
        let on_floor = |s: &&metaloc::survey::Sample| environment.position(s).floor == floor;
        for sample in environment.samples.iter().filter(on_floor).filter(|s| !s.scan.is_empty()) {
            self.heard_by_scan.push(sample.scan.len() as f64);
            for &(id, dbm) in sample.scan.readings() {
                let key = (id, sample.point, sample.device, &*sample.set);
                groups.entry(key).or_default().push(f64::from(dbm));
            }
        }
        let mut places: BTreeMap<AccessPointId, BTreeMap<[u64; 2], Vec<f64>>> = BTreeMap::new();
        for ((id, point, ..), readings) in groups {
            if readings.len() >= FEWEST_REPEATS {
                self.repeats_db.push(deviation(&readings));
            }
            self.readings_dbm.extend(&readings);
            let at = environment.points[point as usize].position;
            let place = [at.x_m.to_bits(), at.y_m.to_bits()];
            places.entry(id).or_default().entry(place).or_default().extend(readings);
        }
        let xy = |place: &[u64; 2]| (f64::from_bits(place[0]), f64::from_bits(place[1]));
        let all: BTreeSet<[u64; 2]> = places.values().flat_map(|p| p.keys().copied()).collect();
        let edges = box_around(all.iter().map(xy));
        self.floors += 1;
        self.points += all.len();
        self.area_m2 += (edges[2] - edges[0]) * (edges[3] - edges[1]);
        for (id, points) in places.into_iter().filter(|(_, p)| p.len() >= FEWEST_POINTS) {
            let heard = points.iter().map(|(place, dbm)| (xy(place).0, xy(place).1, mean(dbm)));
            self.add_fit(&heard.collect(), (edges, all.len()), known.get(&id));
        }
    }

    fn add_fit(
        &mut self,
        heard: &Heard,
        (edges, n_points): ([f64; 4], usize),
        known: Option<&(f64, f64)>,
    ) {
        let [left, bottom, right, top] = edges;
        let wide = [left - BEYOND_M, bottom - BEYOND_M, right + BEYOND_M, top + BEYOND_M];
        let Some(fit) = fit(heard, wide) else { return };
        let n = heard.len() as f64;
        self.exponents.push(fit.exponent);
        // Four numbers were fitted: place, level and exponent.
        self.deviations_db.push((fit.residual / (n - 4.0)).sqrt());
        if n >= EVERYWHERE * n_points as f64 {
            self.everywhere_db.push((fit.residual / (n - 4.0)).sqrt());
        }
        if let Some(&at) = known {
            let fit = fit_at(heard, at);
            self.true_exponents.push(fit.exponent);
            self.true_deviations_db.push((fit.residual / (n - 2.0)).sqrt());
        }
        if (left..=right).contains(&fit.at.0) && (bottom..=top).contains(&fit.at.1) {
            self.inside.push(fit.exponent);
            let reference = fit.level_dbm - 10.0 * fit.exponent * REFERENCE_M.log10();
            let of = |&(x, y, dbm): &(f64, f64, f64)| (distance_m((x, y), fit.at), dbm - reference);
            self.profile.extend(heard.iter().map(of));
        }
    }

    /// Prints a row of the first table, and gives one of the second.
    fn line(&mut self, name: &str) -> String {
        let fits = self.exponents.len();
        let inside = self.inside.len();
        println!(
            "| {name} | {} | {:.0} | {fits} | {} | {inside} | {} | {} | {} | {} |",
            self.points / self.floors,
            self.area_m2 / self.floors as f64,
            quartiles(&mut self.exponents, 1),
            quartiles(&mut self.inside, 1),
            quartiles(&mut self.deviations_db, 1),
            self.everywhere_db.len(),
            quartiles(&mut self.everywhere_db, 1),
        );
        let mut line = format!("| {name} | {} |", quartiles(&mut self.repeats_db, 1));
        line += &format!(" {} |", quartiles(&mut self.heard_by_scan, 0));
        line += &format!(" {} |", levels(&mut self.readings_dbm));
        line += &match self.true_exponents.is_empty() {
            true => " unknown | unknown |".to_owned(),
            false => format!(
                " {} | {} |",
                quartiles(&mut self.true_exponents, 1),
                quartiles(&mut self.true_deviations_db, 1)
            ),
        };
        line
    }

    /// Mean strength by distance.
    fn curve(&self) -> Vec<(f64, f64)> {
        let mut bins: BTreeMap<i32, Vec<(f64, f64)>> = BTreeMap::new();
        for &(d, db) in &self.profile {
            let bin = (BINS * d.log2()).round() as i32;
            bins.entry(bin).or_default().push((d.log10(), db));
        }
        let full = bins.into_values().filter(|points| points.len() >= FEWEST_IN_BIN);
        full.map(|points| {
            let (x, y): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
            (mean(&x), mean(&y))
        })
        .collect()
    }
}

fn deviation(x: &[f64]) -> f64 {
    let m = mean(x);
    (x.iter().map(|x| (x - m).powi(2)).sum::<f64>() / (x.len() as f64 - 1.0)).sqrt()
}

/// Left, bottom, right and top.
fn box_around(points: impl Iterator<Item = (f64, f64)>) -> [f64; 4] {
    let start = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    points.fold(start, |[l, b, r, t], (x, y)| [l.min(x), b.min(y), r.max(x), t.max(y)])
}

/// A quantile of sorted numbers.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = (share * (sorted.len().max(1) - 1) as f64).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

fn quartiles(x: &mut [f64], digits: usize) -> String {
    if x.is_empty() {
        return "none".into();
    }
    x.sort_by(f64::total_cmp);
    let [low, middle, high] = [0.25, 0.5, 0.75].map(|share| quantile(x, share));
    format!("{middle:.digits$} ({low:.digits$}..{high:.digits$})")
}

fn levels(x: &mut [f64]) -> String {
    x.sort_by(f64::total_cmp);
    let [low, middle, high] = [0.05, 0.5, 0.95].map(|share| quantile(x, share));
    format!("{middle:.0} ({low:.0}..{high:.0})")
}

/// Where a campaign's access points are.
fn places(path: &Path, survey: &Survey) -> Result<BTreeMap<AccessPointId, (f64, f64)>, Error> {
    let Simulation::Campaign(campaign) = Simulation::read(path, None)? else {
        return Ok(BTreeMap::new());
    };
    let mut places = BTreeMap::new();
    for (place, day) in campaign.days() {
        let name = &campaign.environment_name((place, day));
        let name = name.split('-').next().unwrap_or(name);
        for access_point in &campaign.plan((place, day)).access_points {
            let id = survey.access_points.find(&format!("{name}-{}", access_point.name));
            places.extend(id.map(|id| (id, (access_point.at[0], access_point.at[1]))));
        }
    }
    Ok(places)
}

fn sources(data: &Path) -> Result<Vec<Source>, Error> {
    let load =
        |name, curve, format: SurveyFormat, path: PathBuf, by: Option<&str>, only: &[&str]| {
            let names = only.iter().map(|&n| n.to_owned()).collect();
            let survey = format.load(&path, by, (!only.is_empty()).then_some(names))?;
            Ok::<_, Error>(Source { name, curve, survey, places: BTreeMap::new() })
        };
    let library = |name, month| {
        let path = data.join("uji_library_longterm");
        load(name, "UJI library", SurveyFormat::UjiLibrary, path, Some("month"), &[month])
    };
    let floors = |name, floor| {
        let path = data.join("ujiindoorloc");
        load(name, "UJIIndoorLoc", SurveyFormat::UjiIndoorLoc, path, Some("floor"), &[floor])
    };
    let traced = |name, place| {
        let path = PathBuf::from("scenarios/ray-traced-six.toml");
        let mut source =
            load(name, "S1 to S6", SurveyFormat::Scenario, path.clone(), None, &[place])?;
        source.places = places(&path, &source.survey)?;
        Ok::<_, Error>(source)
    };
    let rooms = |name, file: &str| {
        load(name, "path loss", SurveyFormat::Scenario, PathBuf::from(file), None, &[])
    };
    Ok(vec![
        library("UJI library, month 01", "01")?,
        library("UJI library, month 13", "13")?,
        floors("UJIIndoorLoc b0-f1", "b0-f1")?,
        floors("UJIIndoorLoc b2-f3", "b2-f3")?,
        traced("S1", "s1-day")?,
        traced("S2", "s2-day")?,
        traced("S3", "s3-day")?,
        traced("S4", "s4-day")?,
        traced("S5", "s5-day")?,
        traced("S6", "s6-day")?,
        rooms("offices", "scenarios/offices.toml")?,
        rooms("twelve rooms", "scenarios/path-loss-twelve.toml")?,
    ])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = PathBuf::from(std::env::args().nth(1).ok_or("usage: realism_rss FOLDER")?);
    let data = PathBuf::from(std::env::var("METALOC_DATA")?);
    let mut curves: Vec<(&str, Statistics)> = Vec::new();
    println!(
        "| | points | box m2 | fitted | exponent n | placed inside | their n | about the fit dB | heard everywhere | about the fit dB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let mut lines = vec![
        "| | repeats dB | heard in a scan | level dBm | true places: n | about the fit dB |".into(),
        "|---|---|---|---|---|---|".to_owned(),
    ];
    let mut hashes = Vec::new();
    for source in sources(&data)? {
        hashes.push(format!("{}: {}", source.name, source.survey.content_hash()));
        let apart = source.curve == "UJI library";
        let mut all = Statistics::default();
        // A floor with a stray point is none.
        let floors = |e: &Environment| {
            let points =
                |floor: &i32| e.points.iter().filter(|p| p.position.floor == *floor).count();
            let floors = e.floors().into_iter().filter(|floor| points(floor) >= FEWEST_POINTS);
            floors.collect::<Vec<_>>()
        };
        for environment in &source.survey.environments {
            for floor in floors(environment) {
                all.add(environment, floor, &source.places);
                if apart {
                    lines.push(all.line(&format!("{}, floor {floor}", source.name)));
                    curves.push((source.curve, std::mem::take(&mut all)));
                }
            }
        }
        if !apart {
            lines.push(all.line(source.name));
            curves.push((source.curve, all));
        }
    }
    println!("\n{}\n\n{}", lines.join("\n"), hashes.join("\n"));
    draw(curves, &out)
}

fn draw(curves: Vec<(&str, Statistics)>, out: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut series: Vec<(&str, Statistics)> = Vec::new();
    for (label, more) in curves {
        match series.iter_mut().find(|(of, _)| *of == label) {
            Some((_, all)) => all.profile.extend(more.profile),
            None => series.push((label, more)),
        }
    }
    let plot = CurvePlot {
        title: "Mean strength against distance to the fitted access point".into(),
        x_label: "log10 of the distance [m]".into(),
        y_label: format!("less the fit at {REFERENCE_M} m [dB]"),
        series: series.iter().map(|(label, all)| Series::new(*label, all.curve())).collect(),
    };
    std::fs::write(out.join("realism-rss.png"), svg_to_png(&plot.to_svg()?, 1.5)?)?;
    Ok(())
}

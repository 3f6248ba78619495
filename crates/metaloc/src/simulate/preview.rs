//! Pictures of what a simulation would measure: the plan with its access points and survey points, over a map of
//! the strongest access point's level.

use std::path::Path;

use metaloc_meta::seed::{Purpose, stream};
use metaloc_radio::channel::ray::{Diffraction, Scene, Tracer, TracerConfig, power_gain_db};
use metaloc_radio::channel::{FloorPlan, Grid, Material, PlacedAccessPoint};
use metaloc_radio::geometry::Position;
use rayon::prelude::*;

use super::campaign::Campaign;
use super::{EnvironmentConfig, Layout, Scenario, Simulation};
use crate::error::Error;
use crate::report::{Coverage, PlanPlot, svg_to_png};
use crate::survey::{SurveyError, write_whole};

/// Cells along the longer side of a map, and fewer for what is slow to trace.
const CELLS: [usize; 3] = [60, 30, 15];
/// Most work of a map ([`TracerConfig::work`]): less than a minute or two on one core.
const MAP_WORK: u64 = 2_000_000_000;
/// Steps of the colour scale's ends (dB).
const LIMIT_STEP_DB: f64 = 5.0;
/// Shares of the cells below and above the ends of the colour scale.
const BEYOND: f64 = 0.02;
/// Ends of the colour scale of an empty map (dBm).
const EMPTY_LIMITS_DBM: (f64, f64) = (-90.0, -20.0);
const PNG_SCALE: f32 = 2.0;
/// Behind a place's name.
const TITLE: &str = "level of the strongest access point";

/// What was drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Names of the files in the folder.
    pub files: Vec<String>,
    /// Where a map is coarser than it would be, a sentence each.
    pub notes: Vec<String>,
}

/// A picture by its name.
type Picture = (String, String);

/// Draws each place, of a campaign on its first day, as SVG and PNG into a new folder.
///
/// # Errors
/// If the folder is there already or can't be written.
pub fn preview(simulation: &Simulation, folder: &Path) -> Result<Preview, Error> {
    check_place(folder)?;
    let mut notes = Vec::new();
    let pictures: Vec<Picture> = match simulation {
        Simulation::PathLoss(scenario) => path_loss_pictures(scenario)?,
        Simulation::Campaign(campaign) => campaign_pictures(campaign, &mut notes)?,
    };
    let mut files = Vec::new();
    write_whole(folder, |beside| {
        for (name, svg) in &pictures {
            let name = name.replace('/', "__");
            let png = svg_to_png(svg, PNG_SCALE).map_err(std::io::Error::other);
            for (kind, bytes) in [("svg", Ok(svg.clone().into_bytes())), ("png", png)] {
                let file = format!("{name}.{kind}");
                let path = beside.join(&file);
                let put = bytes.and_then(|bytes| std::fs::write(&path, bytes));
                put.map_err(|e| SurveyError::file(&path, e))?;
                files.push(file);
            }
        }
        Ok(())
    })?;
    Ok(Preview { files, notes })
}

/// Finds before any work what would keep the folder from being made.
fn check_place(folder: &Path) -> Result<(), Error> {
    if folder.symlink_metadata().is_ok() {
        return Err(Error::OutputExists(folder.to_owned()));
    }
    match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => {
            parent.read_dir().map(drop).map_err(|e| Error::file(folder, e))
        }
        _ => Ok(()),
    }
}

/// Centres of cells that cover the plan, and the map once each has its value.
struct Cells {
    coverage: Coverage,
    height_m: f64,
}

impl Cells {
    fn over(plan: &FloorPlan, cells: usize) -> Self {
        let [low, high] = plan.extent();
        let size = [high[0] - low[0], high[1] - low[1]];
        let cell_m = size[0].max(size[1]) / cells as f64;
        let [columns, rows] = size.map(|side| (side / cell_m).round().max(1.0) as usize);
        let coverage = Coverage {
            label: "strongest [dBm]".into(),
            origin: low,
            cell_m,
            values: vec![vec![None; rows]; columns],
            limits: EMPTY_LIMITS_DBM,
        };
        let height_m = plan.points().first().map_or(1.2, |point| point.at[2]);
        Self { coverage, height_m }
    }

    /// The map of a level (dBm) at x, y and height (m).
    fn map(mut self, level_dbm: impl Fn([f64; 3]) -> Option<f64> + Sync) -> Coverage {
        let Coverage { origin, cell_m, values, limits, .. } = &mut self.coverage;
        values.par_iter_mut().enumerate().for_each(|(column, values)| {
            for (row, value) in values.iter_mut().enumerate() {
                let middle = [column, row].map(|cell| (cell as f64 + 0.5) * *cell_m);
                *value = level_dbm([origin[0] + middle[0], origin[1] + middle[1], self.height_m]);
            }
        });
        *limits = limits_of(values.iter().flatten().copied().flatten());
        self.coverage
    }
}

/// Ends of the colour scale: steps around all values but a few.
fn limits_of(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    values.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| values.get((share * (values.len() as f64 - 1.0)).round() as usize);
    let (Some(low), Some(high)) = (at(BEYOND), at(1.0 - BEYOND)) else { return EMPTY_LIMITS_DBM };
    let low = (low / LIMIT_STEP_DB).floor() * LIMIT_STEP_DB;
    let high = (high / LIMIT_STEP_DB).ceil() * LIMIT_STEP_DB;
    (low, high.max(low + LIMIT_STEP_DB))
}

fn campaign_pictures(campaign: &Campaign, notes: &mut Vec<String>) -> Result<Vec<Picture>, Error> {
    let first_days = campaign.days().filter(|(_, day)| *day == 0);
    let picture = |(place, day)| {
        let plan = campaign.plan((place, day));
        let name = &campaign.config.places[place].name;
        let (coverage, note) = coverage(campaign, plan)?;
        notes.extend(note.map(|note| format!("{name}: {note}")));
        let title = format!("{name}: {TITLE}");
        let svg = PlanPlot { title, plan, coverage: Some(coverage) }.to_svg()?;
        Ok((name.clone(), svg))
    };
    first_days.map(picture).collect()
}

/// The tracer's settings and the number of cells that a map is quick with: coarser first, then with fewer
/// reflections, at last without diffraction.
fn quick_enough(asked: TracerConfig, n_faces: usize, n_senders: usize) -> (TracerConfig, usize) {
    let orders = (0..=asked.max_reflections).rev();
    let of_order = |max_reflections| TracerConfig { max_reflections, ..asked };
    let tries = orders.map(of_order).flat_map(|config| CELLS.map(|cells| (config, cells)));
    let is_quick = |(config, cells): &(TracerConfig, usize)| {
        config.work(n_faces, n_senders, cells * cells) <= MAP_WORK
    };
    let bare = TracerConfig { max_reflections: 0, diffraction: Diffraction::None, ..asked };
    tries.into_iter().find(is_quick).unwrap_or((bare, CELLS[2]))
}

/// What a receiver gets from the strongest access point by the traced paths alone: no people, no clutter. Says so
/// where it is coarse.
fn coverage(campaign: &Campaign, plan: &FloorPlan) -> Result<(Coverage, Option<String>), Error> {
    let asked = campaign.config.tracer();
    let scene = Scene::new(plan.faces())?;
    let (config, cells) = quick_enough(asked, scene.faces().len(), plan.access_points.len());
    let note = ((config, cells) != (asked, CELLS[0])).then(|| {
        let bent = if config.diffraction == asked.diffraction { "" } else { ", no diffraction" };
        let order = config.max_reflections;
        format!("the map is coarse, to be quick: {cells} cells, {order} reflections{bent}")
    });
    let tracer = Tracer::new(scene, config)?;
    let senders: Vec<_> =
        plan.access_points.iter().map(|sender| tracer.images(sender.at)).collect();
    let obstacles = plan.obstacles();
    let radio = campaign.config.radio;
    let bandwidth_hz = f64::from(radio.bandwidth_mhz) * 1e6;
    let map = Cells::over(plan, cells).map(|at| {
        if !obstacles.is_inside([at[0], at[1]]) {
            return None;
        }
        let gain_db =
            |images| power_gain_db(&tracer.paths(images, at), config.frequency_hz, bandwidth_hz);
        let best_db = senders.iter().map(gain_db).fold(f64::NEG_INFINITY, f64::max);
        Some(radio.transmit_power_dbm + best_db)
    });
    Ok((map, note))
}

fn path_loss_pictures(scenario: &Scenario) -> Result<Vec<Picture>, Error> {
    let picture = |index: usize| {
        let environment = &scenario.environments[index];
        let layout = scenario.layout(index);
        let plan = room(environment, &layout);
        let coverage = Cells::over(&plan, CELLS[0]).map(|[x, y, _]| {
            // Each cell has dice of its own, for models that draw lines of sight.
            let cell = ((x * 1e3) as u64) << 32 | (y * 1e3) as u64;
            let mut rng = stream(scenario.seed, Purpose::Simulation, index as u64, cell);
            let position = Position::new(x, y, environment.floor);
            let links = layout.links(&position, &environment.channel, &mut rng);
            links.iter().map(|link| link.mean_dbm).max_by(f64::total_cmp)
        });
        let title = format!("{}: {TITLE}", environment.name);
        let svg = PlanPlot { title, plan: &plan, coverage: Some(coverage) }.to_svg()?;
        Ok((environment.name.clone(), svg))
    };
    (0..scenario.environments.len()).map(picture).collect()
}

/// A room without walls in it, as a plan to draw.
fn room(environment: &EnvironmentConfig, layout: &Layout) -> FloorPlan {
    let size = [environment.layout.width_m, environment.layout.depth_m];
    let mut plan = FloorPlan::room(&environment.name, size, Material::Brick);
    let count = size.map(|side| environment.cells(side) as usize);
    let step_m = [0, 1].map(|axis| size[axis] / count[axis] as f64);
    let origin = step_m.map(|step| step / 2.0);
    plan.grids.push(Grid { origin, step_m, count, height_m: 1.2 });
    let placed = |(index, at): (usize, &Position)| PlacedAccessPoint {
        name: format!("ap{:02}", index + 1),
        at: [at.x_m, at.y_m, 1.2],
    };
    plan.access_points = layout.access_points.iter().enumerate().map(placed).collect();
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_fits_the_map() {
        // Of 0, -1, ..., -100 the third from either end, outwards to fives.
        assert_eq!(limits_of((0..=100).map(|x| -f64::from(x))), (-100.0, 0.0));
        assert_eq!(limits_of((31..=131).map(|x| -f64::from(x))), (-130.0, -30.0));
        assert_eq!(limits_of([-40.0, f64::NEG_INFINITY].into_iter()), (-40.0, -35.0));
        assert_eq!(limits_of(std::iter::empty()), EMPTY_LIMITS_DBM);
    }

    #[test]
    fn maps_that_take_long_are_coarser_then_simpler() {
        let asked = TracerConfig { max_reflections: 2, ..TracerConfig::default() };
        assert_eq!(quick_enough(asked, 40, 3), (asked, 60));
        // (1 + N + N (N - 1) + 100 N) senders (cells + 1): 1.1e9 with 30 cells, 4.4e9 with 60.
        assert_eq!(quick_enough(asked, 200, 20), (asked, 30));
        let (config, cells) = quick_enough(asked, 4000, 20);
        assert_eq!((config.max_reflections, cells), (1, 15));
        let (config, cells) = quick_enough(asked, 100_000, 100);
        assert_eq!((config.diffraction, config.max_reflections, cells), (Diffraction::None, 0, 15));
    }

    #[test]
    fn the_place_is_looked_at_before_any_work() {
        let parent = tempfile::tempdir().unwrap();
        let message = |path: &Path| check_place(path).unwrap_err().to_string();
        assert!(message(parent.path()).contains("exists already"));
        assert!(message(&parent.path().join("no/pictures")).contains("No such file"));
        check_place(&parent.path().join("pictures")).unwrap();
    }
}

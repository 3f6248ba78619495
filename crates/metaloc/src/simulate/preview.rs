//! Pictures of what a simulation would measure: the plan with its access points and survey points, over a map of
//! the strongest access point's level.

use std::path::Path;

use metaloc_meta::seed::{Purpose, stream};
use metaloc_radio::channel::ray::{Scene, Tracer, power_gain_db};
use metaloc_radio::channel::{FloorPlan, Grid, Material, PlacedAccessPoint};
use metaloc_radio::geometry::Position;
use rayon::prelude::*;

use super::campaign::Campaign;
use super::{EnvironmentConfig, Layout, Scenario, Simulation};
use crate::error::Error;
use crate::report::{Coverage, PlanPlot, svg_to_png};
use crate::survey::{SurveyError, write_whole};

/// Cells along the longer side of a map.
const CELLS: f64 = 60.0;
/// Ends of the colour scale (dBm).
const LIMITS_DBM: (f64, f64) = (-90.0, -20.0);
const PNG_SCALE: f32 = 2.0;

/// Draws each place, of a campaign on its first day, as SVG and PNG into a new folder; the names of the files.
///
/// # Errors
/// If the folder is there already or can't be written, or tracing would take too long.
pub fn preview(simulation: &Simulation, folder: &Path) -> Result<Vec<String>, Error> {
    let pictures: Vec<(String, String)> = match simulation {
        Simulation::PathLoss(scenario) => path_loss_pictures(scenario)?,
        Simulation::Campaign(campaign) => campaign_pictures(campaign)?,
    };
    let mut names = Vec::new();
    write_whole(folder, |beside| {
        for (name, svg) in &pictures {
            let png = svg_to_png(svg, PNG_SCALE).map_err(std::io::Error::other);
            for (kind, bytes) in [("svg", Ok(svg.clone().into_bytes())), ("png", png)] {
                let file = format!("{name}.{kind}");
                let path = beside.join(&file);
                let put = bytes.and_then(|bytes| std::fs::write(&path, bytes));
                put.map_err(|e| SurveyError::file(&path, e))?;
                names.push(file);
            }
        }
        Ok(())
    })?;
    Ok(names)
}

/// Centres of cells that cover the plan, and the map once each has its value.
struct Cells {
    coverage: Coverage,
    height_m: f64,
}

impl Cells {
    fn over(plan: &FloorPlan) -> Self {
        let [low, high] = plan.extent();
        let size = [high[0] - low[0], high[1] - low[1]];
        let cell_m = size[0].max(size[1]) / CELLS;
        let [columns, rows] = size.map(|side| (side / cell_m).round().max(1.0) as usize);
        let coverage = Coverage {
            label: "strongest [dBm]".into(),
            origin: low,
            cell_m,
            values: vec![vec![None; rows]; columns],
            limits: LIMITS_DBM,
        };
        let height_m = plan.points().first().map_or(1.2, |point| point.at[2]);
        Self { coverage, height_m }
    }

    /// The map of a level (dBm) at x, y and height (m).
    fn map(mut self, level_dbm: impl Fn([f64; 3]) -> Option<f64> + Sync) -> Coverage {
        let Coverage { origin, cell_m, values, .. } = &mut self.coverage;
        values.par_iter_mut().enumerate().for_each(|(column, values)| {
            for (row, value) in values.iter_mut().enumerate() {
                let middle = [column, row].map(|cell| (cell as f64 + 0.5) * *cell_m);
                *value = level_dbm([origin[0] + middle[0], origin[1] + middle[1], self.height_m]);
            }
        });
        self.coverage
    }
}

fn campaign_pictures(campaign: &Campaign) -> Result<Vec<(String, String)>, Error> {
    let first_days = campaign.days().filter(|(_, day)| *day == 0);
    let picture = |(place, day)| {
        let plan = campaign.plan((place, day));
        let name = &campaign.config.places[place].name;
        let coverage = coverage(campaign, plan)?;
        let title = format!("{name}: access points and survey points");
        let svg = PlanPlot { title, plan, coverage: Some(coverage) }.to_svg()?;
        Ok((name.clone(), svg))
    };
    first_days.map(picture).collect()
}

/// What a receiver gets from the strongest access point by the traced paths alone: no people, no clutter.
fn coverage(campaign: &Campaign, plan: &FloorPlan) -> Result<Coverage, Error> {
    let config = campaign.config.tracer();
    let scene = Scene::new(plan.faces())?;
    let n_cells = (CELLS * CELLS) as usize;
    config.check_work(scene.faces().len(), plan.access_points.len(), n_cells)?;
    let tracer = Tracer::new(scene, config)?;
    let senders: Vec<_> =
        plan.access_points.iter().map(|sender| tracer.images(sender.at)).collect();
    let obstacles = plan.obstacles();
    let radio = campaign.config.radio;
    let bandwidth_hz = f64::from(radio.bandwidth_mhz) * 1e6;
    Ok(Cells::over(plan).map(|at| {
        if !obstacles.is_inside([at[0], at[1]]) {
            return None;
        }
        let gain_db =
            |images| power_gain_db(&tracer.paths(images, at), config.frequency_hz, bandwidth_hz);
        let best_db = senders.iter().map(gain_db).fold(f64::NEG_INFINITY, f64::max);
        Some(radio.transmit_power_dbm + best_db)
    }))
}

fn path_loss_pictures(scenario: &Scenario) -> Result<Vec<(String, String)>, Error> {
    let picture = |index: usize| {
        let environment = &scenario.environments[index];
        let layout = scenario.layout(index);
        let plan = room(environment, &layout);
        let coverage = Cells::over(&plan).map(|[x, y, _]| {
            // Each cell has dice of its own, for models that draw lines of sight.
            let cell = ((x * 1e3) as u64) << 32 | (y * 1e3) as u64;
            let mut rng = stream(scenario.seed, Purpose::Simulation, index as u64, cell);
            let position = Position::new(x, y, environment.floor);
            let links = layout.links(&position, &environment.channel, &mut rng);
            links.iter().map(|link| link.mean_dbm).max_by(f64::total_cmp)
        });
        let title = format!("{}: access points and survey points", environment.name);
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

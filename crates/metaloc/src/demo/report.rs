//! The demonstration's files: a page, its pictures, the rows, and what a user can go on with.

use super::{Demo, WALKER_AT};
use crate::error::Error;
use crate::evaluate::SummaryRow;
use crate::model_file;
use crate::report::{
    Bar, BarPlot, CdfPlot, Column, Curve, Estimate, Figure, FloorPlanPlot, Page, PlanPlot, Section,
    Table, csi_images, svg_to_png,
};
use crate::simulate::campaign::PaperPlace;
use metaloc_radio::fingerprint::PixelScale;

/// Pixels for one unit of a drawing.
const PNG_SCALE: f32 = 2.0;
/// Windows drawn on the floor plan; more would hide each other.
const DRAWN: usize = 60;
/// Points whose images are drawn, by their place among the survey's.
const IMAGES_OF: [usize; 2] = [0, 44];

impl Demo {
    /// Writes the report's files into `folder`, which must exist.
    ///
    /// # Errors
    /// [`Error::File`] if one can't be written.
    pub fn write(&self, folder: &std::path::Path) -> Result<(), Error> {
        let put = |name: &str, bytes: &[u8]| model_file::write_beside(&folder.join(name), bytes);
        let mut figures = Vec::new();
        for (name, svg, caption) in self.pictures()? {
            put(&format!("{name}.svg"), svg.as_bytes())?;
            put(&format!("{name}.png"), &svg_to_png(&svg, PNG_SCALE)?)?;
            figures.push(Figure::new(&svg, caption)?);
        }
        put("report.html", self.page(figures)?.to_html().as_bytes())?;
        put("rows.jsonl", json_lines(&self.evaluation.rows)?.as_bytes())?;
        put("protocol.toml", to_toml(&self.protocol)?.as_bytes())?;
        put("scenario.toml", to_toml(&self.campaign.config)?.as_bytes())?;
        for place in &self.campaign.config.places {
            let path = folder.join(&place.plan);
            let parent = path.parent().unwrap_or(folder);
            std::fs::create_dir_all(parent).map_err(|e| Error::file(parent, e))?;
            model_file::write_beside(&path, PaperPlace::Lab.plan_text().as_bytes())?;
        }
        put("walker.pcap", &self.campaign.capture((0, self.new_day()), WALKER_AT)?)?;
        model_file::write_meta(&self.model, &folder.join("start.model"))?;
        model_file::write_csi_site(&self.site, &folder.join("new-day.model"))
    }

    fn name(&self) -> &'static str {
        self.algorithm.name()
    }

    /// The last day.
    fn new_day(&self) -> usize {
        self.campaign.config.places[0].days.len() - 1
    }

    /// Each picture: file name, drawing, caption.
    fn pictures(&self) -> Result<Vec<(&'static str, String, String)>, Error> {
        let name = self.name();
        let plan = self.campaign.plan((0, 0));
        let title = "The lab, as on the first day".to_owned();
        let plan = PlanPlot { title, plan, coverage: None }.to_svg()?;
        Ok(vec![
            (
                "plan",
                plan,
                "The paper's lab with its 90 points and three access points at 5 GHz; between days, \
                 doors, furniture, people, devices and levels change."
                    .into(),
            ),
            (
                "images",
                self.images()?,
                "Channel amplitudes of the new day: 50 packets by 52 subcarriers from each access \
                 point, at two points."
                    .into(),
            ),
            ("mean-errors", self.mean_errors()?, "Mean error of each method.".into()),
            (
                "cdf",
                self.cdf()?,
                "Share of windows located within a distance; further left is better.".into(),
            ),
            (
                "floor-plan",
                self.floor_plan()?,
                format!(
                    "Where {DRAWN} of the new day's later windows were recorded, and where {name} \
                     put them after seeing three images at each point."
                ),
            ),
        ])
    }

    fn images(&self) -> Result<String, Error> {
        let all = &self.amplitudes.points;
        let points: Vec<_> = IMAGES_OF.iter().filter_map(|&index| all.get(index)).collect();
        Ok(csi_images(&self.amplitudes, &points, PixelScale::Historical)?)
    }

    fn mean_errors(&self) -> Result<String, Error> {
        let bar = |row: &SummaryRow| Bar {
            label: row.method.clone(),
            mean_m: row.mean_m,
            range_m: None,
            n: Some(row.pooled_n),
        };
        let plot = BarPlot {
            title: "A new day, three images at 90 points".into(),
            x_label: "mean localization error [m]".into(),
            bars: self.summary.iter().map(bar).collect(),
        };
        Ok(plot.to_svg()?)
    }

    fn cdf(&self) -> Result<String, Error> {
        let rows = self.evaluation.rows.iter();
        let curve = |row: &crate::evaluate::Row| Curve {
            label: row.method.clone(),
            errors_m: row.errors_m.clone(),
        };
        let plot = CdfPlot {
            title: "How far off, how often".into(),
            x_label: "localization error [m]".into(),
            curves: rows.map(curve).collect(),
            x_max: Some(9.0),
        };
        Ok(plot.to_svg()?)
    }

    fn floor_plan(&self) -> Result<String, Error> {
        let located = self.located.iter().filter_map(|(truth, estimate)| {
            let at = estimate.as_ref()?.position;
            Some(Estimate { truth: (truth.x_m, truth.y_m), estimate: (at.x_m, at.y_m) })
        });
        let step = self.located.len().div_ceil(DRAWN).max(1);
        let points = self.site.support.points.iter();
        let plan = self.campaign.plan((0, self.new_day()));
        let placed = plan.access_points.iter().map(|a| (a.at[0], a.at[1]));
        let plot = FloorPlanPlot {
            title: format!("{}: {} on the new day", self.site.support.environment, self.name()),
            reference_points: points.map(|p| (p.position.x_m, p.position.y_m)).collect(),
            access_points: placed.collect(),
            estimates: located.step_by(step).collect(),
            plan: Some(plan.clone()),
        };
        Ok(plot.to_svg()?)
    }

    fn page(&self, figures: Vec<Figure>) -> Result<Page, Error> {
        let of = |name: &str| self.summary.iter().find(|row| row.method == name);
        let mean = |name: &str| of(name).map_or(f64::NAN, |row| row.mean_m);
        let name = self.name();
        let lead = format!(
            "The paper's lab, simulated by ray tracing, was surveyed on three days; a fourth gave \
             three images of 50 packets at {} points. With them, {name} locates later windows with a \
             mean error of {:.2} m; nearest neighbours by histogram intersection, the paper's KNN, \
             have {:.2} m, the nearest mean spectrum {:.2} m, a network from random weights {:.2} m.",
            self.protocol.support.points[0],
            mean(name),
            mean("hi-knn"),
            mean("1nn"),
            mean("ri"),
        );
        let compared = Section::new("The methods side by side")
            .paragraph(
                "All methods see the same images and are asked about the same later windows, recorded \
                 on the day's second visit to each point. The best of each column is set in bold.",
            )
            .table(self.table());
        let drawn = figures.into_iter().fold(Section::new("Pictures"), Section::figure);
        let go_on = Section::new("Go on from here")
            .paragraph(format!(
                "This folder holds the trained start and the model adapted to the new day. Locate \
                 somebody who stands at {WALKER_AT} with"
            ))
            .commands("metaloc locate --model new-day.model walker.pcap")
            .paragraph("simulate the whole campaign into a survey folder with")
            .commands("metaloc simulate scenario.toml --out lab")
            .paragraph("and begin a survey of your own with")
            .commands("metaloc survey init my-building");
        let hash = self.evaluation.rows.first().map_or("", |row| row.data_hash.as_str());
        Ok(Page::new("MetaLoc: the demonstration")
            .lead(lead)
            .section(compared)
            .section(drawn)
            .section(go_on)
            .fact("seed", self.campaign.config.seed.to_string())
            .fact("data (SHA-256)", hash)
            .fact("MetaLoc", env!("CARGO_PKG_VERSION"))
            .fact("data", self.provenance.citation.clone())
            .configuration(to_toml(&self.protocol)?))
    }

    fn table(&self) -> Table {
        let columns = vec![
            Column::text("method"),
            Column::number("mean error [m]").lowest_is_best(),
            Column::number("median [m]").lowest_is_best(),
            Column::number("90th percentile [m]").lowest_is_best(),
            Column::number("right point").highest_is_best(),
            Column::number("windows"),
        ];
        let table = Table::new("Localization errors on the new day", columns);
        self.summary.iter().fold(table, |table, row| {
            table.row([
                row.method.clone(),
                format!("{:.2}", row.mean_m),
                format!("{:.2}", row.median_m),
                format!("{:.2}", row.p90_m),
                row.accuracy.map_or_else(String::new, |share| format!("{share:.3}")),
                row.pooled_n.to_string(),
            ])
        })
    }
}

fn json_lines<T: serde::Serialize>(rows: &[T]) -> Result<String, Error> {
    let lines = rows.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
    let lines = lines.map_err(|e| Error::usage(e.to_string()))?;
    Ok(lines.join("\n") + "\n")
}

fn to_toml<T: serde::Serialize>(value: &T) -> Result<String, Error> {
    toml::to_string(value).map_err(|e| Error::usage(e.to_string()))
}

//! The demonstration's files: a page, its pictures, the rows, and what a user can go on with.

use super::Demo;
use crate::error::Error;
use crate::evaluate::SummaryRow;
use crate::model_file;
use crate::report::{
    Bar, BarPlot, CdfPlot, Column, Curve, CurvePlot, Estimate, Figure, FloorPlanPlot, Page,
    Section, Series, Table, svg_to_png,
};

/// Pixels for one unit of a drawing.
const PNG_SCALE: f32 = 2.0;
/// Scans drawn on the floor plan; more would hide each other.
const DRAWN_SCANS: usize = 60;
/// Scans of the sample file for `metaloc locate`.
const SAMPLE_SCANS: usize = 5;

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
        put("scenario.toml", to_toml(&self.scenario)?.as_bytes())?;
        put("scans.jsonl", self.sample_scans()?.as_bytes())?;
        model_file::write_meta(&self.model, &folder.join("start.model"))?;
        model_file::write_site(&self.site, &folder.join("new-office.model"))
    }

    fn name(&self) -> &'static str {
        self.algorithm.name()
    }

    /// Each picture: file name, drawing, caption.
    fn pictures(&self) -> Result<Vec<(&'static str, String, String)>, Error> {
        let name = self.name();
        let mut pictures = vec![
            ("mean-errors", self.mean_errors()?, "Mean error of each method.".to_owned()),
            (
                "cdf",
                self.cdf()?,
                "Share of test scans located within a distance; further left is better.".to_owned(),
            ),
            (
                "floor-plan",
                self.floor_plan()?,
                format!(
                    "Where the first {DRAWN_SCANS} of the new building's test scans were taken, \
                     and where {name} put them after seeing three samples at each of the reference \
                     points."
                ),
            ),
        ];
        if !self.losses.is_empty() {
            let caption = format!(
                "Meta-training of {name} on the four historical buildings: mean loss of each \
                 iteration's tasks (a running mean over 25)."
            );
            pictures.push(("training", self.training()?, caption));
        }
        Ok(pictures)
    }

    fn mean_errors(&self) -> Result<String, Error> {
        let bar = |row: &SummaryRow| Bar {
            label: row.method.clone(),
            mean_m: row.mean_m,
            range_m: None,
            n: Some(row.pooled_n),
        };
        let plot = BarPlot {
            title: "A new building, three samples at 12 points".into(),
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
            x_max: Some(15.0),
        };
        Ok(plot.to_svg()?)
    }

    fn floor_plan(&self) -> Result<String, Error> {
        let located =
            self.scans.iter().zip(&self.estimates).filter_map(|((_, truth), estimate)| {
                let at = estimate.as_ref()?.position;
                Some(Estimate { truth: (truth.x_m, truth.y_m), estimate: (at.x_m, at.y_m) })
            });
        let points = self.site.radio_map().points().iter();
        let plot = FloorPlanPlot {
            title: format!("{}: {} on the new building", self.site.environment, self.name()),
            reference_points: points.map(|p| (p.position.x_m, p.position.y_m)).collect(),
            access_points: Vec::new(),
            estimates: located.take(DRAWN_SCANS).collect(),
        };
        Ok(plot.to_svg()?)
    }

    fn training(&self) -> Result<String, Error> {
        let window = 25.min(self.losses.len());
        let mean =
            |losses: &[f32]| losses.iter().map(|&l| f64::from(l)).sum::<f64>() / window as f64;
        let points =
            self.losses.windows(window).enumerate().map(|(i, l)| ((i + window) as f64, mean(l)));
        let plot = CurvePlot {
            title: "Meta-training".into(),
            x_label: "iteration".into(),
            y_label: "query loss [frame units]".into(),
            series: vec![Series { label: self.name().to_owned(), points: points.collect() }],
        };
        Ok(plot.to_svg()?)
    }

    fn page(&self, figures: Vec<Figure>) -> Result<Page, Error> {
        let of = |name: &str| self.summary.iter().find(|row| row.method == name);
        let mean = |name: &str| of(name).map_or(f64::NAN, |row| row.mean_m);
        let name = self.name();
        let lead = format!(
            "Four simulated buildings were surveyed; a fifth gave three samples at {} points. With \
             them, {name} locates with a mean error of {:.2} m; plain KNN on the same samples has \
             {:.2} m, power-weighted KNN {:.2} m, a network from random weights {:.2} m, and a \
             survey of the whole building {:.2} m.",
            self.protocol.support.points[0],
            mean(name),
            mean("knn-support"),
            mean("pwknn-support"),
            mean("ri"),
            mean("wknn-full"),
        );
        let compared = Section::new("The methods side by side")
            .paragraph(
                "All methods see the same samples and are asked about the same scans. The lowest \
                 mean is set in bold; wknn-full is the bound that a whole survey would give.",
            )
            .table(self.table());
        let drawn = figures.into_iter().fold(Section::new("Pictures"), Section::figure);
        let go_on = Section::new("Go on from here")
            .paragraph(
                "This folder holds the trained start and the model adapted to the new building. \
                 Locate five of its test scans with",
            )
            .commands("metaloc locate --model new-office.model scans.jsonl")
            .paragraph("and begin a survey of your own with")
            .commands("metaloc survey init my-building");
        let hash = self.evaluation.rows.first().map_or("", |row| row.data_hash.as_str());
        Ok(Page::new("MetaLoc: the demonstration")
            .lead(lead)
            .section(compared)
            .section(drawn)
            .section(go_on)
            .fact("seed", self.scenario.seed.to_string())
            .fact("data (SHA-256)", hash)
            .fact("MetaLoc", env!("CARGO_PKG_VERSION"))
            .fact("data", self.survey.provenance.citation.clone())
            .configuration(to_toml(&self.protocol)?))
    }

    fn table(&self) -> Table {
        let columns = vec![
            Column::text("method"),
            Column::number("mean error [m]").lowest_is_best(),
            Column::number("median [m]").lowest_is_best(),
            Column::number("90th percentile [m]").lowest_is_best(),
            Column::number("below 5 m").highest_is_best(),
            Column::number("scans"),
        ];
        let table = Table::new("Localization errors in the new building", columns);
        self.summary.iter().fold(table, |table, row| {
            table.row([
                row.method.clone(),
                format!("{:.2}", row.mean_m),
                format!("{:.2}", row.median_m),
                format!("{:.2}", row.p90_m),
                format!("{:.3}", row.p_below_5m),
                row.pooled_n.to_string(),
            ])
        })
    }

    /// A few test scans as `metaloc locate` reads them.
    fn sample_scans(&self) -> Result<String, Error> {
        let lines: Vec<serde_json::Value> = self
            .scans
            .iter()
            .take(SAMPLE_SCANS)
            .enumerate()
            .map(|(i, (scan, _))| {
                let name = |id| self.survey.access_points.name(id).to_owned();
                let rss: serde_json::Map<_, _> = scan
                    .readings()
                    .iter()
                    .map(|&(id, dbm)| (name(id), ((dbm * 10.0).round() / 10.0).into()))
                    .collect();
                serde_json::json!({ "id": i + 1, "rss": rss })
            })
            .collect();
        json_lines(&lines)
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

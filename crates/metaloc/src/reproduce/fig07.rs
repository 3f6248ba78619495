//! Fig. 7: the hall and the lab, as plans with their points.

use super::Target;
use super::output::{Reproduction, Sheet};
use super::runner::Runner;
use crate::error::Error;
use crate::report::PlanPlot;

pub(super) fn reproduce(runner: &mut Runner<'_>) -> Result<Reproduction, Error> {
    let title = "The hall and the lab: plans in the photographs' place";
    let mut result = Reproduction::new(Target::Fig7, title);
    let mut rows = Vec::new();
    for dataset in runner.places() {
        let Some(campaign) = dataset.campaign(2)? else {
            return Err(Error::usage("fig7 draws the hall and the lab; real sets have no plans"));
        };
        let name = dataset.name();
        let plan = campaign.plan((0, 0));
        let title = format!("The {name} with its points");
        let svg = PlanPlot { title, plan, coverage: None }.to_svg()?;
        let caption = format!(
            "The {name}: size, grid and number of access points are the paper's; furniture, materials and \
             where access points hang are ours."
        );
        result.draw(&format!("fig7-{name}"), svg, &caption);
        for point in plan.points() {
            let [x, y, _] = point.at;
            rows.push(vec![name.to_owned(), point.id, format!("{x:.2}"), format!("{y:.2}")]);
        }
    }
    result.sheets.push(Sheet {
        name: "fig7-points".into(),
        title: "Survey points".into(),
        columns: ["place", "point", "x_m", "y_m"].map(String::from).into(),
        rows,
        is_shown: false,
    });
    Ok(result)
}

#[cfg(test)]
mod tests {
    use crate::reproduce::Dataset;

    #[test]
    fn both_have_ninety_points() {
        for dataset in [Dataset::Hall, Dataset::Lab] {
            let campaign = dataset.campaign(2).unwrap().unwrap();
            assert_eq!(campaign.plan((0, 0)).points().len(), 90);
        }
    }
}

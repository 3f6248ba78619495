//! The main job with nothing at hand: a simulated place on several days, the whole line, a report.
//!
//! The paper's lab is simulated by ray tracing; everything behind it is what real data would get: the same
//! survey type, the same protocol machinery, the same methods, the same model files.

mod report;

use std::ops::ControlFlow;
use std::path::Path;

use metaloc_radio::geometry::Position;

use crate::csi_site::CsiSite;
use crate::error::Error;
use crate::evaluate::{
    self, CsiData, CsiDraw, DataSource, Evaluation, EvaluationObserver, Protocol, SummaryRow,
};
use crate::learning::{Algorithm, CsiModel, CsiSiteModel};
use crate::locate::{Estimate, csi_locator};
use crate::simulate::campaign::{Campaign, PaperPlace};
use crate::survey::{Environment, Provenance, Survey};

/// What `metaloc demo` evaluates.
const PROTOCOL: &str = include_str!("../../assets/demo-protocol.toml");
/// Images at each point and day: three to learn from or survey, three to ask about.
const IMAGES: usize = 6;
/// The point whose capture is kept as an example.
const WALKER_AT: &str = "p038";

/// What the demonstration gave.
pub struct Demo {
    /// The campaign that was simulated.
    pub campaign: Campaign,
    /// Where the survey comes from.
    pub provenance: Provenance,
    /// The protocol that was run.
    pub protocol: Protocol,
    /// All results.
    pub evaluation: Evaluation,
    /// The table.
    pub summary: Vec<SummaryRow>,
    /// The algorithm whose estimates are drawn.
    pub algorithm: Algorithm,
    /// The trained start.
    pub model: CsiModel,
    /// The model adapted to the new day.
    pub site: CsiSiteModel,
    /// Amplitudes of the new day's first visit, for pictures.
    pub amplitudes: CsiSite,
    /// Where each of the new day's later windows was recorded, and where the adapted model puts it.
    pub located: Vec<Located>,
}

/// Where a window was recorded, and where it was put.
pub type Located = (Position, Option<Estimate>);

/// Runs the demonstration.
///
/// # Errors
/// If it is interrupted, or the algorithm can't learn from channel state information.
pub fn run(
    algorithm: Algorithm,
    seed: u64,
    observer: &mut dyn EvaluationObserver,
) -> Result<Demo, Error> {
    let campaign = PaperPlace::Lab.campaign(IMAGES, Some(seed))?;
    let protocol = protocol(algorithm, seed)?;
    let DataSource::Csi(data) = &protocol.data else {
        return Err(Error::usage("the built-in protocol is not one on channel state information"));
    };
    let survey = campaign.survey(observer)?;
    let mut watch = Watch { observer, method: algorithm.name(), model: None };
    let splits = &protocol.splits;
    let evaluation = evaluate::run_on_csi_survey(&protocol, data, &survey, splits, &mut watch)?;
    let model = watch.model;
    if observer.stage(1, 1, "drawing the report").is_break() {
        return Err(Error::usage("interrupted; nothing was written"));
    }
    let model = model.ok_or_else(|| {
        Error::usage(format!("`{}` learns nothing that could be adapted", algorithm.name()))
    })?;
    let new = protocol.splits[0].new.iter().find_map(|name| survey.environment(name));
    let new = new.ok_or_else(|| Error::usage("the new day is not in the survey"))?;
    let (site, located) = adapt_and_locate((&model, seed), &protocol, (data, &survey, new))?;
    let settings = protocol.learning_of(&protocol.methods[0])?.csi.unwrap_or_default();
    let amplitudes = data.cut_new(&survey, new, &settings.window)?.survey;
    let (summary, provenance) = (evaluate::summarize(&evaluation.rows), survey.provenance);
    Ok(Demo {
        campaign,
        provenance,
        protocol,
        evaluation,
        summary,
        algorithm,
        model,
        site,
        amplitudes,
        located,
    })
}

/// The built-in protocol, with one seed, and the algorithm if it is not among its methods.
fn protocol(algorithm: Algorithm, seed: u64) -> Result<Protocol, Error> {
    let name = algorithm.name();
    let more = format!("\n[[methods]]\nname = \"{name}\"\nlike = \"maml\"\n");
    let is_there = PROTOCOL.contains(&format!("name = \"{name}\"\n"));
    let text = if is_there { PROTOCOL.to_owned() } else { format!("{PROTOCOL}{more}") };
    let protocol = Protocol::parse(&text, "", Path::new("demo-protocol.toml (built in)"))?;
    Ok(Protocol { seeds: vec![seed], ..protocol })
}

/// What the evaluation did for one method in the new environment: the same support, the same answers.
fn adapt_and_locate(
    (model, seed): (&CsiModel, u64),
    protocol: &Protocol,
    (data, survey, new): (&CsiData, &Survey, &Environment),
) -> Result<(CsiSiteModel, Vec<Located>), Error> {
    let site = data.cut_new(survey, new, &model.encoder.config.window)?;
    let draw = CsiDraw { environment: 0, index: 0, points: protocol.support.points[0], seed };
    let support = draw.support(&site.survey, protocol.support.samples_per_point)?;
    let adapted = CsiSiteModel::adapt(model, support, model.config.adaptation())?;
    let locator = csi_locator(adapted.clone())?;
    let windows = site.later.points.iter().flat_map(|p| p.windows.iter().map(|w| (p.position, w)));
    let located = windows.map(|(truth, window)| (truth, locator.locate(window).ok()));
    Ok((adapted, located.collect()))
}

/// Keeps the start of one method.
struct Watch<'a> {
    observer: &'a mut dyn EvaluationObserver,
    method: &'static str,
    model: Option<CsiModel>,
}

impl EvaluationObserver for Watch<'_> {
    fn stage(&mut self, done: usize, total: usize, what: &str) -> ControlFlow<()> {
        self.observer.stage(done, total, what)
    }

    fn step(&mut self) -> ControlFlow<()> {
        self.observer.step()
    }

    fn trained(&mut self, method: &str, model: &CsiModel) {
        if method == self.method {
            self.model = Some(model.clone());
        }
    }
}

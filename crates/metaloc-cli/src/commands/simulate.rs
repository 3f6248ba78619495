//! `metaloc simulate`.

use anyhow::bail;
use metaloc::simulate::Scenario;
use metaloc::survey::SurveySummary;

use crate::args::Simulate;
use crate::output::Output;

pub(crate) fn run(args: &Simulate) -> anyhow::Result<()> {
    if let Some(out) = args.out.as_ref().filter(|out| !args.preview && out.exists()) {
        bail!(metaloc::Error::OutputExists(out.clone()));
    }
    let mut scenario = Scenario::read(&args.scenario)?;
    scenario.seed = args.seed.unwrap_or(scenario.seed);
    let survey = scenario.simulate();
    let output = Output::new(&args.json);
    let summary = SurveySummary::of(&survey);
    output.say(&summary)?;
    output.rows(&[&summary])?;
    match &args.out {
        Some(out) if !args.preview => {
            survey.write(out)?;
            output.say(format!("written to {}", out.display()))
        }
        out => {
            survey.check_writable(out.as_deref().unwrap_or("the survey".as_ref()))?;
            output.say("nothing was written (--preview)")
        }
    }
}

//! `metaloc survey`.

use crate::args::SurveyCommand;
use crate::output::note;

pub(crate) fn run(args: &SurveyCommand, quiet: bool) -> anyhow::Result<()> {
    let SurveyCommand::Init { dir } = args;
    metaloc::survey::write_template(dir)?;
    if !quiet {
        let dir = dir.display();
        note(format!("{dir} is a small survey to fill in; {dir}/README.txt explains every column"));
        note(format!("check it at any time with `metaloc inspect {dir}`"));
    }
    Ok(())
}

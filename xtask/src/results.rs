//! `cargo xtask results`: runs the protocols and writes docs/results.md from its template.
//!
//! The prose stands in docs/results.template.md; a line `{{NAME}}` is replaced by the tables that
//! `metaloc evaluate experiments/NAME.toml --markdown` makes.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

const TEMPLATE: &str = "docs/results.template.md";
const RESULTS: &str = "docs/results.md";

/// Runs every protocol that the template names and writes the results.
pub(crate) fn run() -> Result<()> {
    let template = std::fs::read_to_string(TEMPLATE).with_context(|| TEMPLATE.to_owned())?;
    let mut results = String::new();
    for line in template.lines() {
        match protocol_of(line) {
            Some(name) => results += &tables(name)?,
            None => results += line,
        }
        results.push('\n');
    }
    std::fs::write(RESULTS, results).with_context(|| RESULTS.to_owned())?;
    println!("written to {RESULTS}");
    Ok(())
}

/// The protocol that a line of the template stands for.
fn protocol_of(line: &str) -> Option<&str> {
    line.trim().strip_prefix("{{")?.strip_suffix("}}")
}

/// The tables of one protocol, under the command that made them.
fn tables(name: &str) -> Result<String> {
    let protocol = format!("experiments/{name}.toml");
    ensure!(
        Path::new(&protocol).exists(),
        "{TEMPLATE} names `{name}`, but {protocol} is not there"
    );
    let folder = std::env::temp_dir();
    let markdown = folder.join(format!("metaloc-{name}-{}.md", std::process::id()));
    println!("==> {protocol}");
    let status = Command::new(env!("CARGO"))
        .args(["run", "--release", "--quiet", "--", "evaluate", &protocol, "--markdown"])
        .arg(&markdown)
        .status()
        .context("cargo could not be started")?;
    ensure!(status.success(), "{protocol} failed");
    let tables = std::fs::read_to_string(&markdown).context("no tables were written")?;
    std::fs::remove_file(&markdown).context("the temporary tables stay behind")?;
    Ok(format!("`metaloc evaluate {protocol}`\n\n{}", tables.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_in_double_braces_names_a_protocol() {
        assert_eq!(protocol_of("{{uji-ageing}}"), Some("uji-ageing"));
        assert_eq!(protocol_of("text with {{braces}} inside"), None);
    }
}

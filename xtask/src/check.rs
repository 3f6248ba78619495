//! The list of checks, cheapest first, and the loop that runs them.

use crate::{dependency_directions, forbidden_paths, source_files, tracked_files};
use anyhow::{Context, Result, bail};
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// What a check that did not fail has to say.
enum Outcome {
    Passed,
    /// The tool it needs is not on this machine; the text says how to get it.
    ToolMissing(String),
}

/// One check: a name to call it by, what it looks at, and how.
struct Check {
    name: &'static str,
    purpose: &'static str,
    run: fn(root: &Path) -> Result<Outcome>,
}

const CHECKS: &[Check] = &[
    Check { name: "fmt", purpose: "formatting (cargo fmt)", run: fmt },
    Check { name: "typos", purpose: "spelling (typos)", run: typos },
    Check { name: "paths", purpose: "no path of one machine in a file", run: paths },
    Check { name: "files", purpose: "length and names of source files", run: files },
    Check { name: "dependencies", purpose: "which crate may know which", run: dependencies },
    Check { name: "deny", purpose: "licences and sources of dependencies", run: deny },
    Check { name: "clippy", purpose: "lints (cargo clippy)", run: clippy },
    Check { name: "docs", purpose: "documentation builds without a warning", run: docs },
];

/// The help text, with the checks in the order in which they run.
pub(crate) fn help() -> String {
    let mut text = String::from(
        "Usage: cargo xtask check [NAME]...\n       cargo xtask results\n\n\
         Runs what CI runs, cheapest first, and stops at the first failure;\n\
         with names, only those. Example: cargo xtask check fmt clippy\n\nChecks:\n",
    );
    for check in CHECKS {
        text.push_str(&format!("  {:<14}{}\n", check.name, check.purpose));
    }
    text.push_str("\nA missing tool is skipped with a note, or fails where CI=true.");
    text
}

/// Runs the checks called `names`, or all of them if there are none, in the order of the list.
pub(crate) fn run(names: &[&str]) -> Result<()> {
    let root = workspace_root()?;
    let in_ci = env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
    let mut missing = Vec::new();
    for check in select(names)? {
        println!("==> {}: {}", check.name, check.purpose);
        let started = Instant::now();
        let outcome = (check.run)(&root).with_context(|| {
            format!("check `{0}` failed; to repeat it alone: cargo xtask check {0}", check.name)
        })?;
        match outcome {
            Outcome::Passed => println!("    ok ({:.1} s)", started.elapsed().as_secs_f64()),
            Outcome::ToolMissing(remedy) if in_ci => bail!("check `{}`: {remedy}", check.name),
            Outcome::ToolMissing(remedy) => {
                println!("    skipped: {remedy}");
                missing.push(check.name);
            }
        }
    }
    if missing.is_empty() {
        println!("All checks passed.");
    } else {
        println!("Checks passed; skipped for want of a tool: {}.", missing.join(", "));
    }
    Ok(())
}

/// The checks with these names, in the order of the list.
fn select(names: &[&str]) -> Result<Vec<&'static Check>> {
    if let Some(unknown) = names.iter().find(|name| CHECKS.iter().all(|c| c.name != **name)) {
        bail!("no check is called `{unknown}`\n\n{}", help());
    }
    Ok(CHECKS.iter().filter(|c| names.is_empty() || names.contains(&c.name)).collect())
}

fn fmt(root: &Path) -> Result<Outcome> {
    succeed(cargo(root).args(["fmt", "--all", "--check"]), "to mend it: cargo fmt --all")
}

fn typos(root: &Path) -> Result<Outcome> {
    if !is_installed(Command::new("typos").arg("--version")) {
        return Ok(tool_missing("typos"));
    }
    let remedy = "mend the spelling (typos --write-changes), or name the word in _typos.toml";
    succeed(Command::new("typos").current_dir(root), remedy)
}

fn paths(root: &Path) -> Result<Outcome> {
    none_of(&forbidden_paths::violations(root, &tracked_files::list(root)?)?)
}

fn files(root: &Path) -> Result<Outcome> {
    none_of(&source_files::violations(root, &tracked_files::list(root)?)?)
}

fn dependencies(root: &Path) -> Result<Outcome> {
    let output = cargo(root)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .stderr(Stdio::inherit())
        .output()
        .context("could not start cargo")?;
    if !output.status.success() {
        bail!("cargo metadata failed");
    }
    none_of(&dependency_directions::violations(&output.stdout)?)
}

fn deny(root: &Path) -> Result<Outcome> {
    if !is_installed(cargo(root).args(["deny", "--version"])) {
        return Ok(tool_missing("cargo-deny"));
    }
    let mut command = cargo(root);
    command.args(["deny", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"]);
    succeed(&mut command, "choose another dependency, or allow it in deny.toml with a reason")
}

fn clippy(root: &Path) -> Result<Outcome> {
    let mut command = cargo(root);
    command.args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    succeed(&mut command, "clippy's findings are above")
}

fn docs(root: &Path) -> Result<Outcome> {
    let mut command = cargo(root);
    command.args(["doc", "--no-deps", "--workspace", "--document-private-items"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    succeed(&mut command, "rustdoc's findings are above")
}

/// Runs `command`, its output shown as it comes; a failure carries `remedy`.
fn succeed(command: &mut Command, remedy: &str) -> Result<Outcome> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("could not start `{program}`"))?;
    if !status.success() {
        bail!("{remedy}");
    }
    Ok(Outcome::Passed)
}

fn none_of(violations: &[String]) -> Result<Outcome> {
    if !violations.is_empty() {
        bail!("{} found:\n  {}", violations.len(), violations.join("\n  "));
    }
    Ok(Outcome::Passed)
}

fn tool_missing(tool: &str) -> Outcome {
    Outcome::ToolMissing(format!(
        "`{tool}` is not installed; to get it: pip install --requirement .ci/requirements.txt"
    ))
}

/// Whether `command`, a request for a version, runs and succeeds.
fn is_installed(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// The cargo that runs this program, called in `root`.
fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(root);
    command
}

/// The folder that holds `xtask/`.
fn workspace_root() -> Result<PathBuf> {
    let own_folder = env::var_os("CARGO_MANIFEST_DIR")
        .context("CARGO_MANIFEST_DIR is not set; run this as `cargo xtask`")?;
    let root = Path::new(&own_folder).parent().context("xtask's folder has no parent")?;
    Ok(root.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::{CHECKS, help, select};

    fn selected(names: &[&str]) -> Vec<&'static str> {
        select(names).unwrap().iter().map(|check| check.name).collect()
    }

    #[test]
    fn no_name_selects_every_check() {
        assert_eq!(selected(&[]).len(), CHECKS.len());
    }

    #[test]
    fn names_run_in_the_order_of_the_list() {
        assert_eq!(selected(&["clippy", "fmt"]), ["fmt", "clippy"]);
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_list() {
        let message = select(&["fmt", "clipy"]).err().unwrap().to_string();
        assert!(message.contains("`clipy`") && message.contains("clippy"), "{message}");
    }

    #[test]
    fn help_names_every_check() {
        assert!(CHECKS.iter().all(|check| help().contains(check.purpose)));
    }
}

//! Which files belong to the project: what git tracks, and new files that it would not ignore.

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};

/// The project's files, relative to `root`, with `/` between folders.
pub(crate) fn list(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context("could not start git, which knows the project's files")?;
    if !output.status.success() {
        bail!("git ls-files failed; the check needs a git checkout");
    }
    let names = parse(&output.stdout)?;
    // A file that was deleted and not yet committed is still listed; a link may lead nowhere.
    Ok(names.into_iter().filter(|name| root.join(name).symlink_metadata().is_ok()).collect())
}

/// Splits git's NUL-separated list.
fn parse(listing: &[u8]) -> Result<Vec<String>> {
    let text = str::from_utf8(listing).context("a file name is not UTF-8")?;
    Ok(text.split('\0').filter(|name| !name.is_empty()).map(String::from).collect())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn names_are_split_at_nul_and_keep_spaces() {
        assert_eq!(parse(b"a.rs\0b c.rs\0").unwrap(), ["a.rs", "b c.rs"]);
        assert!(parse(b"").unwrap().is_empty());
    }

    #[test]
    fn a_name_that_is_not_utf8_is_refused() {
        assert!(parse(b"\xff\0").is_err());
    }
}

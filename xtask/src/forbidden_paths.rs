//! No file of the project names a place that only one machine has.

use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// Folders of one machine. Written in two parts so that this file passes its own check.
const FORBIDDEN: [&str; 2] = [concat!("/", "work/"), concat!("/", "root/")];

/// Where the project's `files` name a forbidden folder, one line each.
pub(crate) fn violations(root: &Path, files: &[String]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for file in files {
        let content = content(&root.join(file)).with_context(|| format!("reading {file}"))?;
        if content.contains(&0) {
            continue; // binary
        }
        for (number, line) in String::from_utf8_lossy(&content).lines().enumerate() {
            if let Some(folder) = forbidden_folder(line) {
                found.push(format!(
                    "{file}:{}: names {folder}; use a relative path or a variable",
                    number + 1
                ));
            }
        }
    }
    Ok(found)
}

/// What a file holds; of a link, where it leads.
fn content(path: &Path) -> Result<Vec<u8>> {
    let metadata = path.symlink_metadata()?;
    if metadata.is_symlink() {
        let target = fs::read_link(path)?;
        return Ok(format!("{}/", target.display()).into_bytes());
    }
    Ok(if metadata.is_file() { fs::read(path)? } else { Vec::new() })
}

/// The forbidden folder that an absolute path in `line` starts with, if there is one.
fn forbidden_folder(line: &str) -> Option<&'static str> {
    FORBIDDEN
        .into_iter()
        .find(|folder| line.match_indices(folder).any(|(start, _)| starts_a_path(&line[..start])))
}

/// Whether a `/` that follows `before` is the root, not a separator within a path.
fn starts_a_path(before: &str) -> bool {
    !before.ends_with(|last: char| last.is_alphanumeric() || "_-.~)}]*".contains(last))
}

#[cfg(test)]
mod tests {
    use super::{FORBIDDEN, forbidden_folder, violations};

    #[test]
    fn an_absolute_path_is_found_wherever_it_starts() {
        for folder in FORBIDDEN {
            for before in ["", "see ", "\"", "(", "DIR=", "file://"] {
                let line = format!("{before}{folder}a");
                assert_eq!(forbidden_folder(&line), Some(folder), "{line}");
            }
        }
    }

    #[test]
    fn the_same_words_inside_another_path_are_allowed() {
        for folder in FORBIDDEN {
            for before in ["src", "..", ".", "~", "${HOME}", "example.org"] {
                assert_eq!(forbidden_folder(&format!("{before}{folder}a")), None);
            }
        }
        assert_eq!(forbidden_folder("/rooting/ /works/"), None);
    }

    #[test]
    fn violations_name_file_and_line_and_pass_over_binaries() {
        let root = std::env::temp_dir().join(format!("xtask-paths-{}", std::process::id()));
        std::fs::create_dir_all(&root).unwrap();
        std::fs::write(root.join("a.md"), format!("fine\n{}x\n", FORBIDDEN[0])).unwrap();
        std::fs::write(root.join("b.bin"), format!("\0{}x", FORBIDDEN[1])).unwrap();
        let found = violations(&root, &["a.md".to_owned(), "b.bin".to_owned()]).unwrap();
        std::fs::remove_dir_all(&root).unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("a.md:2: "), "{found:?}");
    }
}

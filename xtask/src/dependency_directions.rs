//! Dependencies between the house's crates run one way:
//!
//! ```text
//! radio, nn <- meta <- metaloc <- cli
//! ```

use anyhow::{Context, Result};
use serde::Deserialize;

/// Each crate of the house with those that it may depend on, be it for tests only.
const ALLOWED: &[(&str, &[&str])] = &[
    ("metaloc-radio", &[]),
    ("metaloc-nn", &[]),
    ("metaloc-meta", &["metaloc-radio", "metaloc-nn"]),
    ("metaloc", &["metaloc-radio", "metaloc-nn", "metaloc-meta"]),
    ("metaloc-cli", &["metaloc"]),
    ("xtask", &[]),
];

/// The part of `cargo metadata --no-deps` that matters here: the workspace's own packages.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
}

/// The edges in `metadata`, the output of `cargo metadata --no-deps`, that run the wrong way.
pub(crate) fn violations(metadata: &[u8]) -> Result<Vec<String>> {
    let metadata: Metadata =
        serde_json::from_slice(metadata).context("cargo metadata is not what was expected")?;
    Ok(metadata.packages.iter().flat_map(|p| package_violations(p, &metadata.packages)).collect())
}

fn package_violations(package: &Package, house: &[Package]) -> Vec<String> {
    let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == package.name) else {
        let own_file = file!();
        return vec![format!("{}: not in the table of {own_file}; add it there", package.name)];
    };
    let may = if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") };
    package
        .dependencies
        .iter()
        .filter(|dependency| house.iter().any(|package| package.name == dependency.name))
        .filter(|dependency| !allowed.contains(&dependency.name.as_str()))
        .map(|dependency| {
            format!(
                "{} -> {}: not allowed; of the house's crates it may depend on: {may}",
                package.name, dependency.name
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::violations;
    use serde_json::json;

    /// The violations of a workspace given as crates with their dependencies.
    fn violations_of(crates: &[(&str, &[&str])]) -> Vec<String> {
        let packages: Vec<_> = crates
            .iter()
            .map(|(name, dependencies)| {
                let edges: Vec<_> = dependencies.iter().map(|d| json!({ "name": d })).collect();
                json!({ "name": name, "dependencies": edges })
            })
            .collect();
        violations(json!({ "packages": packages }).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn the_way_of_the_house_passes() {
        let found = violations_of(&[
            ("metaloc-radio", &["serde"]),
            ("metaloc-nn", &["serde"]),
            ("metaloc-meta", &["metaloc-nn", "metaloc-radio"]),
            ("metaloc", &["metaloc-radio", "metaloc-nn", "metaloc-meta"]),
            ("metaloc-cli", &["clap", "metaloc"]),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn an_edge_the_wrong_way_is_named() {
        let found = violations_of(&[("metaloc-nn", &["metaloc-radio"]), ("metaloc-radio", &[])]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("metaloc-nn -> metaloc-radio: "), "{found:?}");
    }

    #[test]
    fn the_command_line_knows_only_the_library() {
        let found = violations_of(&[
            ("metaloc-cli", &["metaloc", "metaloc-meta"]),
            ("metaloc-meta", &[]),
            ("metaloc", &[]),
        ]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("metaloc-cli -> metaloc-meta: "), "{found:?}");
    }

    #[test]
    fn a_new_crate_has_to_be_placed() {
        let found = violations_of(&[("metaloc-server", &[])]);
        assert!(found[0].starts_with("metaloc-server: not in the table"), "{found:?}");
    }

    #[test]
    fn anything_but_metadata_is_an_error() {
        assert!(violations(b"{}").is_err());
    }
}

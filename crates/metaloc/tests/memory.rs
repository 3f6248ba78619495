//! Peak memory of the largest survey there is; alone in its process, so that it is its own peak.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // helpers of tests
#![cfg(target_os = "linux")]

use std::path::Path;

use metaloc::survey::import::{ImportFormat, ImportOptions, import};

/// Highest memory use of this process so far (kB), as the kernel counts it.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

#[test]
fn nineteen_months_stay_below_300_mb() {
    let Some(data) = std::env::var_os("METALOC_DATA") else {
        eprintln!("skipped: METALOC_DATA is not set");
        return;
    };
    let folder = Path::new(&data).join("uji_library_longterm");
    if !folder.is_dir() {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    }
    let months: Vec<String> = (1..=19).map(|month| format!("{month:02}")).collect();
    let options = ImportOptions { environments: Some(months), ..ImportOptions::default() };
    let (survey, report) = import(ImportFormat::UjiLibrary, &[folder], &options).unwrap();
    let peak = peak_kb();
    assert_eq!(survey.environments.len(), 19);
    assert_eq!((report.rows_read, report.rows_kept), (78_288, 78_288 - 9));
    assert_eq!(report.dropped["unknown floor (the library's are 3 and 5)"], 6);
    assert_eq!(report.dropped["identical to an earlier row"], 3);
    assert_eq!(report.access_points_listed, 620);
    assert_eq!(report.files, 4 * survey.environments.iter().map(sets).sum::<usize>());
    assert!(peak < 300_000, "{peak} kB");
}

fn sets(environment: &metaloc::survey::Environment) -> usize {
    let sets: std::collections::BTreeSet<_> = environment.samples.iter().map(|s| &s.set).collect();
    sets.len()
}

//! Importers on the publishers' data, where it is there: the counts of its READMEs.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // helpers of tests

use std::path::{Path, PathBuf};

use metaloc::survey::import::{DropDuplicates, ImportFormat, ImportOptions, ImportReport, import};
use metaloc::survey::{Survey, SurveyError, SurveySummary};

/// A folder of the publishers' data; `None`, said on stderr, where it is not there.
fn data(folder: &str) -> Option<PathBuf> {
    let path = std::env::var_os("METALOC_DATA").map(|root| PathBuf::from(root).join(folder));
    let path = path.filter(|path| path.is_dir());
    if path.is_none() {
        eprintln!("skipped: {folder} is not in METALOC_DATA");
    }
    path
}

fn run(
    format: ImportFormat,
    path: &Path,
    options: &ImportOptions,
) -> Result<(Survey, ImportReport), SurveyError> {
    import(format, &[path.to_owned()], options)
}

/// Counts of the data's README.
#[test]
fn the_ujiindoorloc_data() {
    let Some(path) = data("ujiindoorloc") else { return };
    let read = |drop| {
        let options = ImportOptions { drop_duplicates: drop, ..ImportOptions::default() };
        run(ImportFormat::UjiIndoorLoc, &path, &options).unwrap()
    };
    let (survey, report) = read(None);
    assert_eq!((report.rows_read, report.n_dropped()), (19_937 + 1_111, 710));
    assert_eq!(report.dropped["empty: no access point heard"], 76);
    assert_eq!(report.dropped["identical to an earlier row"], 634);
    assert_eq!(survey.environments.len(), 13);
    assert_eq!(read(Some(DropDuplicates::RssPosition)).1.n_dropped(), 787);
    let training: usize =
        survey.environments.iter().map(|e| e.with_sets(&["training"]).points.len()).sum();
    assert_eq!(training, 933, "training points");
}

/// Counts of the data's README; takes some seconds unoptimised.
#[test]
fn the_uji_library_data() {
    let Some(path) = data("uji_library_longterm") else { return };
    let options = ImportOptions {
        environments: Some(vec!["01".into(), "13".into()]),
        ..ImportOptions::default()
    };
    let (survey, report) = run(ImportFormat::UjiLibrary, &path, &options).unwrap();
    assert_eq!(report.dropped["unknown floor (the library's are 3 and 5)"], 6);
    assert_eq!(report.dropped["empty: no access point heard"], 0);
    assert_eq!(report.access_points_listed, 620);
    let month = survey.environment("13").unwrap();
    let training = month.with_sets(&["trn01"]);
    assert_eq!((training.points.len(), training.samples.len()), (48, 576));
    let test = month.with_sets(&["tst*"]);
    assert_eq!((test.points.len(), test.samples.len()), (212, 3120));
    assert_eq!(survey.by_floor().environments.len(), 4);
    let summary = &SurveySummary::of(&survey).environments[1];
    assert_eq!((summary.floors.as_slice(), summary.samples), (&[3, 5][..], 3696));
    assert_eq!(summary.days.as_ref().map(|(first, _)| &first[..4]), Some("2017"));
}

/// Peak memory and time of all 19 months; `cargo test --release -- --ignored --nocapture 19_months`.
#[test]
#[ignore = "a measurement, to be run alone"]
fn memory_and_time_of_19_months() {
    let Some(path) = data("uji_library_longterm") else { return };
    let start = std::time::Instant::now();
    let (survey, report) = run(ImportFormat::UjiLibrary, &path, &ImportOptions::default()).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    eprintln!("{report}\n{seconds:.2} s, {peak}, hash {}", survey.content_hash());
    assert_eq!((report.rows_read, report.n_dropped()), (78_288, 9));
    let kilobytes: u64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(kilobytes < 300_000, "{peak}");
}

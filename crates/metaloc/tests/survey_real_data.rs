//! Importers on the publishers' data, where it is there: the counts of its READMEs.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // helpers of tests

use std::path::{Path, PathBuf};

use metaloc::survey::import::{
    DropDuplicates, EnvironmentBy, ImportFormat, ImportOptions, ImportReport, import,
};
use metaloc::survey::{Survey, SurveyError, SurveySummary};

/// A folder of the publishers' data; `None`, said on stderr, where it is not there.
fn data(folder: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("METALOC_DATA") else {
        eprintln!("skipped: METALOC_DATA is not set");
        return None;
    };
    let path = PathBuf::from(root).join(folder);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: {} is not there", path.display());
    None
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

/// The other ways in which the library's data makes environments.
#[test]
fn uji_library_environments() {
    let Some(path) = data("uji_library_longterm") else { return };
    // Only these files are opened: the others in this folder are no zip files at all.
    let folder = tempfile::tempdir().unwrap();
    for month in ["13", "14"] {
        std::fs::copy(
            path.join(format!("{month}.zip")),
            folder.path().join(format!("{month}.zip")),
        )
        .unwrap();
    }
    for month in ["12", "15"] {
        std::fs::write(folder.path().join(format!("{month}.zip")), "no zip file").unwrap();
    }
    let months = |names: &[&str]| ImportOptions {
        environments: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        ..ImportOptions::default()
    };
    let (survey, report) =
        run(ImportFormat::UjiLibrary, folder.path(), &months(&["13", "14"])).unwrap();
    assert_eq!((names(&survey), report.not_asked_for), (vec!["13", "14"], 0));
    let message = run(ImportFormat::UjiLibrary, folder.path(), &months(&["13", "12"]));
    assert!(message.unwrap_err().to_string().contains("12.zip: not a whole zip file"));
    let one = |by, sets: &[&str]| {
        let options = ImportOptions {
            environment_by: Some(by),
            sets: Some(sets.iter().map(|name| (*name).to_owned()).collect()),
            ..ImportOptions::default()
        };
        run(ImportFormat::UjiLibrary, &folder.path().join("13.zip"), &options).unwrap().0
    };
    let floors = one(EnvironmentBy::Floor, &["trn01"]);
    assert_eq!(names(&floors), ["f3", "f5"]);
    assert_eq!(floors.environments.iter().map(|e| e.points.len()).sum::<usize>(), 48);
    assert_eq!(names(&one(EnvironmentBy::Device, &["trn01"])), ["Galaxy S3"]);
    let sets = one(EnvironmentBy::Set, &["trn01", "tst*"]);
    let expected = ["13-trn01", "13-tst01", "13-tst02", "13-tst03", "13-tst04", "13-tst05"];
    assert_eq!(names(&sets), expected);
}

/// The other ways in which UJIIndoorLoc makes environments: the README's counts.
#[test]
fn ujiindoorloc_environments() {
    let Some(path) = data("ujiindoorloc") else { return };
    let by = |by| {
        let options = ImportOptions { environment_by: Some(by), ..ImportOptions::default() };
        run(ImportFormat::UjiIndoorLoc, &path, &options).unwrap().0
    };
    assert_eq!(names(&by(EnvironmentBy::Building)), ["b0", "b1", "b2"]);
    assert_eq!(names(&by(EnvironmentBy::Set)), ["training", "validation"]);
    let phones = by(EnvironmentBy::Device);
    let training =
        phones.environments.iter().filter(|e| !e.with_sets(&["training"]).samples.is_empty());
    assert_eq!(training.count(), 16, "phones in the training file");
    assert!(phones.environments.iter().all(|e| e.name.starts_with("phone-")));
}

fn names(survey: &Survey) -> Vec<&str> {
    survey.environments.iter().map(|e| e.name.as_str()).collect()
}

/// Recordings and frames of an environment.
fn recordings(survey: &Survey, environment: &str) -> (usize, usize) {
    let summary = SurveySummary::of(survey);
    let found = summary.environments.iter().find(|e| e.name == environment).unwrap();
    let csi = found.csi.as_ref().unwrap();
    (csi.recordings, csi.frames)
}

#[test]
fn the_polyu_data() {
    let Some(path) = data("polyu_intel5300") else { return };
    let (survey, report) = run(ImportFormat::PolyU, &path, &ImportOptions::default()).unwrap();
    // 100 records of 3 x 2 antennas in each file.
    assert_eq!(report.frames_kept, 100 * report.files);
    assert_eq!((survey.environments.len(), report.n_dropped()), (21, 0));
    // Eight locations, six periods.
    assert_eq!(recordings(&survey, "d17"), (48, 4800));
}

#[test]
fn the_csu_data() {
    let Some(path) = data("csu_nexmon") else { return };
    let (survey, report) = run(ImportFormat::Csu, &path, &ImportOptions::default()).unwrap();
    let names: Vec<&str> = survey.environments.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, ["1a", "1b", "2", "4a", "4b", "5a", "5b"]);
    // Two of the 300 captures have no coordinates.
    assert_eq!(report.dropped["capture without coordinates"], 2);
    assert_eq!(report.files, 1 + 298);
    let path_5b = survey.environment("5b").unwrap().with_sets(&["ref-*"]);
    // 28 reference points with 20 blocks of 50 frames.
    assert_eq!((path_5b.points.len(), path_5b.samples.len()), (28, 28 * 20));
}

//! Importers of captures, on small real ones.

use std::path::{Path, PathBuf};

use metaloc::survey::import::{ImportFormat, ImportOptions, ImportReport, import};
use metaloc::survey::{Survey, SurveyError};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../metaloc-radio/tests/captures").join(name)
}

/// Copies of real captures under other names, with a table beside them.
fn folder(files: &[(&str, &str)], table: (&str, &str)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, from) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(fixture(from), path).unwrap();
    }
    std::fs::write(folder.path().join(table.0), table.1).unwrap();
    folder
}

fn read(
    format: ImportFormat,
    path: &Path,
    options: &ImportOptions,
) -> Result<(Survey, ImportReport), SurveyError> {
    import(format, &[path.to_owned()], options)
}

/// Environment, point, set and frames of each sample.
fn samples(survey: &Survey) -> Vec<(String, String, String, usize)> {
    let of = |environment: &metaloc::survey::Environment| {
        let sample = |s: &metaloc::survey::Sample| {
            let point = environment.points[s.point as usize].id.clone();
            let frames = s.csi.as_ref().unwrap().recording.n_frames();
            (environment.name.clone(), point, s.set.to_string(), frames)
        };
        environment.samples.iter().map(sample).collect::<Vec<_>>()
    };
    survey.environments.iter().flat_map(of).collect()
}

fn row(
    environment: &str,
    point: &str,
    set: &str,
    frames: usize,
) -> (String, String, String, usize) {
    (environment.into(), point.into(), set.into(), frames)
}

const TABLE: &str = "file,point_id,x_m,y_m,environment,access_point,set\n\
                     a.pcap,a,0,0,hall,,\n\
                     sub/b.dat,b,2.5,0,room,router,day\n";

const ROUTER: &str = "file,point_id,x_m,y_m,access_point\na.pcap,a,0,0,router\n";

#[test]
fn captures_with_positions_become_a_survey() {
    let files = [("a.pcap", "bcm43455c0_20MHz.pcap"), ("sub/b.dat", "intel5300.dat")];
    let folder = folder(&files, ("positions.csv", TABLE));
    let options = ImportOptions::default();
    let (survey, report) = read(ImportFormat::Captures, folder.path(), &options).unwrap();
    let found = samples(&survey);
    assert_eq!(found.iter().map(|s| &*s.1).collect::<Vec<_>>(), ["a", "b"]);
    let frames: usize = found.iter().map(|s| s.3).sum();
    assert_eq!((report.files, report.rows_kept, report.frames_kept), (3, 2, frames));
    let dropped: usize = report.frames_dropped.values().sum();
    assert!(report.frames_read <= frames + dropped);
    // The hall's access point has the address of its transmitter, the room's the name in the table.
    let names = survey.access_points.names();
    assert!(names[0].contains(':') && names[1] == "router", "{names:?}");
}

#[test]
fn blocks_lie_apart_in_time() {
    let files = [("a.pcap", "bcm43455c0_20MHz.pcap"), ("sub/b.dat", "intel5300.dat")];
    let folder = folder(&files, ("positions.csv", TABLE));
    let options = ImportOptions { block_frames: Some(2), ..ImportOptions::default() };
    let (survey, report) = read(ImportFormat::Captures, folder.path(), &options).unwrap();
    let found = samples(&survey);
    assert_eq!(found[..2], [row("hall", "a", "b000", 2), row("hall", "a", "b001", 2)]);
    assert!(found.contains(&row("room", "b", "day-b000", 2)), "{found:?}");
    assert_eq!(report.frames_kept, 2 * found.len());
    let times = |at: usize| {
        survey.environments[0].samples[at].csi.as_ref().unwrap().recording.time_ns.clone()
    };
    assert!(times(0).last() < times(1).first());
}

#[test]
fn what_is_missing_is_named() {
    let files = [("a.pcap", "bcm43455c0_20MHz.pcap"), ("sub/b.dat", "expected.json")];
    let damaged = folder(&files, ("positions.csv", TABLE));
    let error = |folder: &tempfile::TempDir| {
        let options = ImportOptions::default();
        read(ImportFormat::Captures, folder.path(), &options).unwrap_err().to_string()
    };
    let message = error(&damaged);
    assert!(message.contains("b.dat: it begins with"), "{message}");
    std::fs::remove_file(damaged.path().join("sub/b.dat")).unwrap();
    let message = error(&damaged);
    assert!(message.contains("b.dat") && message.contains("positions.csv names it"), "{message}");
    let headless = folder(&files[..1], ("positions.csv", "file,point_id,x_m\na.pcap,a,0\n"));
    let message = error(&headless);
    assert!(message.contains("column `y_m` is missing"), "{message}");
}

#[test]
fn a_recording_keeps_its_sender() {
    let folder = folder(&[("a.pcap", "bcm43455c0_20MHz.pcap")], ("positions.csv", ROUTER));
    let options = ImportOptions::default();
    let (survey, _) = read(ImportFormat::Captures, folder.path(), &options).unwrap();
    let place = folder.path().join("survey");
    survey.write(&place).unwrap();
    let of = |survey: &Survey| {
        survey.environments[0].samples[0].csi.as_ref().unwrap().recording.source.unwrap()
    };
    assert_eq!(of(&Survey::read(&place).unwrap()), of(&survey));
}

#[test]
fn polyu_days_are_environments() {
    let files = [
        ("d06/d06_p01_l01.dat", "intel5300.dat"),
        ("d06/d06_p02_l08.dat", "intel5300.dat"),
        ("d07/d07_p01_l01.dat", "intel5300.dat"),
    ];
    let folder = folder(&files, ("files.csv", "day\n"));
    let options = ImportOptions::default();
    let (survey, report) = read(ImportFormat::PolyU, folder.path(), &options).unwrap();
    let found: Vec<_> = samples(&survey).into_iter().map(|s| (s.0, s.1, s.2)).collect();
    let expected = [("d06", "l01", "p01"), ("d06", "l08", "p02"), ("d07", "l01", "p01")];
    let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
    assert_eq!((found, report.files), (expected.to_vec(), 3));
    let only = ImportOptions { environments: Some(vec!["d07".into()]), ..options };
    let (survey, report) = read(ImportFormat::PolyU, folder.path(), &only).unwrap();
    assert_eq!((survey.environments.len(), report.not_asked_for), (1, 2));
    let nothing = tempfile::tempdir().unwrap();
    let message = read(ImportFormat::PolyU, nothing.path(), &only).unwrap_err().to_string();
    assert!(message.contains("no file dDD_pPP_lLL.dat is here"), "{message}");
}

#[test]
fn csu_paths_are_environments() {
    let table = "set,location,path,x_m,y_m,ap_mac,channel,chanspec,rssi_dbm,first_packet_utc\n\
                 ref,7_1,5,1.0,2.0,aa:aa:aa:aa:aa:aa,56,0xd038,-50,2022-01-08 10:00:00\n\
                 ref,7_2,5,,,aa:aa:aa:aa:aa:aa,56,0xd038,-50,2022-01-08 10:00:00\n";
    let files = [("ref/ref_7_1.pcap", "bcm43455c0_20MHz.pcap")];
    let folder = folder(&files, ("locations.csv", table));
    let options = ImportOptions::default();
    let outcome = read(ImportFormat::Csu, folder.path(), &options);
    // The fixture has fewer frames than a block of this format.
    let message = outcome.unwrap_err().to_string();
    assert!(message.contains("no sample is left to import"), "{message}");
}

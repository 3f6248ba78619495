//! What the rows of `positions.csv` may ask for, on captures of two transmitters made of a real one.

use metaloc::survey::import::{ImportFormat, ImportOptions, ImportReport, import};
use metaloc::survey::{Survey, SurveyError};
use tempfile::TempDir;

const CAPTURE: &[u8] =
    include_bytes!("../../../metaloc-radio/tests/captures/bcm43455c0_20MHz.pcap");
/// The transmitter of the real capture, and one made up.
const X: &str = "b8:3a:5a:b2:6e:70";
const Y: &str = "22:22:22:22:22:22";

/// The capture's six frames, those from `x_frames` on from another transmitter, the clock set forward.
fn capture(x_frames: usize, seconds: u8) -> Vec<u8> {
    change(seconds, |n, packet| {
        // Behind the headers of Ethernet, IPv4 and UDP, and four bytes of Nexmon's.
        if n >= x_frames {
            packet[46..52].fill(0x22);
        }
    })
}

fn zeros(seconds: u8) -> Vec<u8> {
    change(seconds, |_, packet| packet[60..].fill(0))
}

fn change(seconds: u8, packet: impl Fn(usize, &mut [u8])) -> Vec<u8> {
    let mut changed = CAPTURE.to_vec();
    let (mut at, mut n) = (24, 0);
    while at + 16 <= changed.len() {
        let time = u32::from_le_bytes(changed[at..at + 4].try_into().unwrap());
        let later = time + u32::from(seconds);
        changed[at..at + 4].copy_from_slice(&later.to_le_bytes());
        let length = u32::from_le_bytes(changed[at + 8..at + 12].try_into().unwrap()) as usize;
        packet(n, &mut changed[at + 16..at + 16 + length]);
        (at, n) = (at + 16 + length, n + 1);
    }
    changed
}

/// Captures `a.pcap` (4 frames of X, 2 of Y), `b.pcap` (the other way around), `even.pcap`, `x.pcap`,
/// `copy.pcap` of a, `none.pcap`, `zeros.pcap`, and a table of `file,point_id,environment,access_point,set`.
fn folder(rows: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("a.pcap", capture(4, 0)),
        ("b.pcap", capture(2, 1)),
        ("even.pcap", capture(3, 2)),
        ("x.pcap", capture(6, 3)),
        ("copy.pcap", capture(4, 0)),
        ("none.pcap", CAPTURE[..24].to_vec()),
        ("zeros.pcap", zeros(4)),
    ];
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let header = "file,point_id,environment,access_point,set,x_m,y_m\n".to_owned();
    let rows = rows.iter().map(|row| format!("{row},0,0\n"));
    let table = rows.fold(header, |table, row| table + &row);
    std::fs::write(folder.path().join("positions.csv"), table).unwrap();
    folder
}

fn read_with(
    rows: &[&str],
    options: &ImportOptions,
) -> Result<(Survey, ImportReport), SurveyError> {
    let folder = folder(rows);
    import(ImportFormat::Captures, &[folder.path().to_owned()], options)
}

fn good(rows: &[&str]) -> (Survey, ImportReport) {
    read_with(rows, &ImportOptions::default()).unwrap()
}

fn blocks(n_frames: usize) -> ImportOptions {
    ImportOptions { block_frames: Some(n_frames), ..ImportOptions::default() }
}

/// Asserts that an import is refused at this row with these parts.
fn refused_with(rows: &[&str], options: &ImportOptions, row: usize, parts: &[&str]) {
    let message = read_with(rows, options).unwrap_err().to_string();
    let place = format!("positions.csv, row {row}: ");
    for part in [place.as_str()].iter().chain(parts) {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

fn refused(rows: &[&str], row: usize, parts: &[&str]) {
    refused_with(rows, &ImportOptions::default(), row, parts);
}

/// Asserts that the only warning is of this row and has these parts.
fn warned(report: &ImportReport, row: usize, parts: &[&str]) {
    let [warning] = &report.warnings[..] else { panic!("{:?}", report.warnings) };
    let place = format!("positions.csv, row {row}: ");
    for part in [place.as_str()].iter().chain(parts) {
        assert!(warning.contains(part), "`{part}` is not in: {warning}");
    }
}

#[test]
fn an_address_must_be_in_the_capture() {
    let stranger = "11:11:11:11:11:11";
    let row = format!("a.pcap,a,,{stranger},");
    let found = [stranger, "in a.pcap", &format!("4 of {X}"), &format!("2 of {Y}"), "correct the"];
    refused(&["x.pcap,a,,,", &row], 3, &found);
}

#[test]
fn captures_that_give_no_sample_are_warned_of() {
    let (survey, report) = good(&["x.pcap,a,,,", "none.pcap,a,,,"]);
    warned(&report, 3, &["none.pcap: no CSI frame is in it", "no sample"]);
    assert_eq!((survey.n_samples(), report.rows_kept, report.n_dropped()), (1, 1, 1));
    let (survey, report) = good(&["x.pcap,a,,,", "zeros.pcap,a,,,"]);
    warned(&report, 3, &["zeros.pcap: all frames of", X, "are zeros"]);
    assert_eq!((survey.n_samples(), report.frames_read, report.frames_kept), (1, 12, 6));
    let dropped: usize = report.frames_dropped.values().sum();
    assert_eq!(dropped, 6);
}

#[test]
fn points_and_environments_without_a_sample_are_refused() {
    let parts = ["point `b` of environment `hall` gets no sample", "none.pcap: no CSI", "take its"];
    refused(&["x.pcap,a,hall,,", "none.pcap,b,hall,,"], 3, &parts);
    let parts =
        ["environment `room` gets no sample", "zeros.pcap: all frames", "take its rows out"];
    refused(&["x.pcap,a,hall,,", "zeros.pcap,a,room,,", "none.pcap,b,room,,"], 3, &parts);
    // Sets that were not asked for are not missed.
    let only = ImportOptions { sets: Some(vec!["day".into()]), ..ImportOptions::default() };
    let (survey, _) = read_with(&["x.pcap,a,hall,,day", "none.pcap,b,hall,,"], &only).unwrap();
    assert_eq!(survey.n_samples(), 1);
}

#[test]
fn packets_stand_for_one_point() {
    let parts = ["a.pcap stand for point `a` of environment `all` in row 2", "take one row out"];
    refused(&["a.pcap,a,,,", "a.pcap,b,,,"], 3, &parts);
    refused(&["a.pcap,a,,,", "b.pcap,b,,,", "./a.pcap,b,,,"], 4, &["row 2", "already, as a.pcap"]);
    refused(&["a.pcap,a,,,", "copy.pcap,b,,,"], 3, &["of copy.pcap", "row 2", "as a.pcap"]);
    let parts = ["point `a` of environment `monday` in row 2"];
    refused(&["a.pcap,a,monday,,", "a.pcap,a,tuesday,,"], 3, &parts);
    // Captures without a frame are all alike.
    refused(&["none.pcap,a,,,", "none.pcap,b,,,"], 2, &["gets no sample"]);
}

#[test]
fn packets_stand_once_for_a_point() {
    refused(&["a.pcap,a,,,", "a.pcap,a,,,"], 3, &["it repeats row 2", "take one out"]);
    refused(&["a.pcap,a,,,one", "a.pcap,a,,,two"], 3, &["it repeats row 2"]);
    refused(&["a.pcap,a,,,", "copy.pcap,a,,,"], 3, &["it repeats row 2", "as a.pcap"]);
    let (first, other) = (format!("a.pcap,a,,{X},"), format!("a.pcap,a,,{},", X.to_uppercase()));
    refused(&[&first, &other], 3, &["it repeats row 2"]);
    let parts = [&format!("row 2 has the frames of {X} in a.pcap already"), "column access_point"];
    refused(&["a.pcap,a,,,", &first], 3, &parts);
    refused(&["a.pcap,a,,one,", "a.pcap,a,,two,"], 3, &parts);
}

#[test]
fn rows_of_a_point_take_different_access_points() {
    let (survey, report) = good(&[&format!("a.pcap,a,,{X},"), &format!("a.pcap,a,,{Y},")]);
    assert_eq!(survey.access_points.names(), [X, Y]);
    // The file counts once, though it is read twice.
    assert_eq!((report.files, report.frames_read, report.frames_kept), (2, 6, 6));
    assert!(report.frames_dropped.is_empty() && report.warnings.is_empty(), "{report:?}");
    let (_, report) = good(&[&format!("a.pcap,a,,{Y},")]);
    let dropped: usize = report.frames_dropped.values().sum();
    assert_eq!((report.frames_read, report.frames_kept, dropped), (6, 2, 4));
}

#[test]
fn a_word_stands_for_one_address() {
    let (survey, report) = good(&["a.pcap,a,,router,", "x.pcap,b,,router,"]);
    let parts = ["`router`", "in a.pcap", &format!("4 of {X}"), &format!("also 2 of {Y}")];
    warned(&report, 2, &parts);
    assert_eq!(
        (survey.access_points.names(), report.frames_kept),
        (&["router".to_owned()][..], 10)
    );
    let here = format!("`router` is {Y} here and {X} in row 2");
    refused(&["a.pcap,a,,router,", "b.pcap,b,,router,"], 3, &[&here, "column access_point"]);
    let (x, y) = (format!("3 of {X}"), format!("3 of {Y}"));
    refused(&["even.pcap,a,,router,"], 2, &["can't be told", &x, &y, "column access_point"]);
}

#[test]
fn blocks_that_no_capture_fills_are_told() {
    let rows = ["x.pcap,a,,,", "a.pcap,a,,,"];
    let (survey, report) = read_with(&rows, &blocks(4)).unwrap();
    warned(&report, 3, &[&format!("a.pcap: 2 frames of {Y}, --block-frames asks for 4")]);
    assert_eq!((survey.n_samples(), report.frames_kept), (2, 8));
    let (_, report) = read_with(&rows, &blocks(5)).unwrap();
    warned(&report, 3, &[&format!("4 frames of {X}"), &format!("2 frames of {Y}"), "asks for 5"]);
    refused_with(
        &rows,
        &blocks(7),
        2,
        &["no sample: x.pcap: 6 frames", "--block-frames asks for 7"],
    );
}

#[test]
fn frames_of_other_sets_are_not_kept() {
    let options = ImportOptions { sets: Some(vec!["b001".into()]), ..blocks(2) };
    let (survey, report) = read_with(&["x.pcap,a,,,"], &options).unwrap();
    assert_eq!((survey.n_samples(), report.frames_read, report.frames_kept), (1, 6, 2));
}

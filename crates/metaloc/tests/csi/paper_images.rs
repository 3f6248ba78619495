//! The paper's own data, on a made-up miniature of the authors' folders.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use metaloc::csi_site::CsiSite;
use metaloc::evaluate::{self, Overrides, Protocol, Row, Unwatched, summarize};
use metaloc::radio::preprocess::CsiConfig;
use metaloc::survey::{Survey, SurveyError, SurveyFormat};
use png::{BitDepth, ColorType, Encoder};

const DAYS: [&str; 3] = ["hall-0609", "Hall_0623", "hall0714"];
const LABELS: [usize; 4] = [0, 7, 45, 89];
/// Pictures of a point on a day.
const PICTURES: usize = 6;

/// A pixel: a wave over the subcarriers of the point's own, bent by the day, and noise.
fn pixel(seed: [usize; 3], packet: usize, k: usize, channel: usize) -> u8 {
    let [day, label, number] = seed;
    let turn = k as f32 / 52.0 * std::f32::consts::TAU;
    let wave = (turn * (1 + label % 13) as f32 + channel as f32 + 0.2 * day as f32).sin();
    let noise = (((day * 97 + label) * 31 + number) * 7919 + packet * 131 + k * 17 + channel) % 23;
    (110.0 + 80.0 * wave + noise as f32) as u8
}

/// A picture whose rows are packets, or whose columns are.
fn picture(seed: [usize; 3], lies: bool) -> Vec<u8> {
    let (width, height) = if lies { (50, 52) } else { (52, 50) };
    let of = |i: usize| {
        let (row, column, channel) = (i / (3 * width), i / 3 % width, i % 3);
        let (packet, k) = if lies { (column, row) } else { (row, column) };
        pixel(seed, packet, k, channel)
    };
    png((width, height), ColorType::Rgb, &(0..3 * width * height).map(of).collect::<Vec<u8>>())
}

fn png((width, height): (usize, usize), kind: ColorType, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(kind);
    encoder.set_depth(BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    bytes
}

fn pictures(root: &Path, day: usize) -> PathBuf {
    root.join(DAYS[day]).join("sample10/RGB")
}

/// Days with the table beside the pictures, above them and at the top, with and without header.
fn miniature() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (day, name) in DAYS.iter().enumerate() {
        let folder = pictures(root.path(), day);
        fs::create_dir_all(&folder).unwrap();
        let mut table = if day == 0 { "filename,label\n".to_owned() } else { String::new() };
        for label in LABELS {
            for number in 0..PICTURES {
                let file = format!("{label}_{number}.png");
                fs::write(folder.join(&file), picture([day, label, number], day == 1)).unwrap();
                table += &format!("{file},{label}\n");
            }
        }
        let place = ["sample10/RGB", "sample10", ""][day];
        fs::write(root.path().join(name).join(place).join("label.csv"), table).unwrap();
    }
    root
}

fn load(root: &Path) -> Result<Survey, SurveyError> {
    SurveyFormat::PaperImages.load(root, None, None)
}

fn site(survey: &Survey, day: usize, set: &str) -> CsiSite {
    let environment = &survey.environments[day];
    let keep = |sample: &metaloc::survey::Sample| set == "*" || &*sample.set == set;
    let (names, config) = (&survey.access_points, CsiConfig::default());
    CsiSite::of_environment(environment, names, &config, keep).unwrap().0
}

#[test]
fn pictures_become_windows_of_amplitudes() {
    let root = miniature();
    let survey = load(root.path()).unwrap();
    let names: Vec<&str> = survey.environments.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, ["hall-0609", "hall-0623", "hall-0714"]);
    assert_eq!(survey.n_samples(), 3 * LABELS.len() * PICTURES * 3);
    // Rows of packets on the first day, columns of packets on the second.
    for day in 0..2 {
        let site = site(&survey, day, "*");
        assert_eq!(site.access_points, ["ap-1", "ap-2", "ap-3"]);
        let ids: Vec<&str> = site.points.iter().map(|point| &point.id[..]).collect();
        assert_eq!(ids, ["00", "07", "45", "89"]);
        let at = site.points[1].position;
        assert!((at.x_m - 0.6).abs() < 1e-9 && (at.y_m - 0.6).abs() < 1e-9);
        for (number, window) in site.points[1].windows.iter().enumerate() {
            assert_eq!((window.shape(), &window.rssi_dbm[..]), ([50, 52, 3], &[None; 3][..]));
            for (i, &amplitude) in window.values.iter().enumerate() {
                let pixel = pixel([day, 7, number], i / 156, i / 3 % 52, i % 3);
                assert!((amplitude - f32::from(pixel) / 255.0).abs() < 1e-6);
            }
        }
    }
    // One day by itself, and none of those that were not asked for.
    let one = load(&root.path().join(DAYS[0])).unwrap();
    assert_eq!(one.environments, survey.environments[..1]);
    let only = Some(vec!["hall-0714".to_owned()]);
    fs::remove_dir_all(pictures(root.path(), 1)).unwrap();
    let asked = SurveyFormat::PaperImages.load(root.path(), None, only).unwrap();
    assert_eq!(asked.environments, survey.environments[2..]);
}

#[test]
fn no_picture_is_on_both_sides() {
    let root = miniature();
    // A copy under another number: at the point it counts once.
    let folder = pictures(root.path(), 2);
    fs::copy(folder.join("7_0.png"), folder.join("7_5.png")).unwrap();
    let survey = load(root.path()).unwrap();
    let digests = |set: &str| -> BTreeSet<Vec<u32>> {
        let site = site(&survey, 2, set);
        let windows = site.points.iter().flat_map(|point| &point.windows);
        windows.map(|window| window.values.iter().map(|x| x.to_bits()).collect()).collect()
    };
    let (first, second) = (digests("first"), digests("second"));
    assert_eq!((first.len(), second.len()), (4 * 3, 4 * 3 - 1));
    assert!(first.is_disjoint(&second));
}

#[test]
fn bad_folders_are_named() {
    type Damage = fn(&Path);
    let cases: [(Damage, &[&str]); 12] = [
        (
            |f| fs::remove_file(f.join("label.csv")).unwrap(),
            &["label.csv", "no such file", "layout"],
        ),
        (|f| fs::remove_file(f.join("7_2.png")).unwrap(), &["7_2.png", "copy it, or take it off"]),
        (|f| fs::remove_dir_all(f).unwrap(), &["RGB", "sample10/RGB/LABEL_K.png"]),
        (|f| fs::write(f.join("label.csv"), "").unwrap(), &["label.csv", "lists no picture"]),
        (
            |f| fs::write(f.join("label.csv"), "filename,label\n90_0.png,90\n").unwrap(),
            &["label.csv, row 2", "`90`", "0 to 89"],
        ),
        (
            |f| fs::write(f.join("label.csv"), "7_0.png,8\n").unwrap(),
            &["row 1", "named after label 7, the row says 8"],
        ),
        (|f| fs::write(f.join("label.csv"), "a.jpg,8\n").unwrap(), &["`a.jpg`", "LABEL_K.png"]),
        (
            |f| fs::write(f.join("label.csv"), "7_0.png,7\n7_0.png,7\n").unwrap(),
            &["row 2", "stands above already"],
        ),
        (
            |f| {
                let bytes = fs::read(f.join("7_2.png")).unwrap();
                fs::write(f.join("7_2.png"), &bytes[..bytes.len() / 2]).unwrap();
            },
            &["7_2.png", "not a whole PNG"],
        ),
        (|f| fs::write(f.join("7_2.png"), "GIF89a").unwrap(), &["7_2.png", "not a whole PNG"]),
        (
            |f| {
                let resized = png((50, 50), ColorType::Rgb, &[7; 7500]);
                fs::write(f.join("7_2.png"), resized).unwrap();
            },
            &["7_2.png", "50 x 50 pixels", "52 x 50", "not resized"],
        ),
        (
            |f| {
                let gray = png((52, 50), ColorType::Grayscale, &[7; 2600]);
                fs::write(f.join("7_2.png"), gray).unwrap();
            },
            &["7_2.png", "Grayscale", "3 channels of 8 bits"],
        ),
    ];
    for (damage, parts) in cases {
        let root = miniature();
        damage(&pictures(root.path(), 0));
        let error = load(root.path()).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{error}: {part}");
        }
    }
}

/// Cut anywhere, a picture is refused, and nothing panics; neither is a folder of no day or of a day twice.
#[test]
fn cut_pictures_and_wrong_folders_are_refused() {
    let root = miniature();
    let path = pictures(root.path(), 0).join("7_2.png");
    let bytes = fs::read(&path).unwrap();
    for length in (0..bytes.len()).step_by(211) {
        fs::write(&path, &bytes[..length]).unwrap();
        assert!(load(root.path()).is_err(), "{length}");
    }
    let empty = tempfile::tempdir().unwrap();
    let error = load(empty.path()).unwrap_err().to_string();
    assert!(error.contains("no day folder") && error.contains("hall-0609"), "{error}");
    fs::create_dir_all(root.path().join("hall-0714/sample10/RGB")).unwrap();
    let error = load(root.path()).unwrap_err().to_string();
    assert!(error.contains("hall-0714") && error.contains("rename one"), "{error}");
}

const PROTOCOL: &str = r#"
schema = 1
name = "pictures"
title = "a new day"
seeds = [1]
[data]
kind = "csi"
format = "paper-images"
path = "."
sets = ["*"]
support_first = 1
test_after = 1
draws = 1
[[splits]]
name = "hall"
historical = ["*"]
new = ["hall-0714"]
[support]
points = [4]
samples_per_point = 2
[learning]
network = { hidden = [8] }
training = { iterations = 3 }
adaptation = { steps = 3 }
[learning.csi]
pixels = "unit"
ways = 4
query_per_point = 2
[[methods]]
name = "1nn"
[[methods]]
name = "hi-knn"
[[methods]]
name = "krr"
[[methods]]
name = "maml"
[[methods]]
name = "auto"
[[methods]]
name = "packets"
learning.csi.window.quantity = "complex"
[[methods]]
name = "cifi"
learning.csi.window.quantity = "phase-difference"
[[methods]]
name = "fila-like"
learning.csi.window.gain_control = "rssi"
[[methods]]
name = "ri"
learning.csi.fingerprint = "spectrum-rss"
"#;

#[test]
fn a_protocol_runs_on_pictures_or_says_what_they_lack() {
    let root = miniature();
    let file = root.path().join("pictures.toml");
    fs::write(&file, PROTOCOL).unwrap();
    let protocol = Protocol::read(&file).unwrap();
    let run = |threads| -> Vec<Row> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let run = || evaluate::run(&protocol, root.path(), &Overrides::default(), &mut Unwatched);
        pool.install(run).unwrap().rows
    };
    let rows = run(1);
    for row in &rows[..5] {
        assert_eq!(row.errors.n + row.not_located, 4 * 3, "{}", row.method);
    }
    let summary = summarize(&rows);
    assert!(summary[0].accuracy.unwrap() > 0.9, "{:?}", summary[0].accuracy);
    let needs: Vec<&str> = summary[5..].iter().filter_map(|row| row.needs.as_deref()).collect();
    assert_eq!(needs, ["phases", "phases", "signal strengths", "signal strengths"]);
    let errors = |rows: &[Row]| rows.iter().map(|row| row.errors_m.clone()).collect::<Vec<_>>();
    assert_eq!(errors(&rows), errors(&run(2)));
}

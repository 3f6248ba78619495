//! `reproduce`: the same files from the same seed, and a report that a browser shows.

use std::path::Path;
use std::process::Command;

use crate::util::Dir;

/// A simulated hall, plans, and the learning of the toy examples.
const RUN: &str = "reproduce fig1 fig7 fig8 fig9 fig10 --quick --quiet --out";

/// Names and bytes of the results; the report names the machine's threads.
fn results(dir: &Dir, out: &str) -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(dir.path(out)).unwrap().map(|entry| entry.unwrap().path());
    let mut results: Vec<(String, Vec<u8>)> = files
        .filter(|path| path.is_file() && !path.ends_with("report.html"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    results.sort();
    results
}

/// Runs a command that ends in `--out` on one thread and on three; the results must be the same bytes.
fn same_on_other_threads(dir: &Dir, run: &str) -> Vec<(String, Vec<u8>)> {
    for (threads, out) in [("1", "one"), ("3", "three")] {
        let mut run = dir.command(&format!("{run} {out}"));
        assert!(run.env("RAYON_NUM_THREADS", threads).status().unwrap().success());
    }
    let (one, three) = (results(dir, "one"), results(dir, "three"));
    assert_eq!(one.len(), three.len());
    for (a, b) in one.iter().zip(&three) {
        assert_eq!(a.0, b.0);
        assert!(a.1 == b.1, "{} differs by the number of threads", a.0);
    }
    one
}

#[test]
fn results_are_the_same_on_other_threads_and_the_report_shows_them() {
    let dir = Dir::new();
    let one = same_on_other_threads(&dir, RUN);
    let has = |ending: &str| one.iter().filter(|(name, _)| name.ends_with(ending)).count();
    assert!(has(".svg") >= 6 && has(".png") == has(".svg") && has(".csv") >= 2, "{}", one.len());
    assert_eq!((has(".claims.json"), has(".protocol.toml")), (5, 4));

    // What is kept is taken, and gives the same.
    dir.run(&format!("{RUN} one")).ok();
    assert!(one == results(&dir, "one"), "kept rows give other files");

    shows_in_a_browser(&dir.path("one").join("report.html"));
}

/// Every method on recordings and on their strengths, steps of training and of adaptation; and the protocols that are
/// written give the same again.
#[test]
fn methods_on_recordings_are_the_same_on_other_threads() {
    let Some(data) = std::env::var_os("METALOC_DATA") else {
        return eprintln!("skipped: METALOC_DATA is not set");
    };
    let data = std::path::PathBuf::from(data);
    let dir = Dir::new();
    let targets =
        "reproduce table1 table3 fig12 fig13 fig14 released --dataset polyu --quick --quiet";
    let one = same_on_other_threads(&dir, &format!("{targets} --data {} --out", data.display()));
    let tables: Vec<&str> =
        one.iter().map(|(name, _)| &name[..]).filter(|name| name.ends_with(".csv")).collect();
    assert!(tables.len() >= 7, "{tables:?}");

    // The chosen settings lie beside the protocol, which finds them.
    let protocol = dir.path("one").join("table3-table3-polyu.protocol.toml");
    let again = format!("evaluate {} --quiet --json --data {}", protocol.display(), data.display());
    let rows = dir.run(&again).ok().rows();
    let maml = rows.iter().find(|row| row["method"] == "maml").unwrap();
    let table = std::fs::read_to_string(dir.path("one").join("table3-polyu.csv")).unwrap();
    let said = format!("maml,{:.2},", maml["mean_m"].as_f64().unwrap());
    assert!(table.contains(&said), "{said} is not in {table}");
}

/// Has a browser draw and print a report; skipped, saying so, where there is no browser.
fn shows_in_a_browser(report: &Path) {
    let text = std::fs::read_to_string(report).unwrap();
    for outside in ["src=\"http", "href=\"http", "url(http", "<script", "@import"] {
        assert!(!text.contains(outside), "the report has {outside}");
    }
    let asked = std::env::var("METALOC_BROWSER").ok();
    let browser = asked.clone().unwrap_or("chromium".into());
    let url = format!("file://{}", report.display());
    let run = |more: &str| {
        let flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"];
        Command::new(&browser).args(flags).args([more, "--window-size=1200,9000", &url]).output()
    };
    let (shot, print) = (report.with_file_name("shot.png"), report.with_file_name("print.pdf"));
    match run(&format!("--screenshot={}", shot.display())) {
        Err(e) if asked.is_none() => {
            return eprintln!("skipped: no browser `{browser}` to show the report in ({e})");
        }
        output => assert!(output.unwrap().status.success(), "{browser} can't show the report"),
    }
    let (width, height, pixels) = picture(&shot);
    assert_eq!((width, height), (1200, 9000));
    let share = |is: &dyn Fn([u8; 3]) -> bool| {
        let n = pixels.chunks_exact(3).filter(|p| is([p[0], p[1], p[2]])).count();
        n as f64 / (width * height) as f64
    };
    // The ground, text, and the lines of MAML and of nearest neighbours.
    let white = share(&|p| p.iter().all(|x| *x > 240));
    let ink = share(&|p| p.iter().all(|x| *x < 90));
    assert!(white > 0.5 && white < 0.97 && ink > 0.005, "white {white}, ink {ink}");
    for method in [[0, 114, 178], [230, 159, 0]] {
        assert!(share(&|p| p == method) > 1e-5, "no line of colour {method:?} in the report");
    }
    assert!(run(&format!("--print-to-pdf={}", print.display())).unwrap().status.success());
    assert!(std::fs::read(&print).unwrap().starts_with(b"%PDF"));
}

/// Width, height and pixels `[height, width, 3]` of a PNG.
fn picture(path: &Path) -> (usize, usize, Vec<u8>) {
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let mut decoder = png::Decoder::new(file);
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    let samples = info.color_type.samples();
    let rgb = bytes[..info.buffer_size()].chunks_exact(samples).flat_map(|p| [p[0], p[1], p[2]]);
    (info.width as usize, info.height as usize, rgb.collect())
}

//! What holds for every command: help, exit codes, quiet, pipes that break.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::util::{ADAPT, Dir, Run, TRAIN, full_disk};

const COMMANDS: [&str; 13] = [
    "demo",
    "reproduce",
    "doctor",
    "import",
    "survey init",
    "inspect",
    "simulate",
    "train",
    "adapt",
    "locate",
    "evaluate",
    "bench",
    "completions",
];

#[test]
fn every_help_has_an_example() {
    let dir = Dir::new();
    for command in COMMANDS {
        let help = dir.run(&format!("{command} --help")).ok().stdout;
        let (_, example) = help.split_once("Example").expect(command);
        assert!(example.contains(&format!("metaloc {command}")), "{help}");
        assert!(help.contains("Usage: metaloc") && help.contains("--quiet"), "{help}");
        for line in help.lines().filter(|line| !line.starts_with("Usage")) {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }
    let all = dir.run("--help").ok().stdout;
    for command in COMMANDS {
        let command = command.split(' ').next().unwrap();
        assert!(all.lines().any(|line| line.trim_start().starts_with(command)), "{command}");
    }
    assert!(dir.run("--version").ok().stdout.starts_with("metaloc "));
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let dir = Dir::new();
    dir.run("").fails(2, &["Usage: metaloc"]);
    dir.run("fly").fails(2, &["unrecognized subcommand 'fly'"]);
    dir.run("inspect").fails(2, &["<PATH>"]);
    dir.run("inspect x --fast").fails(2, &["unexpected argument '--fast'"]);
    dir.run("import --format ujiindoorloc data").fails(2, &["--out <OUT>"]);
    dir.run("simulate office.toml").fails(2, &["--out <OUT>"]);
    dir.run("train --out m").fails(2, &["--survey <SURVEY>", "--environments"]);
    dir.run("train --survey s --environments a --out m --seed=-1").fails(2, &["--seed"]);
    dir.run("adapt --survey s --environment a --out m").fails(2, &["--model"]);
    dir.run("locate scans.jsonl").fails(2, &["--model"]);
    dir.run("bench --workload W9").fails(2, &["'W9'", "W1-second-order"]);
    dir.run("completions basic").fails(2, &["bash"]);
    let import = "import tables --out x --format";
    dir.run(&format!("{import} xml")).fails(2, &["'xml'", "uji-library", "tidy-csv"]);
    let import = format!("{import} tidy-csv");
    dir.run(&format!("{import} --environment-by week")).fails(2, &["'week'", "month, day, floor"]);
    dir.run(&format!("{import} --drop-duplicates all")).fails(2, &["'all'", "rss-position"]);
    let train = "train --survey s --environments a --out m --algorithm magic";
    dir.run(train).fails(2, &["'magic'", "maml, maml-dg, anil"]);
    assert_eq!(dir.names(), Vec::<String>::new());
}

#[test]
fn a_simd_level_that_cannot_be_followed_is_wrong_usage() {
    let dir = Dir::new();
    let with = |level: &str| Run::of(dir.command("completions bash").env("METALOC_SIMD", level));
    with("portable").ok();
    let run = with("mmx").fails(2, &["error: METALOC_SIMD is \"mmx\"", "portable"]);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    assert!(dir.run("bench --help").ok().stdout.contains("METALOC_SIMD"));
}

#[test]
fn failure_is_exit_code_1_with_a_message() {
    let dir = Dir::new();
    for command in [
        "inspect no-such",
        "simulate no-such --out x",
        "train --survey no-such --environments a --out m",
        "adapt --model no-such --survey s --environment a --out m",
        "locate --model no-such -",
        "evaluate no-such",
        "import --format tidy-csv no-such --out x",
    ] {
        let run = dir.run(command).fails(1, &["error: no-such", "o such file"]);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    }
    assert_eq!(dir.names(), Vec::<String>::new());
}

#[test]
fn completions() {
    let dir = Dir::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = dir.run(&format!("completions {shell}")).ok().stdout;
        for word in ["metaloc", "calibrate-gain", "dry-run"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn quiet_says_nothing_but_results() {
    let dir = Dir::with_survey();
    let train = format!("{TRAIN} --out old.model");
    let adapt = format!("{ADAPT} --out new.model");
    for command in ["survey init mine", train.as_str(), adapt.as_str()] {
        let run = dir.run(&format!("{command} --quiet")).ok();
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "{command}");
    }
    let inspect = dir.run("inspect offices --quiet").ok();
    assert_eq!(inspect.stderr, "");
    assert!(inspect.stdout.starts_with("survey offices"), "results stay");
    // Neither is a bar drawn where stderr is no terminal.
    let talking = dir.run(&format!("{TRAIN} --out second.model")).ok();
    assert!(talking.stderr.contains("20 iterations") && !talking.stderr.contains('\r'));
    assert_eq!(dir.bytes("second.model"), dir.bytes("old.model"));
    let run = dir.run("inspect no-such --quiet").fails(1, &["error: no-such"]);
    assert_eq!(run.stderr.lines().count(), 1);
}

/// `metaloc locate ... | head -1`
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let dir = Dir::with_adapted();
    dir.put("scans.jsonl", "{\"id\": 1, \"rss\": {\"new-ap01\": -60}}\n".repeat(5000));
    for command in ["locate --model new.model scans.jsonl", "completions bash"] {
        let mut command = dir.command(command);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        reader.read_line(&mut first).unwrap();
        assert!(!first.is_empty());
        drop(reader);
        let run = Run::from(child.wait_with_output().unwrap()).ok();
        assert_eq!(run.stderr, "");
    }
}

#[test]
fn a_full_disk_is_a_failure() {
    let Some(full) = full_disk() else { return };
    let dir = Dir::with_adapted();
    dir.put("scans.jsonl", "{\"id\": 1, \"rss\": {\"new-ap01\": -60}}\n");
    for command in [
        "inspect offices",
        "inspect offices --json",
        "locate --model new.model scans.jsonl",
        "completions bash",
        "simulate offices.toml --preview",
    ] {
        let device = std::fs::OpenOptions::new().write(true).open(full).unwrap();
        let run = Run::of(dir.command(command).stdout(device));
        run.fails(1, &["No space left on device"]);
    }
}

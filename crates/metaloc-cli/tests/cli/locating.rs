//! `locate`: one answer a scan, whatever the scan looks like.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::util::{Dir, Run};

/// The new building's test scans, `shift_db` added, as JSON lines.
fn test_scans(dir: &Dir, shift_db: f64) -> String {
    let table = String::from_utf8(dir.bytes("offices/new/rss.csv")).unwrap();
    let mut scans: BTreeMap<&str, BTreeMap<&str, f64>> = BTreeMap::new();
    for row in table.lines().skip(1).filter(|row| row.starts_with('t')) {
        let cells: Vec<&str> = row.split(',').collect();
        let dbm = cells[2].parse::<f64>().unwrap() + shift_db;
        scans.entry(cells[0]).or_default().insert(cells[1], dbm);
    }
    let line = |(id, rss): (&&str, _)| json!({ "id": id, "rss": rss }).to_string() + "\n";
    scans.iter().map(line).collect()
}

#[test]
fn a_batch_goes_on_behind_a_bad_line() {
    let dir = Dir::with_adapted();
    let lines: [(&[u8], Value, &str); 12] = [
        (br#"{"id": 7, "rss": {"new-ap01": -60, "new-ap02": -55}}"#, json!(7), ""),
        (br#"{"id": "x", "rss": {"new-ap01": -60, "stranger": -40}}"#, json!("x"), ""),
        (br#"{"id": 8, "rss": {"a": -60, "old-a-ap01": -40}}"#, json!(8), "the radio map knows"),
        (br#"{"id": null, "rss": {}}"#, json!(null), "heard no access point"),
        (br#"{"id": 9, "rss": {"new-ap01": 12}}"#, json!(9), "RSS of `new-ap01` is 12 dBm"),
        (br#"{"id": 9, "rss": {"new-ap01": -121}}"#, json!(9), "-120 to 0"),
        (b"{\"id\": 1, \"rss\": {\"new", json!("line 7"), "line 7: EOF"),
        (br#"{"rss": {"new-ap01": -60}}"#, json!("line 8"), "missing field `id`"),
        (br#"{"id": 1, "rsi": {}}"#, json!("line 9"), "unknown field `rsi`"),
        (br#"{"id": 1, "rss": {"new-ap01": "weak"}}"#, json!("line 10"), "expected f32"),
        (b"{\"id\": 1, \"rss\": {\"caf\xe9\": -60}}", json!("line 11"), "line 11: "),
        (br#"{"id": [2], "rss": {"new-ap01": -60}}"#, json!([2]), ""),
    ];
    let text: Vec<&[u8]> = lines.iter().map(|(line, ..)| *line).collect();
    let text = [&text.join(&b"\n"[..]), &b"\n\n \n"[..]].concat();
    dir.put("scans.jsonl", &text);
    let run = dir.run("locate --model new.model scans.jsonl").ok();
    assert_eq!(run.stderr, "");
    assert_eq!(run.rows().len(), lines.len(), "blank lines are no scans");
    for (answer, (line, id, reason)) in run.rows().iter().zip(&lines) {
        let line = String::from_utf8_lossy(line);
        assert_eq!((&answer["id"], &answer["located"]), (id, &reason.is_empty().into()), "{line}");
        let object = answer.as_object().unwrap();
        if reason.is_empty() {
            let keys: Vec<&str> = object.keys().map(String::as_str).collect();
            assert_eq!(keys, ["candidates", "floor", "id", "located", "x_m", "y_m"]);
            let candidate = answer["candidates"][0].as_object().unwrap();
            let keys: Vec<&str> = candidate.keys().map(String::as_str).collect();
            assert_eq!(keys, ["floor", "point", "weight", "x_m", "y_m"]);
        } else {
            assert_eq!(object.len(), 3, "never a guess: {answer}");
            let found = answer["reason"].as_str().unwrap();
            assert!(found.contains(reason), "{line}: {found}");
        }
    }
    let windows = String::from_utf8_lossy(&text).replace('\n', "\r\n");
    let from_stdin = dir.run_with_stdin("locate --model new.model -", &text).ok();
    assert_eq!(from_stdin.stdout, run.stdout);
    let rows = dir.run_with_stdin("locate --model new.model -", windows.as_bytes()).ok().rows();
    assert_eq!(rows[0], run.rows()[0]);
    assert_eq!(dir.run_with_stdin("locate --model new.model -", b"").ok().stdout, "");
}

#[test]
fn a_table_of_scans() {
    let dir = Dir::with_adapted();
    dir.put("scans.jsonl", test_scans(&dir, 0.0));
    let lines = dir.run("locate --model new.model scans.jsonl").ok().rows();
    let table = dir.run("locate --model new.model offices/new/rss.csv").ok().rows();
    let of_tests: Vec<Value> =
        table.into_iter().filter(|row| row["id"].as_str().unwrap().starts_with('t')).collect();
    assert_eq!((of_tests.len(), &of_tests), (10, &lines), "the same scans, the same answers");
    dir.put("bad.csv", "sample_id,access_point,dbm\ns1,new-ap01,-60\ns1,new-ap02,weak\n");
    dir.run("locate --model new.model bad.csv")
        .fails(1, &["bad.csv, row 3: `dbm` is `weak`", "a finite number"]);
    dir.put("bad.csv", "id,ap,dbm\n");
    dir.run("locate --model new.model bad.csv").fails(1, &["bad.csv: the column `sample_id`"]);
    dir.put("twice.csv", "sample_id,access_point,dbm\ns1,new-ap01,-60\ns1,new-ap01,-61\n");
    let twice = &dir.run("locate --model new.model twice.csv").ok().rows()[0];
    assert_eq!(twice["located"], false);
    assert!(twice["reason"].as_str().unwrap().contains("twice"), "{twice}");
    dir.run("locate --model new.model none.csv").fails(1, &["none.csv: there is no such file"]);
    dir.run("locate --model new.model none.jsonl").fails(1, &["none.jsonl: No such file"]);
    dir.run("locate --model new.model offices").fails(1, &["offices: Is a directory"]);
}

/// The decibels that `--calibrate-gain` says it added.
fn added_db(run: &Run) -> i32 {
    let text = run.stderr.split_once("receiver gain: ").expect(&run.stderr).1;
    text.split_once(" dB added").expect(text).0.parse().unwrap()
}

#[test]
fn another_phone() {
    let dir = Dir::with_adapted();
    dir.put("same.jsonl", test_scans(&dir, 0.0));
    dir.put("other.jsonl", test_scans(&dir, -8.0));
    let locate =
        |file: &str, flags: &str| dir.run(&format!("locate --model new.model {file} {flags}")).ok();
    let same = locate("same.jsonl", "--calibrate-gain");
    let other = locate("other.jsonl", "--calibrate-gain");
    assert_eq!(added_db(&other) - added_db(&same), 8, "the planted offset");
    for (same, other) in same.rows().iter().zip(&other.rows()) {
        for key in ["x_m", "y_m"] {
            let distance = same[key].as_f64().unwrap() - other[key].as_f64().unwrap();
            assert!(distance.abs() < 0.01, "{same} {other}");
        }
    }
    let without = locate("other.jsonl", "");
    assert_eq!(without.stderr, "");
    assert_ne!(without.stdout, other.stdout);
    assert_eq!(locate("other.jsonl", "--calibrate-gain --quiet").stderr, "");
    let few: String =
        test_scans(&dir, 0.0).lines().take(4).map(|line| format!("{line}\n")).collect();
    dir.put("few.jsonl", few);
    let few = locate("few.jsonl", "--calibrate-gain");
    assert!(few.stderr.contains("not estimated, that takes 5 scans or more"), "{}", few.stderr);
    assert_eq!(few.stdout, locate("few.jsonl", "").stdout);
}

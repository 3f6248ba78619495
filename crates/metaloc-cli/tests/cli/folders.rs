//! `survey`, `inspect`, `simulate`, `import`, `evaluate`: what is read, and what is written whole.

use crate::util::{Dir, full_disk, rows};

#[test]
fn a_template_is_a_survey() {
    let dir = Dir::new();
    let run = dir.run("survey init mine").ok();
    assert!(run.stderr.contains("metaloc inspect mine"), "{}", run.stderr);
    let words = dir.run("inspect mine").ok().stdout;
    assert!(words.contains("1 environments") && words.contains("2 points"), "{words}");
    dir.run("survey init mine")
        .fails(1, &["mine exists already", "choose another name or remove it first"]);
    dir.run("survey init no/mine").fails(1, &["no"]);
    assert_eq!(dir.names(), ["mine"]);
}

#[test]
fn a_mistake_in_a_survey_is_named() {
    let dir = Dir::new();
    dir.run("survey init mine").ok();
    let rss = String::from_utf8(dir.bytes("mine/2026-01/rss.csv")).unwrap();
    let row = rss.lines().count() + 1;
    let sample = rss.lines().last().unwrap().split(',').next().unwrap();
    dir.put("mine/2026-01/rss.csv", format!("{}\n{sample},x,12\n", rss.trim_end()));
    let place = format!("rss.csv, row {row}: RSS is 12 dBm");
    dir.run("inspect mine").fails(1, &[&place, "-120 to 0 dBm"]);
    let train = "train --survey mine --environments 2026-01 --out m";
    dir.run(train).fails(1, &[&place]);
    std::fs::remove_dir_all(dir.path("mine/2026-01")).unwrap();
    dir.run("inspect mine").fails(1, &["2026-01/points.csv", "no such file"]);
    dir.put("text", "no model\n");
    dir.run("inspect text").fails(1, &["text: not a whole model file", "copy it again"]);
}

#[test]
fn rows_go_to_stdout_or_a_file() {
    let dir = Dir::with_survey();
    let run = dir.run("inspect offices --json").ok();
    let row = &run.rows()[0];
    assert_eq!((run.rows().len(), &row["name"]), (1, &"offices".into()));
    assert_eq!(row["environments"][2]["name"], "new");
    let run = dir.run("inspect offices --json=rows.jsonl").ok();
    assert!(run.stdout.starts_with("survey offices: 3 environments"), "{}", run.stdout);
    let written = rows(std::str::from_utf8(&dir.bytes("rows.jsonl")).unwrap());
    assert_eq!(&written[0], row);
    // The file is replaced, and no other is left.
    dir.put("rows.jsonl", "old");
    dir.run("inspect offices --json=rows.jsonl").ok();
    assert_eq!(rows(std::str::from_utf8(&dir.bytes("rows.jsonl")).unwrap()), written);
    assert_eq!(dir.names(), ["config.toml", "offices", "offices.toml", "rows.jsonl"]);
    let failed = dir.run("inspect offices --json=no/rows.jsonl");
    assert_eq!(failed.code, Some(1));
    let expected = "no/rows.jsonl: No such file or directory (os error 2)\n";
    assert!(failed.stderr.ends_with(expected), "{}", failed.stderr);
}

#[cfg(unix)]
#[test]
fn rows_go_to_devices() {
    use std::os::unix::fs::FileTypeExt;
    let dir = Dir::with_survey();
    let run = dir.run("inspect offices --json=/dev/stdout").ok();
    assert_eq!(rows(run.stdout.lines().last().unwrap())[0]["name"], "offices");
    if let Some(full) = full_disk() {
        let failed = dir.run("inspect offices --json=/dev/full");
        assert_eq!(failed.code, Some(1), "{failed:?}");
        assert!(failed.stderr.contains("/dev/full: No space left"), "{}", failed.stderr);
        assert!(full.metadata().unwrap().file_type().is_char_device(), "still a device");
    }
}

#[test]
fn simulated_surveys() {
    let dir = Dir::with_survey();
    let hash = |name: &str| dir.run(&format!("inspect {name} --json")).ok().rows()[0].clone();
    dir.run("simulate offices.toml --out again").ok();
    assert_eq!(hash("again")["data_hash"], hash("offices")["data_hash"]);
    dir.run("simulate offices.toml --seed 8 --out other").ok();
    assert_ne!(hash("other")["data_hash"], hash("offices")["data_hash"]);
    let preview = dir.run("simulate offices.toml --preview --out pictures").ok().stdout;
    assert!(preview.contains("old-b: 58 points") && preview.contains("nothing was simulated"));
    assert!(dir.bytes("pictures/old-b.png").starts_with(b"\x89PNG"));
    dir.run("simulate offices.toml --preview").ok();
    assert_eq!(dir.bytes("offices-preview/old-b.svg"), dir.bytes("pictures/old-b.svg"));
    let names = dir.names();
    dir.run("simulate offices.toml --out other")
        .fails(1, &["other exists already", "choose another name"]);
    let missing = dir.run("simulate offices.toml --out no/other");
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.contains("error: no/other: No such file"), "{}", missing.stderr);
    assert!(!missing.stderr.contains(".metaloc"), "{}", missing.stderr);
    let scenario = String::from_utf8(dir.bytes("offices.toml")).unwrap();
    for (from, to, parts) in [
        ("seed", "seeds", ["bad.toml", "unknown field `seeds`"]),
        ("schema = 1", "schema = 2", ["bad.toml", "schema 2 is not known"]),
        ("grid_m = 2.5", "grid_m = 0", ["environment `old-a`", "`grid_m` must be above 0"]),
        ("\"old-b\"", "\"old-a\"", ["environment `old-a` stands twice", "rename one"]),
    ] {
        dir.put("bad.toml", scenario.replacen(from, to, 1));
        dir.run("simulate bad.toml --out bad").fails(1, &parts);
    }
    std::fs::remove_file(dir.path("bad.toml")).unwrap();
    assert_eq!(dir.names(), names, "nothing else was written");
}

#[test]
fn imported_tables() {
    let dir = Dir::new();
    std::fs::create_dir(dir.path("tables")).unwrap();
    let samples =
        "sample_id,x_m,y_m,floor,environment\ns1,0,0,1,day\ns2,4,0,2,night\ns3,4,0,2,night\n";
    dir.put("tables/samples.csv", samples);
    dir.put("tables/rss.csv", "sample_id,access_point,dbm\ns1,a,-50\ns2,a,-51.5\n");
    let import = "import --format tidy-csv tables";
    let dry = dir.run(&format!("{import} --dry-run --out survey")).ok();
    for part in
        ["3 rows read", "2 kept", "1 dropped: empty", "day: 1 points", "nothing was written"]
    {
        assert!(dry.stdout.contains(part), "`{part}` is not in: {}", dry.stdout);
    }
    assert_eq!(dir.names(), ["tables"]);
    let row = &dir.run(&format!("{import} --dry-run --json")).ok().rows()[0];
    assert_eq!((&row["rows_read"], &row["rows_kept"]), (&3.into(), &2.into()));
    dir.run(&format!("{import} --out survey")).ok();
    assert!(dir.run("inspect survey").ok().stdout.contains("night: 1 points, 1 samples, floors 2"));
    dir.run(&format!("{import} --out survey")).fails(1, &["survey exists already"]);
    dir.run(&format!("{import} --environment-by floor --out floors")).ok();
    assert!(dir.run("inspect floors").ok().stdout.contains("f1: 1 points"));
    let out = "--out third";
    dir.run(&format!("{import} --environments noon {out}"))
        .fails(1, &["unknown environment `noon`", "tables", "day, night"]);
    dir.run(&format!("{import} --environment-by month {out}"))
        .fails(2, &["`month`", "tidy-csv knows environment, floor"]);
    dir.run(&format!("{import} --block-frames 5 {out}")).fails(2, &["for --format captures"]);
    dir.put("tables/rss.csv", "sample_id,access_point,dbm\r\ns1,a,-50\r\ns4,a,-51\r\n");
    dir.run(&format!("{import} {out}"))
        .fails(1, &["tables/rss.csv, row 3: sample `s4` is not in samples.csv"]);
    assert_eq!(dir.names(), ["floors", "survey", "tables"]);
}

#[test]
fn data_that_is_not_there() {
    let dir = Dir::new();
    dir.run("import --format uji-library here --out x").fails(1, &["here", "10.5281/zenodo"]);
    dir.run("import --format ujiindoorloc here --out x")
        .fails(1, &["here", "UCI Machine Learning"]);
    let experiments = concat!(env!("CARGO_MANIFEST_DIR"), "/../../experiments");
    for (protocol, publisher) in [("uji-ageing", "zenodo"), ("ujiindoorloc-transfer", "UCI")] {
        let protocol = format!("{experiments}/{protocol}.toml");
        dir.run(&format!("evaluate {protocol} --data here")).fails(1, &["here", publisher]);
    }
}

#[test]
fn environments_are_compared() {
    let dir = Dir::with_survey();
    let similarity = "similarity --survey offices --environment new --sets training";
    let said = dir.run(similarity).ok().stdout;
    for part in ["new beside what was surveyed before", "old-a", "old-b", "expected error", "m ("] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    let row = &dir.run(&format!("{similarity} --json")).ok().rows()[0];
    assert_eq!(row["historical"].as_array().unwrap().len(), 2);
    assert!(row["expected_m"].as_f64().unwrap() > 0.1);
    assert_eq!(dir.run(&format!("{similarity} --json")).ok().rows()[0], *row);
    let one = dir.run(&format!("{similarity} --historical old-b --json")).ok().rows();
    assert_eq!(one[0]["historical"][0]["environment"], "old-b");
    assert_eq!(one[0]["historical"][0]["nearest_other"], serde_json::Value::Null);
    dir.run("similarity --survey offices --environment nowhere").fails(1, &["nowhere", "old-a"]);
    dir.run(&format!("{similarity} --historical new")).fails(1, &["no other environment"]);
}

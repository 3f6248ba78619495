//! `train` and `adapt`.

use crate::util::{ADAPT, Dir, Run, TRAIN};

#[test]
fn from_surveys_to_places() {
    let dir = Dir::with_survey();
    let train = dir.run(&format!("{TRAIN} --out old.model")).ok();
    for part in ["maml: 20 iterations (all iterations done)", "from old-a, old-b", "old.model"] {
        assert!(train.stderr.contains(part), "`{part}` is not in: {}", train.stderr);
    }
    let words = dir.run("inspect old.model").ok().stdout;
    assert!(words.contains("a start for new environments: maml") && words.contains("hidden = [8]"));
    let adapt = dir.run(&format!("{ADAPT} --support 3 --points 20 --out new.model")).ok();
    assert!(adapt.stderr.contains("new: 20 points, 60 samples"), "{}", adapt.stderr);
    let row = &dir.run("inspect new.model --json").ok().rows()[0];
    assert_eq!((&row["kind"], &row["environment"]), (&"an adapted model".into(), &"new".into()));
    assert_eq!(row["historical_environments"], serde_json::json!(["old-a", "old-b"]));
    let answers = dir.run("locate --model new.model offices/new/rss.csv").ok().rows();
    assert_eq!(answers.len(), 48 * 4 + 10);
    for answer in &answers {
        let (x_m, y_m) = (answer["x_m"].as_f64().unwrap(), answer["y_m"].as_f64().unwrap());
        assert!((-20.0..40.0).contains(&x_m) && (-15.0..30.0).contains(&y_m), "{answer}");
        assert_eq!((&answer["located"], &answer["floor"]), (&true.into(), &0.into()));
        let weights = answer["candidates"].as_array().unwrap().iter();
        let total: f64 = weights.map(|candidate| candidate["weight"].as_f64().unwrap()).sum();
        assert!((total - 1.0).abs() < 1e-3, "{answer}");
    }
    // The adapted model holds all that is needed.
    std::fs::remove_dir_all(dir.path("offices")).unwrap();
    std::fs::remove_file(dir.path("old.model")).unwrap();
    let line = b"{\"id\": 1, \"rss\": {\"new-ap01\": -60}}\n";
    let answer = dir.run_with_stdin("locate --model new.model -", line).ok();
    assert_eq!(answer.rows()[0]["located"], true);
}

#[test]
fn every_algorithm_makes_a_model() {
    let dir = Dir::with_survey();
    for algorithm in ["maml", "tl", "ri"] {
        dir.run(&format!("{TRAIN} --algorithm {algorithm} --iterations 3 --out old.model")).ok();
        let row = &dir.run("inspect old.model --json").ok().rows()[0];
        assert_eq!(row["algorithm"], algorithm);
        dir.run(&format!("{ADAPT} --steps 2 --out {algorithm}.model")).ok();
    }
}

#[test]
fn the_same_bytes_at_any_number_of_threads() {
    let dir = Dir::with_survey();
    for threads in ["1", "2", "5"] {
        for (command, out) in [(TRAIN, "old.model"), (ADAPT, "new.model")] {
            let mut command = dir.command(&format!("{command} --out {out}"));
            Run::of(command.env("RAYON_NUM_THREADS", threads)).ok();
            std::fs::copy(dir.path(out), dir.path(&format!("{out}-{threads}"))).unwrap();
        }
    }
    for model in ["old.model", "new.model"] {
        assert_eq!(dir.bytes(&format!("{model}-1")), dir.bytes(&format!("{model}-2")));
        assert_eq!(dir.bytes(&format!("{model}-1")), dir.bytes(&format!("{model}-5")));
    }
    dir.run(&format!("{TRAIN} --seed 2 --out other.model")).ok();
    assert_ne!(dir.bytes("other.model"), dir.bytes("old.model"));
}

#[test]
fn without_a_name_the_best_method_is_chosen() {
    let dir = Dir::with_survey();
    let train = "train --survey offices --sets training --iterations 20";
    let run = dir.run(&format!("{train} --environments old-a,old-b --out best.model")).ok();
    assert_eq!(run.stderr.matches("<- chosen").count(), 1, "{}", run.stderr);
    for candidate in ["kernel", "pwknn, power 8", "maml, 0 steps", "maml, 5 steps"] {
        assert!(run.stderr.contains(&format!("  {candidate}")), "{}", run.stderr);
    }
    // What was chosen, and why, stays with the model.
    assert!(dir.run("inspect best.model").ok().stdout.contains("<- chosen"));
    let run = dir.run(&format!("{train} --environments old-a --out one.model")).ok();
    assert!(run.stderr.contains("leaves none to judge by"), "{}", run.stderr);
    for model in ["best", "one"] {
        let adapt = "adapt --survey offices --environment new --sets training --points 12";
        dir.run(&format!("{adapt} --model {model}.model --out new.model")).ok();
        let answers = dir.run("locate --model new.model offices/new/rss.csv").ok().rows();
        assert!(answers.iter().all(|answer| answer["located"] == true));
    }
}

#[test]
fn what_training_refuses() {
    let dir = Dir::with_survey();
    let train =
        |rest: &str| dir.run(&format!("train --survey offices --algorithm maml --out m {rest}"));
    train("--environments old-a,nowhere")
        .fails(1, &["no environment `nowhere`", "it has old-a, old-b, new"]);
    train("--environments old-a --validate-on nowhere").fails(1, &["no environment `nowhere`"]);
    train("--environments old-a --sets trn01")
        .fails(1, &["environment `old-a` has no sample", "sets trn01", "it has test, training"]);
    train("--environments old-a --iterations 0").fails(1, &["iterations", "at least 1"]);
    for (text, parts) in [
        ("[network]\nwidths = [8]\n", ["bad.toml", "unknown field `widths`"]),
        ("[fingerprint]\nneighbors = 0\n", ["`fingerprint.neighbors`", "at least 1"]),
        (
            "[task]\nmin_points = 60\nmax_points = 70\n[fingerprint]\nneighbors = 45\n",
            ["environment old-a/f0 has 48 surveyed points", "choose a smaller K"],
        ),
        ("network = 3\n", ["bad.toml", "invalid type"]),
        ("[network\n", ["bad.toml", "line 1"]),
    ] {
        dir.put("bad.toml", text);
        train("--environments old-a --sets training --config bad.toml").fails(1, &parts);
    }
    train("--environments old-a --config none.toml").fails(1, &["none.toml: No such file"]);
    let kind = "[fingerprint]\nkind = \"rss-vector\"\n";
    dir.put("vector.toml", kind);
    train("--environments old-a,old-b --config vector.toml")
        .fails(1, &["share no access point", "`kind = \"rss-neighbors\"`"]);
    std::fs::remove_file(dir.path("bad.toml")).unwrap();
    std::fs::remove_file(dir.path("vector.toml")).unwrap();
    assert_eq!(dir.names(), ["config.toml", "offices", "offices.toml"], "nothing was written");
}

/// Refused at once, not when hours of training are to be written.
#[test]
fn places_that_cannot_be_written_to() {
    let dir = Dir::with_model();
    for command in [format!("{TRAIN} --iterations 1000000000"), ADAPT.to_owned()] {
        dir.run(&format!("{command} --out no/m"))
            .fails(1, &["no/m: there is no folder no", "make it first"]);
        dir.run(&format!("{command} --out offices")).fails(1, &["offices: a folder is there"]);
    }
    assert!(!dir.names().contains(&"no".to_owned()));
}

#[test]
fn models_of_the_wrong_kind() {
    let dir = Dir::with_adapted();
    dir.run("locate --model old.model -")
        .fails(1, &["old.model: not adapted to any environment yet", "`metaloc adapt` first"]);
    dir.run("adapt --model new.model --survey offices --environment new --out m")
        .fails(1, &["new.model: adapted to new already", "the model that `metaloc train` made"]);
    dir.run("locate --model offices.toml -").fails(1, &["offices.toml: not a whole model file"]);
    let whole = dir.bytes("new.model");
    dir.put("cut.model", &whole[..whole.len() / 2]);
    dir.run("locate --model cut.model -").fails(1, &["cut.model: not a whole model file"]);
    dir.run("inspect cut.model").fails(1, &["cut.model", "copy it again or train anew"]);
}

#[test]
fn what_adaptation_refuses() {
    let dir = Dir::with_model();
    let adapt = |rest: &str| dir.run(&format!("{ADAPT} --out m {rest}"));
    adapt("--support 0").fails(1, &["--support must be at least 1"]);
    adapt("--points 49").fails(1, &["new/f0", "48 surveyed points, 49 are asked for"]);
    adapt("--points 5").fails(1, &["needs 6 reference points", "has 5", "smaller K"]);
    adapt("--points 0").fails(1, &["reference point"]);
    let survey = "adapt --model old.model --survey offices --out m --environment";
    dir.run(&format!("{survey} nowhere")).fails(1, &["`nowhere`", "it has old-a, old-b, new"]);
    dir.run(&format!("{survey} new --sets tst*")).fails(1, &["sets tst*", "has test, training"]);
    assert!(!dir.names().contains(&"m".to_owned()));
}

/// The raw RSS fingerprint reads access points by name; none of them is in another building.
#[test]
fn a_model_that_does_not_fit_the_survey() {
    let dir = Dir::with_survey();
    let config = String::from_utf8(dir.bytes("config.toml")).unwrap();
    dir.put("config.toml", format!("{config}[fingerprint]\nkind = \"rss-vector\"\n"));
    let train = TRAIN.replace("old-a,old-b", "old-a");
    dir.run(&format!("{train} --out old.model")).ok();
    dir.run(&format!("{ADAPT} --out m"))
        .fails(1, &["old.model: none of the 10 access points", "is heard in new", "rss-neighbors"]);
    let same = ADAPT.replace("--environment new", "--environment old-a");
    dir.run(&format!("{same} --out m")).ok();
}

#[cfg(unix)]
#[test]
fn a_disk_that_fills_up_leaves_the_old_model_whole() {
    let dir = Dir::with_adapted();
    let (old, names) = (dir.bytes("new.model"), dir.names());
    let binary = env!("CARGO_BIN_EXE_metaloc");
    // Files of at most one block; the refusal then comes from the system's write.
    let script =
        format!("trap '' XFSZ; ulimit -f 1; exec {binary} {ADAPT} --seed 2 --out new.model");
    let mut shell = std::process::Command::new("sh");
    let run = Run::of(shell.arg("-c").arg(script).current_dir(dir.path("")));
    run.fails(1, &["new.model: File too large"]);
    assert_eq!(dir.bytes("new.model"), old);
    assert_eq!(dir.names(), names, "nothing is left beside");
    dir.run(&format!("{ADAPT} --seed 2 --points 30 --out new.model")).ok();
    assert_ne!(dir.bytes("new.model"), old);
    assert_eq!(dir.names(), names);
}

#[test]
fn the_best_of_several_models_is_adapted() {
    let dir = Dir::with_model();
    dir.put("knn.toml", "algorithm = \"knn\"\n");
    dir.run("train --survey offices --environments old-a,old-b --config knn.toml --out knn.model")
        .ok();
    let adapt = format!("{ADAPT} --model knn.model --support 3 --points 20 --out new.model");
    let said = dir.run(&adapt).ok().stderr;
    assert!(said.contains("chose ") && said.contains("held out is least (old.model "), "{said}");
    let (_, list) = said.split_once("is least (").unwrap();
    let error_m = |model: &str| -> f64 {
        let (_, rest) = list.split_once(&format!("{model} ")).unwrap();
        rest.split_once(" m").unwrap().0.parse().unwrap()
    };
    let best = if error_m("old.model") <= error_m("knn.model") { "old.model" } else { "knn.model" };
    assert!(said.contains(&format!("chose {best},")), "{said}");
    let row = &dir.run("inspect new.model --json").ok().rows()[0];
    let algorithm = if best == "old.model" { "maml" } else { "knn" };
    assert_eq!(row["algorithm"], algorithm);
    // What was adapted already is no start.
    let again = format!("{ADAPT} --model new.model --out again.model");
    dir.run(&again).fails(1, &["adapted to new already"]);
}

#[test]
fn the_number_of_steps_is_chosen() {
    let dir = Dir::with_survey();
    let said = dir.run(&format!("{TRAIN} --out old.model")).ok().stderr;
    assert!(said.contains("adaptation steps have the least validation loss (0: "), "{said}");
    let row = &dir.run("inspect old.model --json").ok().rows()[0];
    let losses = row["steps_losses"].as_array().unwrap();
    let loss = |at: &serde_json::Value| at["loss"].as_f64().unwrap();
    let best = losses.iter().min_by(|a, b| loss(a).total_cmp(&loss(b))).unwrap();
    let adapted = dir.run(&format!("{ADAPT} --out new.model")).ok();
    let words = dir.run("inspect new.model").ok().stdout;
    assert!(words.contains(&format!("with {} steps", best["steps"])), "{words} {adapted:?}");
    // Who gives the number gets it.
    dir.put("config.toml", "adaptation = { steps = 3 }\n[training]\niterations = 5\n");
    let said = dir.run(&format!("{TRAIN} --out given.model")).ok().stderr;
    assert!(!said.contains("have the least validation loss"), "{said}");
}

//! Networks from the configuration: presets, lists of layers, and what they refuse.

use crate::util::{ADAPT, Dir, TRAIN};

/// Little learning with the `[network]` settings given.
fn settings(network: &str) -> String {
    format!("{network}\n[training]\niterations = 20\n[training.validation]\nevery = 5\ntasks = 3\n")
}

/// Trains with this `[network]`, adapts and locates; gives what `inspect` says of the model.
fn train_adapt_locate(dir: &Dir, network: &str) -> String {
    dir.put("config.toml", settings(network));
    dir.run(&format!("{TRAIN} --out old.model")).ok();
    let words = dir.run("inspect old.model").ok().stdout;
    dir.run(&format!("{ADAPT} --support 3 --points 20 --out new.model")).ok();
    let answers = dir.run("locate --model new.model offices/new/rss.csv").ok().rows();
    assert_eq!(answers.len(), 48 * 4 + 10);
    for answer in &answers {
        assert_eq!(answer["located"], true, "{answer}");
        assert!(answer["x_m"].as_f64().unwrap().abs() < 100.0, "{answer}");
    }
    words
}

#[test]
fn a_list_of_layers_from_surveys_to_places() {
    let dir = Dir::with_survey();
    let network = r#"
[fingerprint]
shape = "neighbors"

[network]
initializer = "xavier-uniform"

[[network.layers]]
kind = "flatten"

[[network.layers]]
kind = "dense"
outputs = 12

[[network.layers]]
kind = "residual"
layers = [{ kind = "tanh" }, { kind = "dense", outputs = 12 }]

[[network.layers]]
kind = "concatenate"
branches = [[], [{ kind = "dense", outputs = 4 }, { kind = "relu" }]]

[[network.layers]]
kind = "dense"
outputs = 2
"#;
    let words = train_adapt_locate(&dir, network);
    for part in ["initializer = \"xavier-uniform\"", "shape = \"neighbors\"", "residual"] {
        assert!(words.contains(part), "`{part}` is not in: {words}");
    }
    let row = &dir.run("inspect old.model --json").ok().rows()[0];
    let parameters = 16 * 12 + 13 * 12 + 13 * 4 + 17 * 2;
    assert_eq!((&row["inputs"], &row["parameters"]), (&15.into(), &parameters.into()));
}

/// Scans are located one at a time: batch norm must go by the support set's statistics, or every
/// scan would be the mean of its own batch and lie at the same place.
#[test]
fn attention_and_batch_norm_place_every_scan_by_itself() {
    let dir = Dir::with_survey();
    let network = r#"
[fingerprint]
shape = "neighbors"

[[network.layers]]
kind = "attention"
width = 8
heads = 2
summary = true

[[network.layers]]
kind = "batch_norm"

[[network.layers]]
kind = "leaky_relu"

[[network.layers]]
kind = "dense"
outputs = 2
"#;
    train_adapt_locate(&dir, network);
    let answers = dir.run("locate --model new.model offices/new/rss.csv").ok().rows();
    let mut places: Vec<String> =
        answers.iter().map(|answer| format!("{} {}", answer["x_m"], answer["y_m"])).collect();
    places.sort();
    places.dedup();
    assert!(places.len() > answers.len() / 2, "{} places", places.len());

    let running = network.replace("\"batch_norm\"", "\"batch_norm\"\nstatistics = \"running\"");
    refused(&dir, &running, &["batch norm", "`running`", "statistics = \"support\""]);
    let ridge = network.replace("\"dense\"", "\"ridge\"");
    refused(&dir, &ridge, &["ridge", "dense layer"]);
}

/// The help shows networks; what it shows is read.
#[test]
fn the_help_shows_networks_that_train() {
    let dir = Dir::with_survey();
    let help = dir.run("train --help").ok().stdout;
    let (_, examples) = help.split_once("one of:").unwrap();
    let (examples, _) = examples.split_once("Ctrl-C").unwrap();
    let examples: Vec<&str> = examples.split("\n\n").filter(|text| text.contains('[')).collect();
    assert_eq!(examples.len(), 3, "{help}");
    for example in examples {
        dir.put("config.toml", settings(example));
        dir.run(&format!("{TRAIN} --iterations 1 --out old.model")).ok();
    }
}

#[test]
fn the_preset_of_the_default() {
    let dir = Dir::with_survey();
    let words = train_adapt_locate(&dir, "[network]\npreset = \"mlp\"\nhidden = [8]\n");
    assert!(words.contains("hidden = [8]"), "{words}");
    let preset = dir.bytes("old.model");
    train_adapt_locate(&dir, "[network]\nhidden = [8]\n");
    assert_eq!(dir.bytes("old.model"), preset);
}

/// Training with these settings fails before its first iteration; of so many, it would not end.
fn refused(dir: &Dir, settings: &str, parts: &[&str]) {
    dir.put("m.toml", settings);
    let train = "train --survey offices --environments old-a --sets training --config m.toml \
                 --iterations 1000000000 --out m";
    dir.run(train).fails(1, parts);
    assert!(!dir.names().iter().any(|name| name == "m" || name.contains("checkpoint")));
}

const RSS_VECTOR: &str = "[fingerprint]\nkind = \"rss-vector\"\n";
const DENSE: &str = "[[network.layers]]\nkind = \"dense\"\noutputs = 6\n";

#[test]
fn networks_that_do_not_fit() {
    let dir = Dir::with_survey();
    let refused = |settings: &str, parts: &[&str]| refused(&dir, settings, parts);
    refused(
        "[network]\npreset = \"cnn\"\n",
        &[
            "`network.preset = \"cnn\"`: layer0 (conv2d)",
            "expected an image, height x width x channels as inputs, got 15",
            "presets `cnn` and `cnn-small` need images",
        ],
    );
    refused(
        &format!("{RSS_VECTOR}[network]\npreset = \"cnn-small\"\n"),
        &["layer0 (conv2d)", "got 10", "presets `cnn` and `cnn-small` need images"],
    );
    refused(
        &format!("{DENSE}[[network.layers]]\nkind = \"tanh\"\n"),
        &["layer1 (tanh), gives 6 outputs, the task needs 2", "add `{ kind = \"dense\""],
    );
    refused(DENSE, &["layer0 (dense), gives 6 outputs, the task needs 2", "`outputs = 2` there"]);
    refused(
        &format!("{DENSE}[[network.layers]]\nkind = \"max_pool\"\nkernel = [2, 2]\n"),
        &["`network.layers`: layer1 (max_pool): expected an image", "got 6"],
    );
    refused(
        &DENSE.replace('6', "0"),
        &["layer0 (dense): expected at least 1 for `outputs`, got 0"],
    );
    refused("[network]\nlayers = []\n", &["`network.layers`", "at least one layer"]);
    refused(
        &format!("{RSS_VECTOR}shape = \"neighbors\"\n"),
        &["`fingerprint.shape`", "`vector` where `kind` is not `rss-neighbors`"],
    );
}

#[test]
fn networks_that_cannot_be_read() {
    let dir = Dir::with_survey();
    let refused = |settings: &str, parts: &[&str]| {
        refused(&dir, settings, &[&["m.toml"], parts].concat());
    };
    refused(
        "[network]\npreset = \"cnn\"\nhidden = [8]\n",
        &["`network.preset = \"cnn\"` and `network.hidden` exclude each other"],
    );
    refused(
        &format!("[network]\nhidden = [8]\n{DENSE}"),
        &["`network.layers` and `network.hidden` exclude each other"],
    );
    refused(&DENSE.replace("outputs", "output"), &["unknown field `output`"]);
    refused(&DENSE.replace("dense", "dance"), &["unknown variant `dance`", "`dense`"]);
    refused("[network]\npreset = \"lstm\"\n", &["unknown variant `lstm`", "`cnn-small`"]);
    refused(
        "[network]\ninitializer = \"ones\"\n",
        &["unknown variant `ones`", "`kaiming-uniform`"],
    );
}

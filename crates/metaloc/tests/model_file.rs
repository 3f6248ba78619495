//! Model files: what is written is read back to the bit, and no damage makes reading panic.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // helpers of tests

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use metaloc::Error;
use metaloc::learning::{
    Algorithm, Architecture, FingerprintShape, Historical, LearningConfig, MetaModel, SiteModel,
    StartChoice, draw_support, meta_train,
};
use metaloc::locate::{AdaptedNetwork, Estimate, Locator};
use metaloc::meta::seed::{Purpose, stream};
use metaloc::meta::training::{Observer, Outcome, Progress, Silent, TrainingState};
use metaloc::model_file::{self, Loaded, write_beside, write_checkpoint, write_meta, write_site};
use metaloc::nn::{Activation, LayerDescription};
use metaloc::radio::geometry::Position;
use metaloc::radio::signal::RssScan;
use metaloc::simulate::Scenario;
use metaloc::site::Site;
use metaloc::survey::Survey;
use rand::RngExt;

const SEED: u64 = 3;

/// Two historical buildings and a new one, as small as can be.
fn survey() -> Survey {
    let mut scenario =
        Scenario::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/offices.toml"))
            .unwrap();
    scenario.environments.drain(2..4);
    scenario.environments.iter_mut().for_each(|environment| environment.test_samples = 10);
    scenario.simulate()
}

fn sites(survey: &Survey, environments: std::ops::Range<usize>, set: &str) -> Vec<Site> {
    let environments = survey.environments[environments].iter();
    environments.flat_map(|e| Site::of_environment(e, |sample| &*sample.set == set)).collect()
}

fn config() -> LearningConfig {
    let mut config = LearningConfig::default();
    let activation = Activation::Relu;
    config.network.architecture = Architecture::Mlp { hidden: vec![8], activation };
    config.training.iterations = 12;
    config.training.tasks_per_iteration = 3;
    (config.training.validation.every, config.training.validation.tasks) = (4, 3);
    config
}

fn train(
    config: &LearningConfig,
    state: Option<TrainingState>,
    observer: &mut dyn Observer,
) -> MetaModel {
    let survey = survey();
    let sites = sites(&survey, 0..2, "training");
    let historical = Historical {
        sites: &sites,
        validation_sites: &sites,
        access_points: &survey.access_points,
        data_hash: &survey.content_hash(),
    };
    meta_train(historical, config, SEED, state, observer).unwrap()
}

/// A model adapted to the new building.
fn adapted() -> SiteModel {
    let (model, survey) = (train(&config(), None, &mut Silent), survey());
    let mut rng = stream(SEED, Purpose::Support, 0, 0);
    let support = draw_support(&sites(&survey, 2..3, "training")[0], 12, 3, &mut rng).unwrap();
    let adaptation = model.config.adaptation();
    SiteModel::adapt(&model, vec![support], &survey.access_points, adaptation).unwrap()
}

/// With all starts adapted, the mean of their answers is the place, and the file keeps them all.
#[test]
fn all_starts_answer_as_before() {
    let config =
        LearningConfig { algorithm: Algorithm::MamlTs, start: StartChoice::All, ..config() };
    let (model, survey) = (train(&config, None, &mut Silent), survey());
    assert_eq!(model.starts.len(), 2);
    let losses = &model.record.steps_losses;
    assert!(losses.len() > 1 && losses.iter().all(|of| of.loss > 0.0), "{losses:?}");
    let new = sites(&survey, 2..3, "training");
    let mut rng = stream(SEED, Purpose::Support, 0, 0);
    let support = draw_support(&new[0], 12, 3, &mut rng).unwrap();
    let adapt = |model: &MetaModel| {
        let supports = vec![support.clone()];
        let adaptation = model.config.adaptation();
        SiteModel::adapt(model, supports, &survey.access_points, adaptation).unwrap()
    };
    let site = adapt(&model);
    assert_eq!(site.model.companions.len(), 1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.model");
    write_site(&site, &path).unwrap();
    let Loaded::Site(back) = model_file::read(&path).unwrap() else { panic!("another kind") };
    assert_eq!(back.model.companions, site.model.companions);
    // Each start by itself: what the mean is taken of.
    let alone = |at: usize| {
        let mut model = MetaModel { starts: vec![model.starts[at].clone()], ..model.clone() };
        model.config.start = StartChoice::Mmd;
        AdaptedNetwork::new(adapt(&model)).unwrap()
    };
    let (one, other) = (alone(0), alone(1));
    let [before, after] = [site, *back].map(|site| AdaptedNetwork::new(site).unwrap());
    for scan in new[0].points.iter().map(|point| &point.scans[0]) {
        let found = before.locate(scan).unwrap().position;
        assert_eq!(found, after.locate(scan).unwrap().position);
        let (a, b) = (one.locate(scan).unwrap().position, other.locate(scan).unwrap().position);
        let (x_m, y_m) = (f64::midpoint(a.x_m, b.x_m), f64::midpoint(a.y_m, b.y_m));
        assert!((found.x_m - x_m).abs() + (found.y_m - y_m).abs() < 1e-4, "{found:?} {a:?} {b:?}");
    }
}

/// Stops a run and keeps its state, as Ctrl-C does.
struct StopAt(u64, Option<TrainingState>);

impl Observer for StopAt {
    fn iteration(&mut self, progress: Progress, state: &TrainingState) -> ControlFlow<()> {
        if progress.iteration < self.0 {
            return ControlFlow::Continue(());
        }
        self.1 = Some(state.clone());
        ControlFlow::Break(())
    }
}

/// The run's checkpoint at an iteration: what stands around the state, and the state.
fn checkpoint(at: u64) -> (MetaModel, TrainingState) {
    let mut observer = StopAt(at, None);
    let stopped = train(&config(), None, &mut observer);
    assert_eq!(stopped.record.outcome, Some(Outcome::Interrupted));
    let untrained = LearningConfig { algorithm: Algorithm::Ri, ..config() };
    let mut around = train(&untrained, None, &mut Silent);
    around.config = config();
    (around, observer.1.unwrap())
}

/// A model file of each kind: adapted, meta, checkpoint.
fn files(folder: &Path) -> [PathBuf; 3] {
    let paths = ["site", "meta", "checkpoint"].map(|name| folder.join(format!("{name}.model")));
    let site = adapted();
    write_site(&site, &paths[0]).unwrap();
    write_meta(&site.model, &paths[1]).unwrap();
    let (around, state) = checkpoint(6);
    write_checkpoint(&around, &state, &paths[2]).unwrap();
    paths
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// The message for a file with this content; it must name the file and hold `parts`.
fn refused(bytes: &[u8], parts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.model");
    std::fs::write(&path, bytes).unwrap();
    let error = model_file::read(&path).unwrap_err();
    assert!(matches!(error, Error::Model { .. }), "{error:?}");
    let message = error.to_string();
    for part in [path.to_str().unwrap()].iter().chain(parts) {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

/// The file with its manifest changed.
fn with_manifest(bytes: &[u8], change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let text = header["__metadata__"]["metaloc"].as_str().unwrap();
    let mut manifest = serde_json::from_str(text).unwrap();
    change(&mut manifest);
    header["__metadata__"]["metaloc"] = manifest.to_string().into();
    let mut text = header.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut changed = (text.len() as u64).to_le_bytes().to_vec();
    changed.extend(text);
    changed.extend(&bytes[8 + length..]);
    changed
}

#[test]
fn a_meta_model_comes_back_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.model");
    let model = train(&config(), None, &mut Silent);
    write_meta(&model, &path).unwrap();
    let Loaded::Meta(back) = model_file::read(&path).unwrap() else { panic!("another kind") };
    assert_eq!(bits(&back.parameters), bits(&model.parameters));
    assert_eq!(back, model);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside");
}

/// Layers with branches inside, and inputs that have a shape.
#[test]
fn every_layer_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.model");
    let mut config = config();
    config.fingerprint.shape = FingerprintShape::Neighbors;
    let (dense, relu) = (|outputs| LayerDescription::Dense { outputs }, LayerDescription::Relu {});
    config.network.architecture = Architecture::Layers(vec![
        LayerDescription::Concatenate { branches: vec![vec![], vec![relu.clone()]] },
        LayerDescription::Flatten {},
        dense(8),
        LayerDescription::Residual { layers: vec![relu, dense(8), LayerDescription::Tanh {}] },
        dense(2),
    ]);
    let model = train(&config, None, &mut Silent);
    assert_eq!(model.network.as_ref().unwrap().inputs, [5, 3].into());
    write_meta(&model, &path).unwrap();
    let Loaded::Meta(back) = model_file::read(&path).unwrap() else { panic!("another kind") };
    assert_eq!(back, model);
}

/// As files were written before networks had shapes, presets and lists of layers.
#[test]
fn files_of_the_first_version_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.model");
    let model = train(&config(), None, &mut Silent);
    write_meta(&model, &path).unwrap();
    let old = with_manifest(&std::fs::read(&path).unwrap(), |manifest| {
        for holder in ["config", "encoder"] {
            let key = if holder == "config" { "fingerprint" } else { "config" };
            let removed = manifest[holder][key].as_object_mut().unwrap().remove("shape");
            assert_eq!(removed, Some("vector".into()));
        }
        manifest["config"]["network"] =
            serde_json::json!({ "hidden": [8], "activation": "relu", "loss": "euclidean" });
        manifest["network"] = serde_json::json!({ "inputs": 15, "layers": [
            { "kind": "dense", "outputs": 8 }, { "kind": "relu" }, { "kind": "dense", "outputs": 2 },
        ] });
    });
    std::fs::write(&path, old).unwrap();
    let Loaded::Meta(back) = model_file::read(&path).unwrap() else { panic!("another kind") };
    assert_eq!(back, model);
}

#[test]
fn an_adapted_model_locates_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.model");
    let site = adapted();
    write_site(&site, &path).unwrap();
    let Loaded::Site(back) = model_file::read(&path).unwrap() else { panic!("another kind") };
    assert_eq!((&back.model, &back.supports), (&site.model, &site.supports));
    assert_eq!((&back.environment, &back.access_points), (&site.environment, &site.access_points));
    assert_eq!(
        (back.adaptation, bits(&back.support_losses)),
        (site.adaptation, bits(&site.support_losses))
    );
    assert_eq!(back.radio_map().points(), site.radio_map().points());
    let (before, after) = (AdaptedNetwork::new(site).unwrap(), AdaptedNetwork::new(*back).unwrap());
    let survey = survey();
    let scans = survey.environments[2].samples.iter().map(|sample| &sample.scan);
    for scan in scans.chain([&RssScan::default(), &survey.environments[0].samples[0].scan]) {
        let exact =
            |estimate: &Estimate| [estimate.position.x_m, estimate.position.y_m].map(f64::to_bits);
        let (before, after) = (before.locate(scan), after.locate(scan));
        assert_eq!(before.as_ref().map(exact), after.as_ref().map(exact));
        assert_eq!(before, after);
    }
}

/// JSON parsers that are merely close would move a reference point by an ulp.
#[test]
fn every_coordinate_survives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.model");
    let mut site = adapted();
    let scan = site.supports[0].site.points[0].scans[0].clone();
    let mut rng = stream(SEED, Purpose::Simulation, 0, 0);
    let mut coordinate = || (rng.random::<f64>() - 0.5) * 10f64.powi(rng.random_range(-6..9));
    site.supports[0].adaptation =
        (0..2000).map(|_| (scan.clone(), Position::new(coordinate(), coordinate(), -2))).collect();
    write_site(&site, &path).unwrap();
    let Loaded::Site(back) = model_file::read(&path).unwrap() else { panic!("another kind") };
    assert_eq!(back.supports, site.supports);
}

#[test]
fn a_run_resumed_from_its_file_is_the_uninterrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    let whole = train(&config(), None, &mut Silent);
    for at in [1, 6, 12] {
        let (around, state) = checkpoint(at);
        write_checkpoint(&around, &state, &path).unwrap();
        let read = model_file::read(&path).unwrap();
        let Loaded::Checkpoint(model, back) = read else { panic!("another kind") };
        assert_eq!(MetaModel { parameters: state.parameters.clone(), ..around }, model);
        assert_eq!(bits(&back.parameters), bits(&state.parameters));
        assert_eq!(back.optimizer, state.optimizer);
        assert_eq!(back.best, state.best);
        assert_eq!(
            (back.iteration, back.validations_since_best),
            (state.iteration, state.validations_since_best)
        );
        let resumed = train(&config(), Some(*back), &mut Silent);
        assert_eq!(bits(&resumed.parameters), bits(&whole.parameters));
        assert_eq!(resumed, whole, "resumed at {at}");
    }
}

#[test]
fn the_same_bytes_at_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let path = folder.path().join(format!("{threads}.model"));
        write_meta(&pool.install(|| train(&config(), None, &mut Silent)), &path).unwrap();
        std::fs::read(path).unwrap()
    };
    assert_eq!(bytes(1), bytes(2));
}

#[test]
fn truncated_files() {
    let folder = tempfile::tempdir().unwrap();
    for path in files(folder.path()) {
        let whole = std::fs::read(&path).unwrap();
        let lengths = (0..whole.len()).step_by(whole.len() / 100).chain([7, 8, 9]);
        for length in lengths.chain(whole.len() - 9..whole.len()) {
            refused(&whole[..length], &["not a whole model file", "copy it again or train anew"]);
        }
        let longer = [&whole[..], b"more"].concat();
        refused(&longer, &["not a whole model file"]);
    }
}

#[test]
fn other_files() {
    refused(b"", &["not a whole model file"]);
    refused(b"schema = 1\nname = \"hall\"\n", &["not a whole model file"]);
    let data = 1.5f32.to_le_bytes();
    let view =
        safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![1], &data).unwrap();
    let foreign = |metadata: Option<(&str, &str)>| {
        let metadata =
            metadata.map(|(key, value)| [(key.to_owned(), value.to_owned())].into_iter().collect());
        safetensors::serialize([("weight", view.clone())], metadata).unwrap()
    };
    refused(&foreign(None), &["a safetensors file, but not one of MetaLoc's"]);
    refused(&foreign(Some(("format", "pt"))), &["not one of MetaLoc's"]);
    refused(&foreign(Some(("metaloc", "no JSON"))), &["its manifest"]);
    let missing = model_file::read(Path::new("no/such.model")).unwrap_err();
    assert!(matches!(missing, Error::File { .. }), "{missing:?}");
    assert!(missing.to_string().starts_with("no/such.model: "), "{missing}");
}

#[test]
fn manifests_that_do_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let [site, meta, checkpoint] = files(folder.path()).map(|path| std::fs::read(path).unwrap());
    assert!(with_manifest(&meta, |_| {}).len() >= meta.len() - 8, "the helper keeps the rest");
    // A newer version may hold anything else.
    let newer = with_manifest(&meta, |manifest| {
        manifest["format_version"] = 2.into();
        manifest["software_version"] = "9.9.9".into();
        manifest["surprise"] = true.into();
    });
    refused(&newer, &["model format 2 of MetaLoc 9.9.9", "install the newer MetaLoc"]);
    let change = |key: &'static str, value: serde_json::Value| {
        with_manifest(&meta, |manifest| manifest[key] = value)
    };
    refused(&change("surprise", true.into()), &["its manifest", "surprise"]);
    refused(&change("encoder", 7.into()), &["its manifest"]);
    let neighbors = |manifest: &mut serde_json::Value| {
        manifest["encoder"]["config"]["neighbors"] = 6.into();
    };
    refused(&with_manifest(&meta, neighbors), &["inconsistent", "fingerprint inputs", "anew"]);
    let short = |manifest: &mut serde_json::Value| {
        manifest["encoder"]["standardizer"]["std"].as_array_mut().unwrap().pop();
    };
    refused(&with_manifest(&meta, short), &["inconsistent", "scaling columns"]);
    let scans = |manifest: &mut serde_json::Value| {
        manifest["site"]["floors"][0]["points"][0]["scans"] = 1_000_000_000_000_u64.into();
    };
    refused(&with_manifest(&site, scans), &["the radio map has too few scans"]);
    let few = |manifest: &mut serde_json::Value| {
        manifest["site"]["floors"][0]["points"].as_array_mut().unwrap().truncate(4);
    };
    refused(&with_manifest(&site, few), &["6 reference points", "has 4"]);
    let none = |manifest: &mut serde_json::Value| manifest["site"]["floors"] = [(); 0][..].into();
    refused(&with_manifest(&site, none), &["reference points"]);
    let kind = |manifest: &mut serde_json::Value| {
        manifest["config"]["training"]["outer"] =
            serde_json::json!({ "kind": "sgd", "step_size": 0.1 });
    };
    refused(&with_manifest(&checkpoint, kind), &["inconsistent", "moment", "without --resume"]);
}

#[test]
fn numbers_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.model");
    let model = train(&config(), None, &mut Silent);
    for value in [f32::NAN, f32::INFINITY] {
        let mut bad = model.clone();
        bad.parameters[5] = value;
        write_meta(&bad, &path).unwrap();
        refused(&std::fs::read(&path).unwrap(), &["a parameter is not a finite number", "anew"]);
    }
    let mut short = model;
    short.parameters.pop();
    write_meta(&short, &path).unwrap();
    refused(&std::fs::read(&path).unwrap(), &["inconsistent", "parameters, the network has"]);
    let (around, mut state) = checkpoint(6);
    state.best.as_mut().unwrap().parameters.pop();
    write_checkpoint(&around, &state, &path).unwrap();
    refused(&std::fs::read(&path).unwrap(), &["the best parameters are not those"]);
}

/// Reads and uses whatever the bytes turn out to be.
fn use_if_readable(path: &Path, scan: &RssScan) -> bool {
    match model_file::read(path) {
        Err(error) => {
            assert!(error.to_string().contains("flipped.model"), "{error}");
            false
        }
        Ok(Loaded::Meta(model) | Loaded::Checkpoint(model, _)) => model.learner().is_ok(),
        Ok(Loaded::CsiMeta(_) | Loaded::CsiSite(_) | Loaded::CsiCheckpoint(..)) => true,
        Ok(Loaded::Site(site)) => {
            let _ = (site.gone_access_points(), site.access_point_changes());
            let _ = AdaptedNetwork::new(*site).unwrap().locate(scan);
            true
        }
    }
}

#[test]
fn flipped_bytes_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let scan = &survey().environments[2].samples[0].scan;
    let path = folder.path().join("flipped.model");
    let mut rng = stream(SEED, Purpose::Simulation, 1, 0);
    for file in files(folder.path()) {
        let whole = std::fs::read(&file).unwrap();
        let mut readable = 0;
        for round in 0..1200 {
            // Half of the flips in the first bytes: the header and the manifest.
            let end = if round % 2 == 0 { whole.len() } else { whole.len().min(4096) };
            let mut flipped = whole.clone();
            for _ in 0..=round % 3 {
                flipped[rng.random_range(0..end)] ^= 1 << rng.random_range(0..8);
            }
            std::fs::write(&path, &flipped).unwrap();
            readable += usize::from(use_if_readable(&path, scan));
        }
        assert!(readable < 1200, "some flip is noticed");
    }
}

#[test]
fn a_write_that_fails_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let model = train(&config(), None, &mut Silent);
    let missing = folder.path().join("no/a.model");
    let error = write_meta(&model, &missing).unwrap_err();
    assert!(matches!(error, Error::File { .. }) && error.to_string().contains("no/a.model"));
    let taken = folder.path().join("folder");
    std::fs::create_dir(&taken).unwrap();
    std::fs::write(taken.join("kept"), "whole").unwrap();
    let message = write_meta(&model, &taken).unwrap_err().to_string();
    assert!(message.contains(taken.to_str().unwrap()), "{message}");
    assert_eq!(std::fs::read(taken.join("kept")).unwrap(), b"whole");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside");
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_read_only_keeps_its_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.model");
    std::fs::write(&path, "old").unwrap();
    let mode = |mode| std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(mode));
    mode(0o555).unwrap();
    if std::fs::write(folder.path().join("probe"), "").is_ok() {
        eprintln!("skipped: this user may write into read-only folders");
    } else {
        let message = write_beside(&path, b"new").unwrap_err().to_string();
        assert!(message.contains("a.model"), "{message}");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
    }
    mode(0o755).unwrap();
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_devices_written_to() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("a.model"), folder.path().join("link"));
    std::fs::write(&path, "old").unwrap();
    symlink(&path, &link).unwrap();
    write_beside(&link, b"new").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"new");
    assert!(link.symlink_metadata().unwrap().is_symlink());
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o600, 0o600, "{mode:o}");
    let full = Path::new("/dev/full");
    if full.exists() {
        // Whoever may write into /dev would otherwise put a file in the device's place.
        let message = write_beside(full, b"new").unwrap_err().to_string();
        assert!(message.contains("/dev/full"), "{message}");
        assert!(full.metadata().unwrap().file_type().is_char_device());
        write_beside(Path::new("/dev/null"), b"new").unwrap();
        assert!(Path::new("/dev/null").metadata().unwrap().file_type().is_char_device());
    }
}

//! Models of channel state information, written and read.

use metaloc::learning::{
    Algorithm, CsiHistorical, CsiSiteModel, LearningConfig, StartChoice, csi_train,
    draw_csi_support,
};
use metaloc::locate::csi_locator;
use metaloc::meta::seed::{Purpose, stream};
use metaloc::meta::training::{Observer, Progress, TrainingState};
use metaloc::model_file::{self, Loaded, write_checkpoint, write_csi_site, write_meta};

use super::learning::{adapt, train};
use super::synthetic::{config, csi, packets, sites, survey};

/// Keeps the state of an iteration.
struct Keep(u64, Option<TrainingState>);

impl Observer for Keep {
    fn iteration(
        &mut self,
        progress: Progress,
        state: &TrainingState,
    ) -> std::ops::ControlFlow<()> {
        if progress.iteration == self.0 {
            self.1 = Some(state.clone());
        }
        std::ops::ControlFlow::Continue(())
    }
}

#[test]
fn a_start_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("room.model");
    for text in ["labels = \"global\"\nprincipal_components = 0.9", "fingerprint = \"image\""] {
        let config = config(text);
        let model = train(&config, &sites(&survey(2), &csi(&config).window));
        write_meta(&model, &path).unwrap();
        let Loaded::CsiMeta(back) = model_file::read(&path).unwrap() else {
            panic!("another kind")
        };
        assert_eq!(back, model);
    }
}

/// MAML-TS keeps a start for each environment; the nearest one is adapted, and nothing else is left.
#[test]
fn starts_come_back_and_the_nearest_is_adapted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("room.model");
    let config = LearningConfig { algorithm: Algorithm::MamlTs, ..config("labels = \"global\"") };
    let survey = survey(4);
    let sites = sites(&survey, &csi(&config).window);
    let model = train(&config, &sites[..3]);
    let names: Vec<&str> = model.starts.iter().map(|start| start.environment.as_str()).collect();
    assert_eq!(names, ["day0", "day1", "day2"]);
    assert_ne!(model.starts[0].parameters, model.starts[1].parameters);
    // Each start needs its own environment's data alone.
    let alone = train(&config, &sites[1..2]);
    assert_eq!(alone.starts.len(), 1);
    write_meta(&model, &path).unwrap();
    let Loaded::CsiMeta(back) = model_file::read(&path).unwrap() else { panic!("another kind") };
    assert_eq!(back, model);
    // A historical day itself is nearest to its own start; its support is drawn from other windows.
    for (day, site) in sites[..3].iter().enumerate() {
        let mut rng = stream(1, Purpose::Support, 0, 0);
        let support = draw_csi_support(site, site.points.len(), 5, &mut rng).unwrap();
        let adapted = CsiSiteModel::adapt(&back, support, config.adaptation()).unwrap();
        let nearest =
            adapted.start_distances.iter().min_by(|a, b| a.mmd.total_cmp(&b.mmd)).unwrap();
        assert_eq!(nearest.environment, format!("day{day}"), "{:?}", adapted.start_distances);
        assert!(adapted.model.starts.is_empty());
    }
}

/// A run that is interrupted in the last of several starts ends in the same ones.
#[test]
fn several_starts_go_on() {
    let config = LearningConfig { algorithm: Algorithm::MamlTs, ..config("labels = \"global\"") };
    let sites = sites(&survey(3), &csi(&config).window);
    let historical = CsiHistorical { sites: &sites, validation_sites: &sites, data_hash: "data" };
    let mut keep = Keep(15, None);
    let whole = csi_train(historical, &config, 3, None, &mut keep).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("room.model.checkpoint");
    write_checkpoint(&whole, &keep.1.unwrap(), &path).unwrap();
    let Loaded::CsiCheckpoint(_, state) = model_file::read(&path).unwrap() else {
        panic!("another kind")
    };
    assert_eq!((state.iteration, state.earlier.len()), (15, 2));
    let resumed = csi_train(historical, &config, 3, Some(*state), &mut Keep(0, None)).unwrap();
    assert_eq!(resumed, whole);
}

/// Environments in one cluster train as MAML does on all of them (section III-C).
#[test]
fn clusters_share_a_start() {
    let maml = config("labels = \"global\"");
    let sites = sites(&survey(3), &csi(&maml).window);
    let of = |clusters| LearningConfig {
        algorithm: Algorithm::MamlTs,
        clusters: Some(clusters),
        ..maml.clone()
    };
    let one = train(&of(1), &sites);
    assert_eq!(one.starts.len(), 1);
    assert_eq!(one.starts[0].environment, "day0+day1+day2");
    assert_eq!(one.parameters, train(&maml, &sites).parameters);
    let two = train(&of(2), &sites);
    assert_eq!(two.starts.len(), 2);
    let mut names: Vec<&str> = two.starts.iter().flat_map(|s| s.environment.split('+')).collect();
    names.sort_unstable();
    assert_eq!(names, ["day0", "day1", "day2"]);
}

#[test]
fn an_adapted_model_locates_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day3.model");
    let networks = ["labels = \"global\"", "scaling = \"support\"", "candidates = 3"].map(config);
    let all_starts = LearningConfig {
        algorithm: Algorithm::MamlTs,
        start: StartChoice::All,
        ..config("labels = \"global\"")
    };
    for config in networks.into_iter().chain([packets(), all_starts]) {
        let (site, day) = adapt(&config);
        write_csi_site(&site, &path).unwrap();
        let Loaded::CsiSite(back) = model_file::read(&path).unwrap() else {
            panic!("another kind")
        };
        assert_eq!((&back.support, &back.support_losses), (&site.support, &site.support_losses));
        let [before, after] = [site, *back].map(|site| csi_locator(site).unwrap());
        for window in day.points.iter().map(|point| &point.windows[7]) {
            assert_eq!(before.locate(window), after.locate(window), "{config:?}");
        }
    }
}

/// A run that goes on from a checkpoint file ends in the same parameters.
#[test]
fn a_checkpoint_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("room.model.checkpoint");
    let config = config("labels = \"global\"");
    let sites = sites(&survey(3), &csi(&config).window);
    let historical =
        CsiHistorical { sites: &sites[..2], validation_sites: &sites[2..], data_hash: "data" };
    let mut keep = Keep(15, None);
    let whole = csi_train(historical, &config, 3, None, &mut keep).unwrap();
    write_checkpoint(&whole, &keep.1.unwrap(), &path).unwrap();
    let Loaded::CsiCheckpoint(_, state) = model_file::read(&path).unwrap() else {
        panic!("another kind")
    };
    assert_eq!(state.iteration, 15);
    let resumed = csi_train(historical, &config, 3, Some(*state), &mut Keep(0, None)).unwrap();
    assert_eq!(resumed.parameters, whole.parameters);
}

#[test]
fn damaged_models_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day3.model");
    let (site, _) = adapt(&config("labels = \"global\""));
    write_csi_site(&site, &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let refused = |from: &str, to: &str| {
        let text = String::from_utf8_lossy(&bytes[8..]).into_owned();
        let at = 8 + text.find(from).unwrap();
        let mut changed = bytes.clone();
        changed[at..at + to.len()].copy_from_slice(to.as_bytes());
        std::fs::write(&path, &changed).unwrap();
        let message = model_file::read(&path).unwrap_err().to_string();
        assert!(message.contains("day3.model"), "{message}");
        message
    };
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    assert!(length > 1000);
    // One window fewer than the tensors hold; a point that the network has no output for.
    assert!(refused("\\\"windows\\\":3", "\\\"windows\\\":2").contains("don't fit each other"));
    let at = "\\\"id\\\":\\\"p2\\\"";
    assert!(refused(at, "\\\"id\\\":\\\"q2\\\"").contains("point q2 of day3 is not among"));
    assert!(refused("\\\"window_shape\\\":[4,52", "\\\"window_shape\\\":[4,51").contains("inputs"));
}

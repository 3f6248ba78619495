//! Training, adapting and locating.

use metaloc::auto::{AutoConfig, Judged, choose_csi};
use metaloc::csi_site::CsiSite;
use metaloc::learning::{
    Algorithm, CsiHistorical, CsiModel, CsiSiteModel, LearningConfig, csi_train, draw_csi_support,
};
use metaloc::locate::{AdaptedCsiNetwork, CsiLocator, NotLocated, csi_locator};
use metaloc::meta::seed::{Purpose, stream};
use metaloc::meta::training::Silent;
use metaloc::radio::preprocess::{CsiConfig, CsiWindow};

use super::synthetic::{config, csi, packets, sites, survey};

pub(crate) fn train(config: &LearningConfig, sites: &[CsiSite]) -> CsiModel {
    let historical = CsiHistorical { sites, validation_sites: &[], data_hash: "data" };
    csi_train(historical, config, 3, None, &mut Silent).unwrap()
}

/// Adapts to the first windows of the last day.
pub(crate) fn adapt(config: &LearningConfig) -> (CsiSiteModel, CsiSite) {
    let sites = sites(&survey(4), &csi(config).window);
    let model = train(config, &sites[..3]);
    let mut early = sites[3].clone();
    early.points.iter_mut().for_each(|point| point.windows.truncate(4));
    let mut rng = stream(1, Purpose::Support, 0, 0);
    let support = draw_csi_support(&early, early.points.len(), 3, &mut rng).unwrap();
    (CsiSiteModel::adapt(&model, support, config.adaptation()).unwrap(), sites[3].clone())
}

/// Share of the day's later windows located at the right point, and their mean error (m).
fn score(locator: &dyn CsiLocator, day: &CsiSite) -> (f64, f64) {
    let (mut hits, mut metres, mut n) = (0, 0.0, 0);
    for point in &day.points {
        for window in &point.windows[4..] {
            let estimate = locator.locate(window).unwrap();
            hits += usize::from(estimate.candidates.first().is_some_and(|c| c.id == point.id));
            metres += estimate.position.distance_m(&point.position);
            n += 1;
        }
    }
    (f64::from(hits as u32) / f64::from(n), metres / f64::from(n))
}

fn located(csi: &str) -> (f64, f64) {
    let (site, day) = adapt(&config(csi));
    score(&AdaptedCsiNetwork::new(site).unwrap(), &day)
}

#[test]
fn a_new_day_is_learned_from_three_windows_a_point() {
    for csi in [
        "labels = \"global\"",
        "labels = \"reindexed\"",
        "labels = \"global\"\nscaling = \"support\"\ndeviation = true",
        "labels = \"global\"\nprincipal_components = 0.95",
        "labels = \"global\"\nfingerprint = \"spectrum-rss\"",
        "labels = \"global\"\nfingerprint = \"image\"",
        "labels = \"global\"\nsupport_span = 4",
    ] {
        let (accuracy, _) = located(csi);
        assert!(accuracy > 0.9, "{csi}: {accuracy}");
    }
}

#[test]
fn packets_are_matched() {
    let (site, day) = adapt(&packets());
    assert!(site.model.encoder.packet_moment.is_some() && site.model.parameters.is_empty());
    let (accuracy, _) = score(&*csi_locator(site.clone()).unwrap(), &day);
    assert!(accuracy > 0.95, "{accuracy}");
    // Windows of amplitudes are another kind.
    let mut config = packets();
    config.csi.as_mut().unwrap().window = csi(&super::synthetic::config("")).window.clone();
    let message = config.check().unwrap_err().to_string();
    assert!(message.contains("csi.window.quantity = \"complex\""), "{message}");
    let without = LearningConfig { csi: None, ..packets() };
    assert!(without.check().unwrap_err().to_string().contains("section `[csi]`"));
}

#[test]
fn auto_judges_all_and_says_why() {
    let survey = survey(4);
    let mut base = config("labels = \"global\"");
    base.auto = AutoConfig { points: vec![4], draws: 1, folds: 2 };
    let cut = |window: &CsiConfig| Ok(sites(&survey, window));
    let choice = choose_csi(&cut, &base, 5).unwrap();
    assert_eq!(choice.table.iter().filter(|judged| judged.chosen).count(), 1);
    let accuracy = |judged: &Judged| judged.accuracy.unwrap_or(f64::NAN);
    let best = choice.table.iter().find(|judged| judged.chosen).unwrap();
    assert!(choice.table.iter().all(|judged| accuracy(judged) <= accuracy(best)), "{choice:?}");
    assert!(accuracy(best) > 0.9, "{choice:?}");
    assert_eq!(choice, choose_csi(&cut, &base, 5).unwrap());
    let one = |window: &CsiConfig| Ok(sites(&survey, window)[..1].to_vec());
    let unjudged = choose_csi(&one, &base, 5).unwrap();
    assert_eq!((unjudged.config.algorithm, unjudged.table.len()), (Algorithm::Packets, 0));
}

#[test]
fn candidates_are_adapted_to_for_each_window() {
    let (accuracy, _) = located("labels = \"reindexed\"\ncandidates = 3");
    // Histograms see which amplitudes there are and not where: some points are lost.
    assert!(accuracy > 0.6, "{accuracy}");
    let (site, day) = adapt(&config("labels = \"global\"\ncandidates = 2"));
    let locator = AdaptedCsiNetwork::new(site).unwrap();
    let estimate = locator.locate(&day.points[1].windows[6]).unwrap();
    assert_eq!(estimate.candidates.len(), 2);
}

#[test]
fn coordinates_are_regressed() {
    let mut config = config("answer = \"position\"");
    config.maml.inner_step_size = 0.05;
    config.training.iterations = 300;
    let (site, day) = adapt(&config);
    let (_, metres) = score(&AdaptedCsiNetwork::new(site).unwrap(), &day);
    // The points lie 2 m apart; their centroid is 2 m off on average.
    assert!(metres < 1.0, "{metres} m");
}

#[test]
fn the_centroid_lies_between_points() {
    let (site, day) = adapt(&config("labels = \"global\"\ntop_k = 4"));
    let locator = AdaptedCsiNetwork::new(site).unwrap();
    let estimate = locator.locate(&day.points[0].windows[5]).unwrap();
    let mean: f64 = estimate.candidates.iter().map(|c| c.weight * c.position.x_m).sum();
    assert!((estimate.position.x_m - mean).abs() < 1e-9);
    assert!((estimate.candidates.iter().map(|c| c.weight).sum::<f64>() - 1.0).abs() < 1e-9);
}

#[test]
fn one_seed_gives_one_model() {
    let config = config("labels = \"global\"");
    let sites = sites(&survey(3), &csi(&config).window);
    let [a, b] = [train(&config, &sites), train(&config, &sites)];
    assert_eq!(a, b);
    let random = LearningConfig { algorithm: Algorithm::Ri, ..config };
    assert_ne!(train(&random, &sites).parameters, a.parameters);
}

fn refused(change: impl Fn(&mut CsiSite), csi_text: &str) -> String {
    let config = config(csi_text);
    let sites = sites(&survey(3), &csi(&config).window);
    let model = train(&config, &sites[..2]);
    let mut support = sites[2].clone();
    change(&mut support);
    CsiSiteModel::adapt(&model, support, config.adaptation()).unwrap_err().to_string()
}

#[test]
fn what_does_not_fit_is_refused() {
    let stranger = refused(|site| site.points[0].id = "cellar".into(), "labels = \"global\"");
    assert!(stranger.contains("point cellar of day2 is not among"), "{stranger}");
    let many = |site: &mut CsiSite| site.points.extend(site.points.clone());
    let many = refused(many, "labels = \"reindexed\"");
    assert!(many.contains("8 surveyed points") && many.contains("csi.ways"), "{many}");
    let none = refused(|site| site.points.clear(), "labels = \"global\"");
    assert!(none.contains("this one has none"), "{none}");
}

#[test]
fn another_kind_of_window_is_not_located() {
    let (site, _) = adapt(&config("labels = \"global\""));
    let locator = AdaptedCsiNetwork::new(site).unwrap();
    let other = CsiWindow::new([4, 30, 1], vec![1.0; 120], vec![None]);
    assert_eq!(locator.locate(&other), Err(NotLocated::OtherShape));
}

#[test]
fn illegal_settings_name_themselves() {
    for (text, part) in [
        ("[csi]\nways = 1", "csi.ways"),
        ("[csi]\ntop_k = 0", "csi.top_k"),
        ("[csi]\ncandidates = 11", "csi.candidates"),
        ("[csi]\nsupport_span = 2", "csi.support_span"),
        ("[csi]\nprincipal_components = 1.5", "csi.principal_components"),
        ("[csi]\nfingerprint = \"image\"\ndeviation = true", "csi.deviation"),
        ("[csi]\nwindow = { packets = 0 }", "csi.packets"),
        ("[csi]\nwindow = { hampel = { half_window = 0 } }", "csi.hampel.half_window"),
        ("network = { loss = \"euclidean\" }\n[csi]", "network.loss"),
        ("network = { loss = \"cross-entropy\" }\n[csi]\nanswer = \"position\"", "network.loss"),
    ] {
        let config: LearningConfig = toml::from_str(text).unwrap();
        let message = config.check().unwrap_err().to_string();
        assert!(message.contains(part), "{text}: {message}");
    }
}

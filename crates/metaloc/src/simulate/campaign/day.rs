//! A place on a day: what stands where, who sends with what power, what receives.

use std::collections::HashSet;

use metaloc_meta::seed::{ChaCha8Rng, Purpose, stream};
use metaloc_radio::channel::ray::{Diffraction, Images, Path, Scene, Tracer, TracerConfig, Vector};
use metaloc_radio::channel::{FloorPlan, Obstacles, PlanPoint, Receiver, Scatterer};
use metaloc_radio::signal::MacAddress;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

use super::config::{CampaignConfig, DayConfig, SUBCARRIER_HZ};
use crate::error::Error;

/// Draws of a new place for a piece of furniture until it stays.
const MOVES: usize = 20;
/// When the first day of a campaign begins: 2026-01-05, 09:00 (s since 1970, UTC).
const FIRST_DAY_S: f64 = 1_767_603_600.0;
/// Time between days (s).
const DAYS_APART_S: f64 = 7.0 * 86_400.0;

/// What a stream of random numbers is for.
#[derive(Clone, Copy)]
#[repr(u64)]
pub(super) enum Draw {
    Changes = 1,
    Levels = 2,
    Device = 3,
    Visit = 4,
    Scan = 5,
    RandomPlace = 6,
    Clutter = 7,
}

/// An access point on a day.
#[derive(Debug, Clone)]
pub(super) struct Transmitter {
    pub(super) name: String,
    pub(super) address: MacAddress,
    pub(super) at: Vector,
    pub(super) sent_dbm: f64,
    /// Phase of its drift over the day.
    drift_phase: f64,
    pub(super) images: Images,
    /// The same for what lights people.
    pub(super) near_images: Images,
    /// Straight paths to each thing of the clutter.
    pub(super) to_clutter: Vec<Option<Path>>,
}

/// A place on a day, ready to be measured.
pub struct Day {
    /// Name of the environment.
    pub name: String,
    /// The floor as it is on that day.
    pub plan: FloorPlan,
    /// Names of the access points, in the plan's order.
    pub access_points: Vec<String>,
    /// Name of the device.
    pub device: String,
    /// People who walk about.
    pub people: usize,
    pub(super) points: Vec<PlanPoint>,
    pub(super) index: (usize, usize),
    pub(super) tracer: Tracer,
    /// What lights people: straight and once reflected paths.
    pub(super) near: Tracer,
    /// Straight paths alone.
    pub(super) direct: Tracer,
    pub(super) clutter: Vec<Scatterer>,
    pub(super) obstacles: Obstacles,
    pub(super) transmitters: Vec<Transmitter>,
    pub(super) receiver: Receiver,
    pub(super) facing_deg: f64,
    pub(super) start_s: f64,
}

/// The stream for one purpose on a day of a place.
pub(super) fn day_stream(seed: u64, index: (usize, usize), draw: Draw, item: u64) -> ChaCha8Rng {
    let day = ((index.0 as u64) << 32) | index.1 as u64;
    stream(seed, Purpose::Simulation, day, ((draw as u64) << 48) | item)
}

/// A number that is the same for a name everywhere (FNV-1a).
fn number_of(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// The floor plans of a place's days, each as its predecessor left it.
pub(super) fn plans(
    config: &CampaignConfig,
    place: usize,
    plan: &FloorPlan,
) -> Result<Vec<FloorPlan>, Error> {
    let mut plan = plan.clone();
    let mut plans = Vec::new();
    for (index, day) in config.places[place].days.iter().enumerate() {
        let mut rng = day_stream(config.seed, (place, index), Draw::Changes, 0);
        if index > 0 {
            move_furniture(config, &mut plan, &mut rng);
        }
        for door in &mut plan.doors {
            door.open = rng.random::<f64>() < config.changes.doors_open;
        }
        apply(day, &mut plan)?;
        plan.check()?;
        plans.push(plan.clone());
    }
    Ok(plans)
}

/// Moves some of the furniture a little; a piece stays where it would stand in another's way.
fn move_furniture(config: &CampaignConfig, plan: &mut FloorPlan, rng: &mut ChaCha8Rng) {
    for index in 0..plan.furniture.len() {
        if rng.random::<f64>() >= config.changes.furniture_moved {
            continue;
        }
        let from = plan.furniture[index].at;
        for _ in 0..MOVES {
            plan.furniture[index].at =
                from.map(|x| x + config.changes.furniture_moved_m * normal(rng));
            if plan.check().is_ok() {
                break;
            }
            plan.furniture[index].at = from;
        }
    }
}

/// What the file says of a day.
fn apply(day: &DayConfig, plan: &mut FloorPlan) -> Result<(), Error> {
    let unknown = |kind: &str, name: &str, known: Vec<&str>| {
        Error::usage(format!(
            "day `{}`: the plan has no {kind} `{name}`; it has {}",
            day.name,
            known.join(", ")
        ))
    };
    for (names, open) in [(&day.open, true), (&day.closed, false)] {
        for name in names {
            let known = || plan.doors.iter().map(|d| d.name.as_str()).collect();
            let at = plan.doors.iter().position(|door| door.name == *name);
            let at = at.ok_or_else(|| unknown("door", name, known()))?;
            plan.doors[at].open = open;
        }
    }
    for moved in &day.moved {
        let known = || plan.furniture.iter().map(|f| f.name.as_str()).collect();
        let at = plan.furniture.iter().position(|piece| piece.name == moved.name);
        let at = at.ok_or_else(|| unknown("furniture", &moved.name, known()))?;
        plan.furniture[at].at = moved.at;
    }
    for changed in &day.access_points {
        let known = || plan.access_points.iter().map(|a| a.name.as_str()).collect();
        let at = plan.access_points.iter().position(|a| a.name == changed.name);
        let at = at.ok_or_else(|| unknown("access point", &changed.name, known()))?;
        let access_point = &mut plan.access_points[at];
        access_point.at = changed.at.unwrap_or(access_point.at);
        access_point.name = changed.replaced_by.clone().unwrap_or(changed.name.clone());
    }
    Ok(())
}

impl Day {
    /// A place on a day, drawn from the campaign's seed.
    pub(super) fn new(
        config: &CampaignConfig,
        index: (usize, usize),
        plan: FloorPlan,
    ) -> Result<Self, Error> {
        let place = &config.places[index.0];
        let day = &place.days[index.1];
        let scene = Scene::new(plan.faces())?;
        let tracer_config = config.tracer();
        let n_links = plan.points().len() + config.scans.map_or(0, |s| s.random);
        tracer_config
            .check_work(scene.faces().len(), plan.access_points.len(), n_links)
            .map_err(|e| Error::usage(format!("place `{}`: {e}", place.name)))?;
        let straight =
            TracerConfig { max_reflections: 0, diffraction: Diffraction::None, ..tracer_config };
        let tracer = Tracer::new(scene.clone(), tracer_config)?;
        let direct = Tracer::new(scene.clone(), straight)?;
        let near = Tracer::new(scene, TracerConfig { max_reflections: 1, ..straight })?;
        let obstacles = plan.obstacles();
        let clutter = clutter(config, index, (&plan, &obstacles));
        let mut rng = day_stream(config.seed, index, Draw::Levels, 0);
        let changes = &config.changes;
        let transmitters = plan.access_points.iter().map(|access_point| {
            let (address, own_db) = sender(config, index.0, &access_point.name);
            let spread_db = own_db + changes.transmit_power_db * normal(&mut rng);
            Transmitter {
                name: access_point.name.clone(),
                address,
                at: access_point.at,
                sent_dbm: config.radio.transmit_power_dbm + spread_db,
                drift_phase: rng.random::<f64>() * std::f64::consts::TAU,
                images: tracer.images(access_point.at),
                near_images: near.images(access_point.at),
                to_clutter: straight_paths(&direct, access_point.at, &clutter),
            }
        });
        let transmitters: Vec<Transmitter> = transmitters.collect();
        let day_gain_db = changes.day_gain_db * normal(&mut rng);
        let facing_deg = rng.random::<f64>() * 360.0;
        let device = if day.device.is_empty() { "device" } else { &day.device };
        let receiver = receiver(config, device, day_gain_db);
        Ok(Self {
            name: format!("{}-{}", place.name, day.name),
            access_points: transmitters.iter().map(|t| t.name.clone()).collect(),
            device: device.to_owned(),
            people: day.people.unwrap_or(config.people.count),
            points: plan.points(),
            index,
            tracer,
            direct,
            obstacles,
            clutter,
            near,
            transmitters,
            receiver,
            facing_deg,
            start_s: FIRST_DAY_S + index.1 as f64 * DAYS_APART_S,
            plan,
        })
    }

    /// Number of survey points.
    #[must_use]
    pub fn n_points(&self) -> usize {
        self.points.len()
    }

    /// Power that a transmitter sends at a time after the day's begin (dBm), with its drift.
    pub(super) fn sent_dbm(&self, config: &CampaignConfig, transmitter: usize, time_s: f64) -> f64 {
        let Transmitter { sent_dbm, drift_phase, .. } = self.transmitters[transmitter];
        let turn = std::f64::consts::TAU * time_s / (3600.0 * config.changes.drift_period_h);
        let drift_db = config.changes.drift_db * std::f64::consts::SQRT_2;
        sent_dbm + drift_db * (turn + drift_phase).sin()
    }
}

/// A device as its name has it, with this gain of the day (dB).
fn receiver(config: &CampaignConfig, device: &str, day_gain_db: f64) -> Receiver {
    let mut own = day_stream(config.seed, (0, 0), Draw::Device, number_of(device) >> 16);
    let offsets = config.offsets_hz();
    let band = (config.bandwidth_hz(), &offsets[..]);
    let mut receiver = Receiver::draw(config.receiver, day_gain_db, band, &mut own);
    receiver.gain_db += config.changes.device_gain_db * normal(&mut own);
    receiver
}

/// The straight path from a place to each thing; none where no wave comes through.
pub(super) fn straight_paths(direct: &Tracer, from: Vector, to: &[Scatterer]) -> Vec<Option<Path>> {
    let images = direct.images(from);
    to.iter().map(|thing| direct.paths(&images, thing.at).pop()).collect()
}

/// The things of a place on a day: those of its first day, but for what was moved since.
fn clutter(
    config: &CampaignConfig,
    (place, day): (usize, usize),
    floor: (&FloorPlan, &Obstacles),
) -> Vec<Scatterer> {
    let mut rng = day_stream(config.seed, (place, 0), Draw::Clutter, 0);
    let mut things = config.clutter.draw(floor.0, &mut rng);
    for later in 1..=day {
        let mut rng = day_stream(config.seed, (place, later), Draw::Clutter, 0);
        for thing in &mut things {
            if rng.random::<f64>() < config.changes.clutter_moved {
                *thing = config.clutter.draw_one(floor, &mut rng).unwrap_or(*thing);
            }
        }
    }
    things
}

/// Address of an access point, and its power over others' (dB): what it is like stays with its name and place, not
/// with the day.
fn sender(config: &CampaignConfig, place: usize, name: &str) -> (MacAddress, f64) {
    let mut own =
        stream(config.seed, Purpose::Simulation, u64::MAX - place as u64, number_of(name));
    let mut address: [u8; 6] = own.random();
    // Locally administered, for one receiver.
    address[0] = address[0] & 0xfc | 2;
    let spread_db = if is_replacement(config, place, name) { 3.0 } else { 0.0 };
    (MacAddress(address), spread_db * normal(&mut own))
}

/// Whether an access point came in another's place.
fn is_replacement(config: &CampaignConfig, place: usize, name: &str) -> bool {
    let days = config.places[place].days.iter();
    let names: HashSet<&str> = days
        .flat_map(|day| &day.access_points)
        .filter_map(|changed| changed.replaced_by.as_deref())
        .collect();
    names.contains(name)
}

impl CampaignConfig {
    /// Distance of each occupied subcarrier from the middle of the channel (Hz).
    pub(super) fn offsets_hz(&self) -> Vec<f64> {
        self.occupied().iter().map(|&k| f64::from(k) * SUBCARRIER_HZ).collect()
    }
}

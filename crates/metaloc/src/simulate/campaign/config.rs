//! Campaign files: what is surveyed where, when, and with what.

use std::collections::BTreeMap;
use std::path::PathBuf;

use metaloc_radio::RadioError;
use metaloc_radio::channel::ray::{Antenna, Diffraction, TracerConfig};
use metaloc_radio::channel::{Body, ClutterConfig, FloorPlan, Place, ReceiverConfig};
use metaloc_radio::signal::{Chip, Subcarriers};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::survey::check_names;

/// Longest visit to a point (s).
const MOST_VISIT_S: f64 = 86_400.0;
/// Most people on a floor.
const MOST_PEOPLE: usize = 1000;
/// Most scans at a point, and most at random places on a day.
const MOST_SCANS: usize = 100_000;
/// Distance between subcarriers (Hz).
pub(super) const SUBCARRIER_HZ: f64 = 312_500.0;

/// A campaign: places surveyed on several days by rays through their floor plans, from one seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignConfig {
    /// Version of the file format; 1.
    pub schema: u32,
    /// Name of the survey it makes.
    pub name: String,
    /// Seed of everything drawn.
    pub seed: u64,
    /// What is sent.
    #[serde(default)]
    pub radio: RadioConfig,
    /// How rays are traced.
    #[serde(default)]
    pub tracer: TracerSettings,
    /// Channel state information that is recorded; none if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csi: Option<CsiCapture>,
    /// Scans of signal strengths that are taken; none if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scans: Option<ScanConfig>,
    /// The receiver.
    #[serde(default)]
    pub receiver: ReceiverConfig,
    /// Things that the floor plans leave out.
    #[serde(default)]
    pub clutter: ClutterConfig,
    /// People who walk about.
    #[serde(default)]
    pub people: PeopleConfig,
    /// What differs between days.
    #[serde(default)]
    pub changes: ChangesConfig,
    /// The places.
    pub places: Vec<PlaceConfig>,
}

/// What access points send.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RadioConfig {
    /// Number of the Wi-Fi channel: 1 to 14 at 2.4 GHz, 32 to 177 at 5 GHz.
    pub channel: u8,
    /// Width of the channel: 20, 40 or 80 MHz.
    pub bandwidth_mhz: u16,
    /// Transmit power (dBm).
    pub transmit_power_dbm: f64,
}

impl Default for RadioConfig {
    fn default() -> Self {
        Self { channel: 36, bandwidth_mhz: 20, transmit_power_dbm: 15.0 }
    }
}

impl RadioConfig {
    /// Middle of the channel (Hz).
    #[must_use]
    pub fn frequency_hz(&self) -> f64 {
        let channel = f64::from(self.channel);
        match self.channel {
            14 => 2.484e9,
            1..=13 => 2.407e9 + channel * 5e6,
            _ => 5e9 + channel * 5e6,
        }
    }

    fn check(&self) -> Result<(), Error> {
        if !matches!(self.channel, 1..=14 | 32..=177) {
            return Err(Error::usage("setting `radio.channel` must be 1 to 14 or 32 to 177"));
        }
        if !matches!(self.bandwidth_mhz, 20 | 40 | 80) {
            return Err(Error::usage("setting `radio.bandwidth_mhz` must be 20, 40 or 80"));
        }
        within("radio.transmit_power_dbm", self.transmit_power_dbm, [-100.0, 100.0])
    }
}

/// How rays are traced; see [`TracerConfig`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TracerSettings {
    /// Most reflections of a path, 0 to 3.
    pub max_reflections: u8,
    /// How waves bend around edges.
    pub diffraction: Diffraction,
    /// Paths this far below the strongest of a link are left out (dB).
    pub drop_below_db: f64,
    /// The antennas of both ends.
    pub antenna: Antenna,
}

impl Default for TracerSettings {
    fn default() -> Self {
        let TracerConfig { max_reflections, diffraction, drop_below_db, antenna, .. } =
            TracerConfig::default();
        Self { max_reflections, diffraction, drop_below_db, antenna }
    }
}

/// Recordings of channel state information at each point.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CsiCapture {
    /// The chip whose frames they are.
    pub chip: Chip,
    /// Images at each point on each day; 20 in the paper's surveys.
    pub images: usize,
    /// Frames of an image; 50 in the paper.
    pub packets: usize,
    /// Time between frames (ms).
    pub packet_interval_ms: f64,
    /// Visits to each point on a day, an equal share of the images at each.
    pub visits: usize,
}

impl Default for CsiCapture {
    fn default() -> Self {
        Self { chip: Chip::Bcm4339, images: 20, packets: 50, packet_interval_ms: 20.0, visits: 2 }
    }
}

impl CsiCapture {
    /// Images of one visit.
    #[must_use]
    pub fn images_per_visit(&self) -> usize {
        self.images / self.visits.max(1)
    }

    /// What a frame's values stand for.
    pub(super) fn subcarriers(&self, bandwidth_mhz: u16) -> Subcarriers {
        match (self.chip, bandwidth_mhz) {
            (Chip::Intel5300, 20) => Subcarriers::Intel20,
            (Chip::Intel5300, _) => Subcarriers::Intel40,
            _ => Subcarriers::All(bandwidth_mhz / 20 * 64),
        }
    }

    fn check(&self, bandwidth_mhz: u16) -> Result<(), Error> {
        if self.images == 0 || self.packets == 0 || self.visits == 0 {
            return Err(Error::usage(
                "settings `csi.images`, `csi.packets` and `csi.visits` must be at least 1",
            ));
        }
        if !self.images.is_multiple_of(self.visits) {
            return Err(Error::usage(format!(
                "setting `csi.images`, {}, must be a multiple of `csi.visits`, {}",
                self.images, self.visits
            )));
        }
        if self.chip == Chip::Image {
            let have = Chip::ALL.map(Chip::name).join(", ");
            return Err(Error::usage(format!(
                "setting `csi.chip` is image, which is no chip; there are {have}"
            )));
        }
        let most = if self.chip == Chip::Esp32 { 20 } else { 40 };
        if matches!(self.chip, Chip::Intel5300 | Chip::Esp32) && bandwidth_mhz > most {
            return Err(Error::usage(format!(
                "chip {} has up to {most} MHz here; setting `radio.bandwidth_mhz` is {bandwidth_mhz}",
                self.chip
            )));
        }
        at_most("csi.images", self.images, 10_000)?;
        at_most("csi.packets", self.packets, 10_000)?;
        within("csi.packet_interval_ms", self.packet_interval_ms, [1e-3, 10_000.0])?;
        let visit_s = self.visit_s();
        if visit_s > MOST_VISIT_S {
            return Err(Error::usage(format!(
                "a visit takes {visit_s:.0} s, more than a day; use fewer `csi.images` or `csi.packets`, \
                 more `csi.visits` or a shorter `csi.packet_interval_ms`"
            )));
        }
        Ok(())
    }
}

/// Scans of signal strengths.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScanConfig {
    /// Scans at each point on each day, in the set `training`.
    pub per_point: usize,
    /// Scans at places drawn at random on each day, in the set `test`.
    pub random: usize,
}

impl Default for ScanConfig {
    fn default() -> Self {
        Self { per_point: 5, random: 100 }
    }
}

/// People who walk about: from place to place in straight lines, through doors, with pauses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PeopleConfig {
    /// How many, where a day does not say.
    pub count: usize,
    /// Their mean speed (m/s).
    pub speed_m_per_s: f64,
    /// Longest pause (s).
    pub pause_s: f64,
    /// Their body.
    pub body: Body,
}

impl Default for PeopleConfig {
    fn default() -> Self {
        Self { count: 2, speed_m_per_s: 0.8, pause_s: 10.0, body: Body::default() }
    }
}

impl PeopleConfig {
    fn check(&self) -> Result<(), Error> {
        self.body.check().map_err(|e| of_section("people.body", e))?;
        at_most("people.count", self.count, MOST_PEOPLE)?;
        within("people.speed_m_per_s", self.speed_m_per_s, [0.01, 100.0])?;
        within("people.pause_s", self.pause_s, [0.0, 86_400.0])
    }
}

/// What differs between days and visits; all spreads are standard deviations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChangesConfig {
    /// Share of days on which a door stands open.
    pub doors_open: f64,
    /// Share of the furniture that moves from one day to the next.
    pub furniture_moved: f64,
    /// How far it moves (m).
    pub furniture_moved_m: f64,
    /// Share of the clutter that lies elsewhere from one day to the next.
    pub clutter_moved: f64,
    /// How exactly the device is put on a point (m).
    pub placement_m: f64,
    /// Loss of the device and who holds it from behind (dB); each day it faces another way.
    pub facing_depth_db: f64,
    /// How exactly the device faces the day's way at each visit (degrees).
    pub facing_deg: f64,
    /// Transmit power of each access point on a day (dB).
    pub transmit_power_db: f64,
    /// Gain of a device against others (dB), the same on all days.
    pub device_gain_db: f64,
    /// Gain of the device on a day (dB).
    pub day_gain_db: f64,
    /// Drift of levels over hours, with temperature (dB).
    pub drift_db: f64,
    /// How long a drift takes to come back (h).
    pub drift_period_h: f64,
}

impl Default for ChangesConfig {
    fn default() -> Self {
        Self {
            doors_open: 0.3,
            furniture_moved: 0.3,
            furniture_moved_m: 0.15,
            clutter_moved: 0.3,
            placement_m: 0.005,
            facing_depth_db: 3.0,
            facing_deg: 10.0,
            transmit_power_db: 0.5,
            device_gain_db: 1.0,
            day_gain_db: 0.3,
            drift_db: 0.4,
            drift_period_h: 3.0,
        }
    }
}

impl ChangesConfig {
    fn check(&self) -> Result<(), Error> {
        for (name, value, most) in [
            ("changes.doors_open", self.doors_open, 1.0),
            ("changes.furniture_moved", self.furniture_moved, 1.0),
            ("changes.clutter_moved", self.clutter_moved, 1.0),
            ("changes.furniture_moved_m", self.furniture_moved_m, 10.0),
            ("changes.placement_m", self.placement_m, 10.0),
            ("changes.facing_depth_db", self.facing_depth_db, 60.0),
            ("changes.facing_deg", self.facing_deg, 360.0),
            ("changes.transmit_power_db", self.transmit_power_db, 60.0),
            ("changes.device_gain_db", self.device_gain_db, 60.0),
            ("changes.day_gain_db", self.day_gain_db, 60.0),
            ("changes.drift_db", self.drift_db, 60.0),
        ] {
            within(name, value, [0.0, most])?;
        }
        within("changes.drift_period_h", self.drift_period_h, [1e-3, 1e6])
    }
}

/// A place and the days on which it is surveyed; each day is an environment, `PLACE-DAY`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceConfig {
    /// Its name.
    pub name: String,
    /// Floor plan, beside the campaign's file.
    pub plan: PathBuf,
    /// The days, in order; what moved stays where it went.
    pub days: Vec<DayConfig>,
}

/// A day: what is said of it is so, the rest is drawn.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DayConfig {
    /// Its name.
    pub name: String,
    /// People who walk about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people: Option<usize>,
    /// Name of the device; the same name is the same device.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub device: String,
    /// Doors that stand open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<String>,
    /// Doors that are closed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub closed: Vec<String>,
    /// Furniture with another place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub moved: Vec<MovedFurniture>,
    /// Access points with another place, power or name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_points: Vec<ChangedAccessPoint>,
}

/// A piece of furniture with another place from a day on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MovedFurniture {
    /// Its name.
    pub name: String,
    /// Where its middle is (m).
    pub at: Place,
}

/// An access point that changes from a day on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangedAccessPoint {
    /// Its name until then.
    pub name: String,
    /// Where it is (m).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<[f64; 3]>,
    /// Name of the one that takes its place; with it come another address and power.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
}

fn within(name: &str, value: f64, [low, high]: [f64; 2]) -> Result<(), Error> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(Error::usage(format!("setting `{name}` is {value}, it must be {low} to {high}")))
}

fn at_most(name: &str, value: usize, most: usize) -> Result<(), Error> {
    if value <= most {
        return Ok(());
    }
    Err(Error::usage(format!("setting `{name}` is {value}, it must be at most {most}")))
}

/// An error about a setting of a section, as it is called in the file.
fn of_section(section: &str, error: RadioError) -> Error {
    match error {
        RadioError::Setting { setting, found, expected } => {
            Error::usage(format!("setting `{section}.{setting}` is {found}, it must be {expected}"))
        }
        other => other.into(),
    }
}

impl CampaignConfig {
    /// Checks everything but the floor plans.
    ///
    /// # Errors
    /// Naming the setting.
    pub fn check(&self) -> Result<(), Error> {
        if self.schema != 1 {
            return Err(Error::usage(format!("schema {} is not known, this is 1", self.schema)));
        }
        self.radio.check()?;
        self.tracer().check().map_err(|e| of_section("tracer", e))?;
        within("tracer.drop_below_db", self.tracer.drop_below_db, [f64::MIN_POSITIVE, 300.0])?;
        self.receiver.check().map_err(|e| of_section("receiver", e))?;
        self.clutter.check().map_err(|e| of_section("clutter", e))?;
        self.people.check()?;
        self.changes.check()?;
        if let Some(csi) = &self.csi {
            csi.check(self.radio.bandwidth_mhz)?;
        }
        if let Some(scans) = &self.scans {
            at_most("scans.per_point", scans.per_point, MOST_SCANS)?;
            at_most("scans.random", scans.random, MOST_SCANS)?;
        }
        if self.csi.is_none() && self.scans.is_none_or(|s| s.per_point + s.random == 0) {
            return Err(Error::usage("nothing is measured; add a section `[csi]` or `[scans]`"));
        }
        self.check_names()
    }

    /// Places, days, and the environments that they make.
    fn check_names(&self) -> Result<(), Error> {
        if self.places.is_empty() || self.places.iter().any(|place| place.days.is_empty()) {
            return Err(Error::usage(
                "each campaign needs [[places]] and each place [[places.days]]",
            ));
        }
        let mut names: BTreeMap<String, (&str, &str)> = BTreeMap::new();
        for (index, place) in self.places.iter().enumerate() {
            if self.places[..index].iter().any(|earlier| earlier.name == place.name) {
                return Err(Error::usage(format!(
                    "place `{}` stands twice; rename one, or put its days together",
                    place.name
                )));
            }
            for day in &place.days {
                if place.name.is_empty() || day.name.is_empty() {
                    return Err(Error::usage(format!(
                        "place `{}` or its day `{}` has no name; give each one",
                        place.name, day.name
                    )));
                }
                let of_day = format!("people of day `{}`", day.name);
                at_most(&of_day, day.people.unwrap_or(0), MOST_PEOPLE)?;
                let own = (place.name.as_str(), day.name.as_str());
                let name = format!("{}-{}", own.0, own.1);
                match names.insert(name.clone(), own) {
                    None => {}
                    Some((other, _)) if other == own.0 => {
                        return Err(Error::usage(format!(
                            "place `{other}` has the day `{}` twice; rename one",
                            day.name
                        )));
                    }
                    Some((other, its_day)) => {
                        return Err(Error::usage(format!(
                            "day `{its_day}` of place `{other}` and day `{}` of place `{}` would both \
                             be environment `{name}`; rename one",
                            own.1, own.0
                        )));
                    }
                }
            }
        }
        check_names(names.keys().map(String::as_str)).map_err(Error::usage)
    }

    /// Refuses more things than can be traced.
    pub(super) fn check_clutter(&self, place: &PlaceConfig, plan: &FloorPlan) -> Result<(), Error> {
        self.clutter.check_number(plan).map_err(|e| {
            Error::usage(format!("place `{}`: {}", place.name, of_section("clutter", e)))
        })
    }

    /// The tracer's settings.
    #[must_use]
    pub fn tracer(&self) -> TracerConfig {
        let TracerSettings { max_reflections, diffraction, drop_below_db, antenna } = self.tracer;
        let frequency_hz = self.radio.frequency_hz();
        TracerConfig { frequency_hz, max_reflections, diffraction, drop_below_db, antenna }
    }

    /// Width of the channel (Hz).
    pub(super) fn bandwidth_hz(&self) -> f64 {
        f64::from(self.radio.bandwidth_mhz) * 1e6
    }

    /// The occupied subcarriers: those of IEEE 802.11n and ac without the middle (28, 58, 122 on either side).
    pub(super) fn occupied(&self) -> Vec<i16> {
        let most = match self.radio.bandwidth_mhz {
            20 => 28,
            40 => 58,
            _ => 122,
        };
        (-most..=most).filter(|k| *k != 0).collect()
    }
}

//! Paths of a link by the image method.
//!
//! Sources: J. Borish (1984), as in [`super::images`]; for indoor radio, S. Y. Seidel, T. S. Rappaport,
//! "Site-specific propagation prediction for wireless in-building personal communication system design",
//! IEEE Trans. Vehicular Technology 43 (1994). For each image the path is traced back from the receiver:
//!
//! ```text
//! hit_k = face_k x segment(receiver -> image_k), hit_{k-1} = face_{k-1} x segment(hit_k -> image_{k-1}), ...
//! a_p   = antennas / r  prod R  prod T,          r = |receiver - image_k|
//! ```
//!
//! Every hit must lie in its face, and the leg before it on the side of the face that the source is on.
//! Each other face that a leg goes through is a transmission, also where it does so in a point of reflection. What may reach the receiver has an upper
//! bound: the antennas over `r`, times the larger of TE and TM of each face so far; once it is more than
//! `drop_below_db` under the strongest path found so far, the path is given up.
//!
//! Faces are the middle planes of their slabs, and waves reflect there; a transmission stands in place of the
//! way through air ([`Slab::crossing`]).

use super::config::{Diffraction, TracerConfig};
use super::edges::{Edge, vertical_edges};
use super::images::{Image, Images};
use super::path::Path;
use super::polarisation::Field;
use super::scene::{Crossing, Scene, TOUCH_M};
use super::slab::{Polarised, Slab};
use super::vector::{add_scaled, dot, length, scaled, sub, unit};
use super::{MAX_REFLECTIONS, Vector};
use crate::RadioError;
use crate::channel::path_loss::SPEED_OF_LIGHT_M_PER_S;

const MOST: usize = MAX_REFLECTIONS as usize;

/// Finds the paths of a scene's links. It does not change while it works: threads can share it.
#[derive(Debug, Clone)]
pub struct Tracer {
    pub(super) scene: Scene,
    pub(super) config: TracerConfig,
    /// One for each face.
    pub(super) slabs: Vec<Slab>,
    pub(super) edges: Vec<Edge>,
}

impl Tracer {
    /// A tracer of `scene`.
    ///
    /// # Errors
    /// What [`TracerConfig::check`] finds.
    pub fn new(scene: Scene, config: TracerConfig) -> Result<Self, RadioError> {
        config.check()?;
        let slab = |panel: &super::scene::Panel| {
            Slab::new(panel.face.material, panel.face.thickness_m, config.frequency_hz)
        };
        let slabs = scene.panels().iter().map(slab).collect();
        let edges = match config.diffraction {
            Diffraction::None => Vec::new(),
            Diffraction::KnifeEdge | Diffraction::Utd => vertical_edges(&scene),
        };
        Ok(Self { scene, config, slabs, edges })
    }

    /// Its scene.
    #[must_use]
    pub const fn scene(&self) -> &Scene {
        &self.scene
    }

    /// Its settings.
    #[must_use]
    pub const fn config(&self) -> &TracerConfig {
        &self.config
    }

    /// The images of a transmitter (m), to be used for all of its receivers.
    #[must_use]
    pub fn images(&self, transmitter: Vector) -> Images {
        Images::new(&self.scene, transmitter, self.config.max_reflections)
    }

    /// The paths from the transmitter of `images`, which must be this tracer's, to `receiver` (m); the
    /// strongest first. There are none to a receiver at the transmitter's place.
    #[must_use]
    pub fn paths(&self, images: &Images, receiver: Vector) -> Vec<Path> {
        let mut link = Link::new(self, images.transmitter, receiver);
        link.follow(&[images.transmitter, receiver], &[]);
        for image in &images.list {
            if images.is_seen(image, receiver) {
                link.follow_back(images, image);
            }
        }
        link.add_diffracted();
        link.finish()
    }
}

/// The search for the paths of one link.
pub(super) struct Link<'a> {
    pub(super) tracer: &'a Tracer,
    pub(super) transmitter: Vector,
    pub(super) receiver: Vector,
    /// Amplitude of the strongest path so far.
    strongest: f64,
    /// What a path must have of it.
    least_share: f64,
    paths: Vec<Path>,
    pub(super) crossings: Vec<Crossing>,
    pub(super) changes: Vec<Change>,
}

/// A change of the field where a path meets a face.
#[derive(Clone, Copy)]
pub(super) struct Change {
    normal: Vector,
    incident: Vector,
    outgoing: Vector,
    factors: Polarised,
}

impl Change {
    /// What it keeps of the two polarisations.
    pub(super) const fn factors(&self) -> Polarised {
        self.factors
    }

    /// The field behind it.
    pub(super) fn apply(&self, field: &Field) -> Field {
        field.after(self.normal, self.incident, self.outgoing, self.factors)
    }
}

impl<'a> Link<'a> {
    fn new(tracer: &'a Tracer, transmitter: Vector, receiver: Vector) -> Self {
        Self {
            tracer,
            transmitter,
            receiver,
            strongest: 0.0,
            least_share: 10_f64.powf(-tracer.config.drop_below_db / 20.0),
            paths: Vec::new(),
            crossings: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// Whether an amplitude is too small to matter; also if it is not a number.
    pub(super) fn is_negligible(&self, amplitude: f64) -> bool {
        !(amplitude > 0.0 && amplitude >= self.strongest * self.least_share)
    }

    /// Traces back from the receiver to the transmitter, by an image and those that it is an image of.
    fn follow_back(&mut self, images: &Images, last: &Image) {
        let panels = self.tracer.scene.panels();
        let mut points = [self.receiver; MOST + 2];
        let mut faces = [0; MOST];
        let (mut n, mut from, mut image) = (0, self.receiver, last);
        loop {
            let panel = &panels[image.face];
            let (before, behind) = (panel.height(from), panel.height(image.position));
            let is_in_front = before * behind < 0.0 && before.abs() > TOUCH_M;
            if !is_in_front || n == MOST {
                return;
            }
            let share = before / (before - behind);
            let hit = add_scaled(from, share, sub(image.position, from));
            if !panel.contains(hit) || self.tracer.scene.is_taken(image.face, hit) {
                return;
            }
            // From the back: the receiver stays in the last place.
            points[MOST - n] = hit;
            faces[MOST - 1 - n] = image.face;
            n += 1;
            from = hit;
            match image.parent {
                Some(parent) => image = &images.list[parent],
                None => break,
            }
        }
        points[MOST - n] = images.transmitter;
        self.follow(&points[MOST - n..], &faces[MOST - n..]);
    }

    /// Adds the path over `points`, from transmitter to receiver, which reflects at `faces` between them.
    fn follow(&mut self, points: &[Vector], faces: &[usize]) {
        let n_legs = points.len() - 1;
        let mut ways = [[0.0; 3]; MOST + 1];
        let mut length_m = 0.0;
        for (leg, way) in ways[..n_legs].iter_mut().enumerate() {
            let vector = sub(points[leg + 1], points[leg]);
            let Some(direction) = unit(vector) else { return };
            *way = direction;
            length_m += length(vector);
        }
        let ways = &ways[..n_legs];
        let antenna = self.tracer.config.antenna;
        let antennas = antenna.pattern(ways[0]) * antenna.pattern(ways[n_legs - 1]);
        let Some(bound) = self.reflect(ways, faces, antennas / length_m) else { return };
        let Some(transmissions) = self.collect(points, ways, faces, bound) else { return };
        let sent = Field::sent(antenna, ways[0]);
        let field = self.changes.iter().fold(sent, |field, change| change.apply(&field));
        let gain = field.received(antenna, ways[n_legs - 1]) / length_m;
        self.add(Path {
            gain,
            length_m,
            delay_s: length_m / SPEED_OF_LIGHT_M_PER_S,
            departure: ways[0],
            arrival: scaled(-1.0, ways[n_legs - 1]),
            vertices: points.to_vec(),
            reflections: faces.len() as u8,
            transmissions,
            is_diffracted: false,
        });
    }

    /// Begins `changes` with the reflections, and lowers the bound by them; none if that is too little.
    fn reflect(&mut self, ways: &[Vector], faces: &[usize], mut bound: f64) -> Option<f64> {
        self.changes.clear();
        for (place, &face) in faces.iter().enumerate() {
            if self.is_negligible(bound) {
                return None;
            }
            let normal = self.tracer.scene.panels()[face].normal;
            let (incident, outgoing) = (ways[place], ways[place + 1]);
            let factors = self.tracer.slabs[face].reflection(dot(incident, normal).abs().min(1.0));
            bound *= factors.most();
            self.changes.push(Change { normal, incident, outgoing, factors });
        }
        (!self.is_negligible(bound)).then_some(bound)
    }

    /// Puts the transmissions of all legs between the reflections in `changes`; their number, or none if
    /// too little gets through.
    fn collect(
        &mut self,
        points: &[Vector],
        ways: &[Vector],
        faces: &[usize],
        mut bound: f64,
    ) -> Option<u8> {
        let n_reflections = faces.len();
        for (leg, way) in ways.iter().enumerate() {
            let ends = &faces[leg.saturating_sub(1)..(leg + 1).min(n_reflections)];
            bound = self.transmit(points[leg], points[leg + 1], (*way, ends), bound)?;
            if leg < n_reflections {
                let legs = (&points[leg..leg + 3], &ways[leg..leg + 2]);
                bound = self.reflect_at(legs, (faces[leg], self.changes[leg]), bound)?;
            }
        }
        self.changes.drain(..n_reflections);
        Some((self.changes.len() - n_reflections).min(usize::from(u8::MAX)) as u8)
    }

    /// Appends to `changes` the reflection between two legs, with the faces that touch its point and stand between
    /// them; the lowered bound, or none if that is too little.
    fn reflect_at(
        &mut self,
        (points, ways): (&[Vector], &[Vector]),
        (face, reflection): (usize, Change),
        bound: f64,
    ) -> Option<f64> {
        let [before, point, after] = [points[0], points[1], points[2]];
        let scene = &self.tracer.scene;
        let is_before = scene.crossings_at(face, [before, point, after], &mut self.crossings);
        let bound = if is_before { self.pass(ways[0], bound)? } else { bound };
        self.changes.push(reflection);
        if is_before { Some(bound) } else { self.pass(ways[1], bound) }
    }

    /// Appends to `changes` the faces that a leg goes through along `way`, but for the `except`ed ones; the
    /// lowered bound, or none if that is too little.
    pub(super) fn transmit(
        &mut self,
        from: Vector,
        to: Vector,
        (way, except): (Vector, &[usize]),
        bound: f64,
    ) -> Option<f64> {
        self.tracer.scene.crossings(from, to, except, &mut self.crossings);
        self.pass(way, bound)
    }

    /// Appends to `changes` the transmissions through the faces in `crossings` along `way`; the lowered bound, or
    /// none if that is too little.
    fn pass(&mut self, way: Vector, mut bound: f64) -> Option<f64> {
        for place in 0..self.crossings.len() {
            let change = self.tracer.transmission(self.crossings[place].face, way);
            bound *= change.factors.most();
            if self.is_negligible(bound) {
                return None;
            }
            self.changes.push(change);
        }
        Some(bound)
    }

    /// Adds a path, if it is not negligible.
    pub(super) fn add(&mut self, path: Path) {
        let amplitude = path.gain.norm();
        if !self.is_negligible(amplitude) {
            self.strongest = self.strongest.max(amplitude);
            self.paths.push(path);
        }
    }

    fn finish(mut self) -> Vec<Path> {
        let mut paths = std::mem::take(&mut self.paths);
        paths.retain(|path| !self.is_negligible(path.gain.norm()));
        paths.sort_by(|a, b| b.gain.norm_sqr().total_cmp(&a.gain.norm_sqr()));
        paths
    }
}

impl Tracer {
    /// The transmission through a face along `way`.
    pub(super) fn transmission(&self, face: usize, way: Vector) -> Change {
        let normal = self.scene.panels()[face].normal;
        let factors = self.slabs[face].crossing(dot(way, normal).abs().min(1.0));
        Change { normal, incident: way, outgoing: way, factors }
    }
}

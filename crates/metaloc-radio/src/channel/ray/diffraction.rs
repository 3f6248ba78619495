//! Paths that bend once around an upright edge.
//!
//! Sources: Recommendation ITU-R P.526-15 for the knife edge ([`super::knife_edge`]); Kouyoumjian and Pathak
//! with Luebbers' and Burnside and Burgener's weights for UTD ([`super::utd`]). By Keller's law the ray
//! keeps its angle with the edge: with `p'`, `p` the distances in plan,
//!
//! ```text
//! z = z_t + (z_r - z_t) p' / (p' + p),   s' = |edge point - transmitter|, s = |receiver - edge point|
//! ```
//!
//! Walls let waves through, so behind one the direct path is there too, and a diffracted one of full strength
//! would count that part twice. For the knife edge Kirchhoff's half-planes say how they add: with `U` what
//! the edge's walls let through on the direct line's side of the edge, `U'` on the other side, and `r` the
//! direct line,
//!
//! ```text
//! field over free space's = U + (U' - U) F(nu),   nu = 2 sqrt((s + s' - r) / lambda)
//! a_p = (U' - U) F(nu) e^{jk (s + s' - r)} / r
//! ```
//!
//! In the shadow of one wall this is `T + (1 - T) F`, before it `1 - (1 - T) F`: the same on the border, and
//! just free space if the wall is clear. UTD has the weight `1 - T` on its terms of incidence for the same
//! reason. The knife edge needs the edge between the ends of the link, and UTD needs both in the open side of a
//! corner; else there is no such path. Upright antennas are polarised along the edge's
//! `beta_0`, so the fields along theta-hat (soft) and phi-hat (hard) turn with the ray, each for itself.

use std::f64::consts::{PI, TAU};

use num_complex::Complex64;

use super::Vector;
use super::config::Diffraction;
use super::edges::{Edge, Owner, turned};
use super::image_method::{Change, Link};
use super::knife_edge::knife_edge_field;
use super::path::Path;
use super::polarisation::{Field, frame};
use super::scene::{Panel, TOUCH_M};
use super::utd::{WedgeGeometry, WedgeWeights, wedge_terms};
use super::vector::{length, scaled, sub, unit};
use crate::channel::path_loss::SPEED_OF_LIGHT_M_PER_S;

/// Bearings closer than this are the same (rad).
const LEAST_BEARING: f64 = 1e-9;

/// Where the legs run, and the direct line.
struct Bend<'a> {
    edge: &'a Edge,
    point: Vector,
    /// Unit vectors of the leg to the edge, of the leg from it, of the direct line.
    ways: [Vector; 3],
    /// Their lengths (m).
    lengths_m: [f64; 3],
    /// Whether the direct line goes through a wall of the edge, asked of the walls themselves where it
    /// touches the edge: the direct path and the bent one must agree.
    is_through: Option<bool>,
    /// Bearings of transmitter and receiver from the edge (rad).
    bearings: [f64; 2],
    /// Whether the edge stands between the ends, in plan.
    is_between: bool,
}

impl<'a> Bend<'a> {
    /// None if the ray would pass over or under the edge, or an end stands on it or in the plane of one of
    /// its walls, on the wall's side.
    fn new(edge: &'a Edge, panels: &[Panel], [transmitter, receiver]: [Vector; 2]) -> Option<Self> {
        let plan = |to: Vector| [to[0] - edge.at[0], to[1] - edge.at[1]];
        let (t, r) = (plan(transmitter), plan(receiver));
        let (near, far) = (t[0].hypot(t[1]), r[0].hypot(r[1]));
        if near < TOUCH_M || far < TOUCH_M {
            return None;
        }
        let z = transmitter[2] + (receiver[2] - transmitter[2]) * near / (near + far);
        let [low, high] = edge.heights_m;
        if !(low..=high).contains(&z) {
            return None;
        }
        let point = [edge.at[0], edge.at[1], z];
        let legs = [sub(point, transmitter), sub(receiver, point), sub(receiver, transmitter)];
        let [Some(first), Some(second), Some(direct)] = legs.map(unit) else { return None };
        let line = [r[0] - t[0], r[1] - t[1]];
        let line_m = line[0].hypot(line[1]);
        let along_m = -(t[0] * line[0] + t[1] * line[1]) / line_m.max(TOUCH_M);
        let bearings = [t[1].atan2(t[0]), r[1].atan2(r[0])];
        let is_in_wall = |bearing: &f64| {
            edge.owners
                .iter()
                .any(|owner| turned(owner.bearing - bearing + LEAST_BEARING) < 2.0 * LEAST_BEARING)
        };
        if bearings.iter().any(is_in_wall) {
            return None;
        }
        let aside_m = (t[0] * r[1] - t[1] * r[0]).abs() / line_m.max(TOUCH_M);
        let is_crossed =
            |owner: &Owner| panels[owner.face].crossing(transmitter, receiver).is_some();
        let is_through = (aside_m < TOUCH_M).then(|| edge.owners.iter().any(is_crossed));
        Some(Self {
            edge,
            point,
            ways: [first, second, direct],
            lengths_m: legs.map(length),
            is_through,
            bearings,
            is_between: (TOUCH_M..line_m - TOUCH_M).contains(&along_m),
        })
    }

    /// The edge's walls on the direct line's side of it, and those on the other side; each in the order in
    /// which a way from the transmitter meets them.
    fn sides(&self) -> [Vec<usize>; 2] {
        let [from, to] = self.bearings;
        let turn = turned(to - from);
        let bearing = |owner: &Owner| turned(owner.bearing - from);
        let mut owners: Vec<&Owner> = self.edge.owners.iter().collect();
        owners.sort_by(|a, b| bearing(a).total_cmp(&bearing(b)));
        let (left, mut right): (Vec<&Owner>, Vec<&Owner>) =
            owners.into_iter().partition(|owner| bearing(owner) < turn);
        right.reverse();
        let faces = |side: Vec<&Owner>| side.into_iter().map(|owner| owner.face).collect();
        let (left, right): (Vec<usize>, Vec<usize>) = (faces(left), faces(right));
        let is_left = match self.is_through {
            Some(is_through) => (left.len() >= right.len()) == is_through,
            None => turn < PI,
        };
        if is_left { [left, right] } else { [right, left] }
    }

    /// Places around the wedge's open side, and the faces there: the 0-face, the n-face. None if an end
    /// is inside of the corner.
    fn around(&self) -> Option<(WedgeGeometry, [usize; 2])> {
        let (zero, other) = match self.edge.owners.as_slice() {
            [a] => (a, a),
            [a, b] if turned(b.bearing - a.bearing) > PI => (a, b),
            [a, b] => (b, a),
            _ => return None,
        };
        let is_screen = self.edge.owners.len() == 1;
        let span = if is_screen { TAU } else { turned(other.bearing - zero.bearing) };
        let [mut source, mut receiver] = self.bearings.map(|b| turned(b - zero.bearing));
        let mut faces = [zero.face, other.face];
        if source > span || receiver > span {
            return None;
        }
        // Counted from the face nearer to the transmitter, the weights are the same both ways.
        if source > receiver {
            (source, receiver) = (span - source, span - receiver);
            faces.reverse();
        }
        if let Some(is_through) = self.is_through {
            let beyond = if is_through { 1e-12 } else { -1e-12 };
            receiver = (source + PI + beyond).min(span);
        }
        let geometry = WedgeGeometry {
            n: span / PI,
            source_angle: source,
            receiver_angle: receiver,
            source_distance_m: self.lengths_m[0],
            receiver_distance_m: self.lengths_m[1],
            edge_sine: self.ways[0][0].hypot(self.ways[0][1]),
        };
        Some((geometry, faces))
    }
}

/// The field turned about the vertical from the ray along `before` to the one along `after`, its components
/// along theta-hat and phi-hat each times a factor.
fn turned_field(field: &Field, before: Vector, after: Vector, factors: [Complex64; 2]) -> Field {
    let (phi, theta) = frame(before);
    let (new_phi, new_theta) = frame(after);
    let soft = factors[0] * field.along(theta);
    Field::of(soft, factors[1] * field.along(phi), (new_theta, new_phi))
}

const ONE: Complex64 = Complex64::ONE;

impl Link<'_> {
    /// Adds the paths around all edges.
    pub(super) fn add_diffracted(&mut self) {
        let tracer = self.tracer;
        let ends = [self.transmitter, self.receiver];
        for edge in &tracer.edges {
            if let Some(bend) = Bend::new(edge, tracer.scene.panels(), ends) {
                match tracer.config.diffraction {
                    Diffraction::None => {}
                    Diffraction::KnifeEdge => self.add_knife_edge(&bend),
                    Diffraction::Utd => self.add_wedge(&bend),
                }
            }
        }
    }

    fn wavenumber(&self) -> f64 {
        TAU * self.tracer.config.frequency_hz / SPEED_OF_LIGHT_M_PER_S
    }

    fn add_knife_edge(&mut self, bend: &Bend<'_>) {
        if !bend.is_between {
            return;
        }
        let [first, second, direct] = bend.lengths_m;
        let detour = (self.wavenumber() * (first + second - direct)).max(0.0);
        // Detour over wavelength is detour in radians over 2 pi.
        let spread = knife_edge_field(2.0 * (detour / TAU).sqrt()) / direct;
        let gain = spread * Complex64::from_polar(1.0, detour);
        // U' - U is at most 2 in amplitude.
        let bound = 2.0 * gain.norm();
        if self.is_negligible(bound) {
            return;
        }
        let sides = bend.sides();
        self.add_bent(bend, bound, |link, field| {
            let along = bend.ways[2];
            let field = turned_field(field, bend.ways[0], along, [gain, gain]);
            let through = |faces: &[usize]| {
                let change = |field: Field, face: &usize| {
                    link.tracer.transmission(*face, along).apply(&field)
                };
                turned_field(&faces.iter().fold(field, change), along, bend.ways[1], [ONE, ONE])
            };
            [(1.0, through(&sides[1])), (-1.0, through(&sides[0]))]
        });
    }

    fn add_wedge(&mut self, bend: &Bend<'_>) {
        let Some((geometry, [zero, other])) = bend.around() else { return };
        let terms = wedge_terms(&geometry, self.wavenumber());
        if self.is_negligible(terms.most()) {
            return;
        }
        let slabs = &self.tracer.slabs;
        let cosine = |angle: f64| (geometry.edge_sine * angle.sin().abs()).min(1.0);
        let zero_reflection = slabs[zero].reflection(cosine(geometry.source_angle));
        let from_other = geometry.n * PI - geometry.receiver_angle;
        let other_reflection = slabs[other].reflection(cosine(from_other));
        let transmission = |face: usize| self.tracer.transmission(face, bend.ways[2]).factors();
        let (mut soft, mut hard) = (ONE, ONE);
        for owner in &bend.edge.owners {
            let factors = transmission(owner.face);
            soft *= factors.te;
            hard *= factors.tm;
        }
        let gain = |through, zero_face, n_face| {
            terms.weighted(&WedgeWeights { through, zero_face, n_face })
        };
        let soft = gain(soft, zero_reflection.te, other_reflection.te);
        let hard = gain(hard, zero_reflection.tm, other_reflection.tm);
        let bound = soft.norm().max(hard.norm());
        let [first, second, _] = bend.ways;
        self.add_bent(bend, bound, |_, field| {
            let bent = turned_field(field, first, second, [soft, hard]);
            [(1.0, bent), (0.0, bent)]
        });
    }

    /// Adds a path whose field at the edge becomes the weighted sum of those that `at_edge` makes of it,
    /// together at most `bound` times as strong.
    fn add_bent(
        &mut self,
        bend: &Bend<'_>,
        bound: f64,
        at_edge: impl Fn(&Self, &Field) -> [(f64, Field); 2],
    ) {
        let antenna = self.tracer.config.antenna;
        let [first, second, _] = bend.ways;
        let bound = bound * antenna.pattern(first) * antenna.pattern(second);
        if self.is_negligible(bound) {
            return;
        }
        let owners: Vec<usize> = bend.edge.owners.iter().map(|owner| owner.face).collect();
        self.changes.clear();
        let to_edge = self.transmit(self.transmitter, bend.point, (first, &owners), bound);
        let n_first = self.changes.len();
        let Some(bound) = to_edge else { return };
        if self.transmit(bend.point, self.receiver, (second, &owners), bound).is_none() {
            return;
        }
        let pass = |field: Field, changes: &[Change]| {
            changes.iter().fold(field, |field, change| change.apply(&field))
        };
        let (before, after) = self.changes.split_at(n_first);
        let at = pass(Field::sent(antenna, first), before);
        let received =
            |(weight, field): (f64, Field)| weight * pass(field, after).received(antenna, second);
        let gain = at_edge(self, &at).map(received).iter().sum();
        let length_m = bend.lengths_m[0] + bend.lengths_m[1];
        self.add(Path {
            gain,
            length_m,
            delay_s: length_m / SPEED_OF_LIGHT_M_PER_S,
            departure: first,
            arrival: scaled(-1.0, second),
            vertices: vec![self.transmitter, bend.point, self.receiver],
            reflections: 0,
            transmissions: self.changes.len().min(usize::from(u8::MAX)) as u8,
            is_diffracted: true,
        });
    }
}

//! The channel of a link whose paths are traced once, while people move about it.
//!
//! What stands still is traced once; for each frame, what people block of its paths is taken off, and what they
//! scatter is added. A person is lit by the paths from the transmitter, and seen along the paths from the receiver; of
//! each, the point that it seems to come from ([`Source`]) stays while the person takes a step:
//!
//! ```text
//! H(f, t) = sum_p h_p(f) prod_people shadow(p, t) + (lambda / 4 pi) sum_people sqrt(sigma / 4 pi) L(f, t) S(f, t)
//! L = sum_sources w e^{-j 2 pi f d / c} / d        d from the source to the person; S from the receiver's side
//! ```

use std::f64::consts::{PI, TAU};

use num_complex::Complex64;

use super::path_loss::SPEED_OF_LIGHT_M_PER_S;
use super::ray::{Path, Vector, frequency_response};
use super::{Body, Leg, Place};

/// A person is at least so far from a source (m).
const LEAST_WAY_M: f64 = 0.2;

/// How a hand-held receiver favours directions: `-depth (1 - cos(angle)) / 2` dB from where it faces.
/// A stand-in of ours for antenna and holder together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facing {
    /// The direction it faces, counter-clockwise from x (degrees).
    pub azimuth_deg: f64,
    /// Loss from behind (dB).
    pub depth_db: f64,
}

impl Facing {
    /// Amplitude factor for a wave from direction `arrival`.
    #[must_use]
    pub fn factor(&self, arrival: Vector) -> f64 {
        let angle = arrival[1].atan2(arrival[0]) - self.azimuth_deg.to_radians();
        10_f64.powf(-self.depth_db * (1.0 - angle.cos()) / 2.0 / 20.0)
    }
}

/// Where a wave at a person seems to come from: the transmitter or a mirror image of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Source {
    /// The point (m).
    pub at: Vector,
    /// What faces and antennas leave of its amplitude at 1 m.
    pub weight: Complex64,
}

impl Source {
    /// The sources of paths that end at `person`.
    #[must_use]
    pub fn of_paths(paths: &[Path], person: Vector) -> Vec<Self> {
        let source = |path: &Path| {
            let at = [0, 1, 2].map(|axis| person[axis] + path.arrival[axis] * path.length_m);
            Self { at, weight: path.gain * path.length_m }
        };
        paths.iter().map(source).collect()
    }
}

/// A person at a moment, as one link sees them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Person<'a> {
    /// The body.
    pub body: Body,
    /// Where it is.
    pub at: Place,
    /// Where waves from the transmitter come from.
    pub lit_by: &'a [Source],
    /// Where waves from the receiver would come from.
    pub seen_by: &'a [Source],
}

/// A link's traced paths, prepared for frames.
#[derive(Debug, Clone)]
pub struct TracedLink {
    ends: [Vector; 2],
    wavelength_m: f64,
    /// `[paths]`: the legs of each.
    legs: Vec<Vec<Leg>>,
    /// `[paths, tones]`
    parts: Vec<Complex64>,
    /// `[tones]`: all paths.
    still: Vec<Complex64>,
    carrier_hz: f64,
    offsets_hz: Vec<f64>,
    /// Smallest distance between tones (Hz).
    step_hz: f64,
}

impl TracedLink {
    /// Prepares the paths from `ends[0]` to `ends[1]` for frames on the tones `carrier_hz + offsets_hz`, which
    /// rise in steps of one size, or more where tones are left out.
    #[must_use]
    pub fn new(
        paths: &[Path],
        ends: [Vector; 2],
        facing: Facing,
        (carrier_hz, offsets_hz): (f64, &[f64]),
    ) -> Self {
        let mut parts = Vec::with_capacity(paths.len() * offsets_hz.len());
        for path in paths {
            let factor = facing.factor(path.arrival);
            let response = frequency_response(std::slice::from_ref(path), carrier_hz, offsets_hz);
            parts.extend(response.into_iter().map(|h| h * factor));
        }
        let mut still = vec![Complex64::ZERO; offsets_hz.len()];
        for part in parts.chunks_exact(offsets_hz.len().max(1)) {
            still.iter_mut().zip(part).for_each(|(sum, h)| *sum += h);
        }
        let legs = |path: &Path| path.vertices.windows(2).map(|v| Leg::new(v[0], v[1])).collect();
        Self {
            ends,
            wavelength_m: SPEED_OF_LIGHT_M_PER_S / carrier_hz,
            legs: paths.iter().map(legs).collect(),
            parts,
            still,
            carrier_hz,
            offsets_hz: offsets_hz.to_vec(),
            step_hz: offsets_hz.windows(2).map(|w| w[1] - w[0]).fold(f64::INFINITY, f64::min),
        }
    }

    /// Transmitter and receiver (m).
    #[must_use]
    pub fn ends(&self) -> [Vector; 2] {
        self.ends
    }

    /// The channel without people, on each tone.
    #[must_use]
    pub fn still(&self) -> &[Complex64] {
        &self.still
    }

    /// The channel with people, on each tone.
    #[must_use]
    pub fn response(&self, people: &[Person<'_>]) -> Vec<Complex64> {
        let mut response = self.still.clone();
        if people.is_empty() {
            return response;
        }
        let n = self.offsets_hz.len().max(1);
        for (legs, part) in self.legs.iter().zip(self.parts.chunks_exact(n)) {
            let mut left = 1.0;
            for leg in legs {
                for person in people {
                    left *= person.body.shadow(person.at, *leg, self.wavelength_m);
                }
            }
            if left < 1.0 {
                response.iter_mut().zip(part).for_each(|(sum, h)| *sum -= h * (1.0 - left));
            }
        }
        people.iter().for_each(|person| self.scatter(person, &mut response));
        response
    }

    /// Adds the ways over a person.
    fn scatter(&self, person: &Person<'_>, response: &mut [Complex64]) {
        let center = person.body.scattering_center(person.at);
        let field = |sources: &[Source]| {
            let mut field = vec![Complex64::ZERO; self.offsets_hz.len()];
            sources.iter().for_each(|source| self.add_wave(source, center, &mut field));
            field
        };
        let factor = person.body.scattering_length_m() * self.wavelength_m / (4.0 * PI);
        let (lit, seen) = (field(person.lit_by), field(person.seen_by));
        for (sum, (lit, seen)) in response.iter_mut().zip(lit.iter().zip(&seen)) {
            *sum += lit * seen * factor;
        }
    }

    /// Adds the wave of a source at a point. Tones that follow each other in even steps turn by even angles.
    fn add_wave(&self, source: &Source, at: Vector, field: &mut [Complex64]) {
        let way_m = length(sub(at, source.at)).max(LEAST_WAY_M);
        let turn = |hz: f64| Complex64::from_polar(1.0, -TAU * hz * way_m / SPEED_OF_LIGHT_M_PER_S);
        let Some(&first) = self.offsets_hz.first() else { return };
        let mut wave = source.weight / way_m * turn(self.carrier_hz + first);
        let step = turn(self.step_hz);
        let mut last = first;
        for (sum, &offset) in field.iter_mut().zip(&self.offsets_hz) {
            let gap = offset - last;
            if gap > 1.5 * self.step_hz {
                wave *= turn(gap);
            } else if gap > 0.0 {
                wave *= step;
            }
            last = offset;
            *sum += wave;
        }
    }
}

fn sub(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn length(a: Vector) -> f64 {
    a.iter().map(|x| x * x).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::ray::{Antenna, Scene, Tracer, TracerConfig};

    const ENDS: [Vector; 2] = [[0.0, 0.0, 1.2], [6.0, 0.0, 1.2]];
    const EVEN: Facing = Facing { azimuth_deg: 0.0, depth_db: 0.0 };

    fn free_space(facing: Facing) -> TracedLink {
        let config = TracerConfig { antenna: Antenna::Isotropic, ..TracerConfig::default() };
        let tracer = Tracer::new(Scene::new(vec![]).unwrap(), config).unwrap();
        let paths = tracer.paths(&tracer.images(ENDS[0]), ENDS[1]);
        TracedLink::new(&paths, ENDS, facing, (2.44e9, &[-1e6, 0.0, 1e6]))
    }

    /// A person in free space, who scatters with this weight.
    fn with_person(link: &TracedLink, at: Place, weight: f64) -> Vec<Complex64> {
        let source = |at, weight| Source { at, weight: Complex64::new(weight, 0.0) };
        let (lit_by, seen_by) = ([source(ENDS[0], weight)], [source(ENDS[1], 1.0)]);
        link.response(&[Person { body: Body::default(), at, lit_by: &lit_by, seen_by: &seen_by }])
    }

    #[test]
    fn without_people_it_is_the_traced_channel() {
        let link = free_space(EVEN);
        assert_eq!(link.response(&[]), link.still());
        let expected = SPEED_OF_LIGHT_M_PER_S / 2.44e9 / (4.0 * PI * 6.0);
        assert!((link.still()[1].norm() / expected - 1.0).abs() < 1e-9);
    }

    #[test]
    fn people_block_and_scatter() {
        let link = free_space(EVEN);
        let shadow =
            Body::default().shadow([3.0, 0.0], Leg::new(ENDS[0], ENDS[1]), link.wavelength_m);
        let blocked = with_person(&link, [3.0, 0.0], 0.0);
        assert!((blocked[0] - link.still()[0] * shadow).norm() < 1e-15);
        // One aside adds its own way, with a delay that turns the tones against each other.
        let beside = with_person(&link, [3.0, 4.0], 1.0);
        let added = |k: usize| beside[k] - link.still()[k];
        let d = 2.0 * length([3.0, 4.0, 1.2 - 0.6 * 1.75]);
        let turn = (added(2) / added(1)).arg();
        assert!((turn + TAU * 1e6 * d / SPEED_OF_LIGHT_M_PER_S).abs() < 1e-6, "{turn}");
        let gain = Body::default().scattering_length_m() * link.wavelength_m / (PI * d * d);
        assert!((added(1).norm() / gain - 1.0).abs() < 1e-6);
    }

    /// A mirror image lights a person as the traced path over the mirror does, also a step further.
    #[test]
    fn sources_stand_for_paths() {
        use crate::channel::Material;
        use crate::channel::ray::Face;
        let mirror = Face {
            origin: [-10.0, 3.0, -10.0],
            edges: [[30.0, 0.0, 0.0], [0.0, 0.0, 30.0]],
            material: Material::Metal,
            thickness_m: 0.01,
        };
        let config = TracerConfig {
            antenna: Antenna::Isotropic,
            diffraction: crate::channel::ray::Diffraction::None,
            ..TracerConfig::default()
        };
        let tracer = Tracer::new(Scene::new(vec![mirror]).unwrap(), config).unwrap();
        let images = tracer.images(ENDS[0]);
        let (here, there) = ([3.0, -1.0, 1.0], [3.1, -0.95, 1.0]);
        let sources = Source::of_paths(&tracer.paths(&images, here), here);
        assert_eq!(sources.len(), 2);
        let link = TracedLink::new(&[], ENDS, EVEN, (2.44e9, &[-1e6, 0.0, 1e6]));
        let mut field = vec![Complex64::ZERO; 3];
        sources.iter().for_each(|source| link.add_wave(source, there, &mut field));
        let paths = tracer.paths(&images, there);
        let aperture = SPEED_OF_LIGHT_M_PER_S / 2.44e9 / (4.0 * PI);
        let expected = frequency_response(&paths, 2.44e9, &[0.0])[0] / aperture;
        assert!((field[1] - expected).norm() < 1e-3 * expected.norm(), "{} {expected}", field[1]);
    }

    #[test]
    fn a_receiver_that_faces_away_hears_less() {
        let db = |azimuth_deg| {
            let link = free_space(Facing { azimuth_deg, depth_db: 6.0 });
            20.0 * link.still()[1].norm().log10()
        };
        // The wave comes from -x.
        assert!((db(180.0) - db(0.0) - 6.0).abs() < 1e-9);
        assert!((db(180.0) - db(90.0) - 3.0).abs() < 1e-9);
    }
}

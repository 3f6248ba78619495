//! The channel of a link whose paths are traced once, while people move about it.
//!
//! What stands still is traced once; for each frame, only what people block of its paths is taken off, and what they
//! scatter (once, from the straight ways) is added:
//!
//! ```text
//! H(f, t) = sum_p h_p(f) prod_people shadow(p, t) + (lambda / 4 pi) sum_people a(t) e^{-j 2 pi f (d1 + d2) / c}
//! ```

use std::f64::consts::{PI, TAU};

use num_complex::Complex64;

use super::body::Person;
use super::path_loss::SPEED_OF_LIGHT_M_PER_S;
use super::ray::{Path, Vector, frequency_response};

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

/// A link's traced paths, prepared for frames.
#[derive(Debug, Clone)]
pub struct TracedLink {
    ends: [Vector; 2],
    wavelength_m: f64,
    /// `[paths]`: the legs of each.
    legs: Vec<Vec<[Vector; 2]>>,
    /// `[paths, tones]`
    parts: Vec<Complex64>,
    /// `[tones]`: all paths.
    still: Vec<Complex64>,
    carrier_hz: f64,
    offsets_hz: Vec<f64>,
    facing: Facing,
}

impl TracedLink {
    /// Prepares the paths from `ends[0]` to `ends[1]` for frames on the tones `carrier_hz + offsets_hz`.
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
        let legs = |path: &Path| path.vertices.windows(2).map(|v| [v[0], v[1]]).collect();
        Self {
            ends,
            wavelength_m: SPEED_OF_LIGHT_M_PER_S / carrier_hz,
            legs: paths.iter().map(legs).collect(),
            parts,
            still,
            carrier_hz,
            offsets_hz: offsets_hz.to_vec(),
            facing,
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
    pub fn response(&self, people: &[Person]) -> Vec<Complex64> {
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

    /// Adds the way over a person.
    fn scatter(&self, person: &Person, response: &mut [Complex64]) {
        let center = person.body.scattering_center(person.at);
        let [from, to] = self.ends;
        let to_body = sub(center, to);
        let (d1, d2) = (length(sub(center, from)), length(to_body));
        let aperture = self.wavelength_m / (4.0 * PI);
        let gain = person.body.scattered_gain(d1, d2) * aperture * self.facing.factor(to_body);
        let delay_s = (d1 + d2) / SPEED_OF_LIGHT_M_PER_S;
        for (sum, offset_hz) in response.iter_mut().zip(&self.offsets_hz) {
            let phase = -TAU * (self.carrier_hz + offset_hz) * delay_s;
            *sum += person.weight * Complex64::from_polar(gain, phase);
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
    use crate::channel::Body;
    use crate::channel::ray::{Antenna, Scene, Tracer, TracerConfig};

    const ENDS: [Vector; 2] = [[0.0, 0.0, 1.2], [6.0, 0.0, 1.2]];
    const EVEN: Facing = Facing { azimuth_deg: 0.0, depth_db: 0.0 };

    fn free_space(facing: Facing) -> TracedLink {
        let config = TracerConfig { antenna: Antenna::Isotropic, ..TracerConfig::default() };
        let tracer = Tracer::new(Scene::new(vec![]).unwrap(), config).unwrap();
        let paths = tracer.paths(&tracer.images(ENDS[0]), ENDS[1]);
        TracedLink::new(&paths, ENDS, facing, (2.44e9, &[-1e6, 0.0, 1e6]))
    }

    fn person(at: [f64; 2], weight: f64) -> Person {
        Person { body: Body::default(), at, weight: Complex64::new(weight, 0.0) }
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
        let shadow = Body::default().shadow([3.0, 0.0], ENDS, link.wavelength_m);
        let blocked = link.response(&[person([3.0, 0.0], 0.0)]);
        assert!((blocked[0] - link.still()[0] * shadow).norm() < 1e-15);
        // One aside adds its own way, with a delay that turns the tones against each other.
        let beside = link.response(&[person([3.0, 4.0], 1.0)]);
        let added = |k: usize| beside[k] - link.still()[k];
        let d = 2.0 * length([3.0, 4.0, 1.2 - 0.6 * 1.75]);
        let turn = (added(2) / added(1)).arg();
        assert!((turn + TAU * 1e6 * d / SPEED_OF_LIGHT_M_PER_S).abs() < 1e-6, "{turn}");
        let gain =
            Body::default().scattered_gain(d / 2.0, d / 2.0) * link.wavelength_m / (4.0 * PI);
        assert!((added(1).norm() / gain - 1.0).abs() < 1e-6);
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

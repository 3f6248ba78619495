//! Images of a transmitter, and where each of them is seen.
//!
//! Sources: J. Borish, "Extension of the image model to arbitrary polyhedra", J. Acoust. Soc. Am. 75
//! (1984); for the beams, P. Heckbert, P. Hanrahan, "Beam tracing polygonal objects", SIGGRAPH 1984; for the
//! clipping, I. Sutherland, G. Hodgman, "Reentrant polygon clipping", Comm. ACM 17 (1974).
//!
//! ```text
//! image of P in the plane n . x = c:  P' = P - 2 (n . P - c) n
//! ```
//!
//! A face shows an image only in the beam from `P'` through the part of the face that `P` lights, on
//! `P`'s side of the face. So a next face needs an image only if part of it is in that beam, and that part
//! bounds the next beam. Never twice running in one plane.
//!
//! Beams are wide by [`TOUCH_M`], so that they only ever leave out what the exact tests of the back-trace
//! would refuse.

use super::Vector;
use super::scene::{Panel, Scene, TOUCH_M};
use super::vector::{add_scaled, cross, dot, sub, unit};

/// Half-space `normal . x + offset >= 0`.
#[derive(Debug, Clone, Copy)]
struct HalfSpace {
    normal: Vector,
    offset_m: f64,
}

impl HalfSpace {
    fn depth(&self, point: Vector) -> f64 {
        dot(self.normal, point) + self.offset_m
    }
}

/// An image of a transmitter in a face, of it or of another image.
#[derive(Debug, Clone)]
pub(super) struct Image {
    pub(super) position: Vector,
    pub(super) face: usize,
    /// The image that is mirrored; none of the transmitter.
    pub(super) parent: Option<usize>,
    /// The beam's place in `half_spaces`.
    beam: std::ops::Range<usize>,
}

/// The images of one transmitter, for any number of receivers.
#[derive(Debug, Clone)]
pub struct Images {
    pub(super) transmitter: Vector,
    pub(super) list: Vec<Image>,
    half_spaces: Vec<HalfSpace>,
}

impl Images {
    /// Images of order 1 to `max_order`, lower orders first.
    pub(super) fn new(scene: &Scene, transmitter: Vector, max_order: u8) -> Self {
        let mut images = Self { transmitter, list: Vec::new(), half_spaces: Vec::new() };
        let mut polygon = Polygon::default();
        let mut previous = 0..0;
        for order in 0..max_order {
            let start = images.list.len();
            if order == 0 {
                images.add_images_of(None, scene, &mut polygon);
            }
            for parent in previous {
                images.add_images_of(Some(parent), scene, &mut polygon);
            }
            previous = start..images.list.len();
        }
        images
    }

    /// Where the transmitter stands (m).
    #[must_use]
    pub const fn transmitter(&self) -> Vector {
        self.transmitter
    }

    /// How many images there are, without the transmitter itself.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are no images.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether `point` may see the image.
    pub(super) fn is_seen(&self, image: &Image, point: Vector) -> bool {
        self.half_spaces[image.beam.clone()].iter().all(|half| half.depth(point) >= 0.0)
    }

    fn add_images_of(&mut self, parent: Option<usize>, scene: &Scene, polygon: &mut Polygon) {
        let (source, beam, plane) = match parent.map(|parent| &self.list[parent]) {
            None => (self.transmitter, 0..0, None),
            Some(image) => {
                let plane = scene.panels()[image.face].plane;
                (image.position, image.beam.clone(), Some(plane))
            }
        };
        for (face, panel) in scene.panels().iter().enumerate() {
            let height = panel.height(source);
            if Some(panel.plane) == plane || height.abs() <= TOUCH_M {
                continue;
            }
            polygon.points.clear();
            polygon.points.extend(panel.corners());
            let is_lit = self.half_spaces[beam.clone()].iter().all(|half| polygon.clip(*half));
            if is_lit {
                let position = panel.mirrored(source);
                let start = self.half_spaces.len();
                self.add_beam(panel, height, position, &polygon.points);
                let beam = start..self.half_spaces.len();
                self.list.push(Image { position, face, parent, beam });
            }
        }
    }

    /// The beam from `image` through `polygon` in the face of `panel`, on the side of a source at `height`.
    fn add_beam(&mut self, panel: &Panel, height: f64, image: Vector, polygon: &[Vector]) {
        let normal = panel.normal.map(|x| x * height.signum());
        // Points must be further off than the back-trace's limit; half of it leaves room for rounding.
        let offset_m = -dot(normal, panel.face.origin) - 0.5 * TOUCH_M;
        self.half_spaces.push(HalfSpace { normal, offset_m });
        let share = 1.0 / polygon.len() as f64;
        let middle = polygon.iter().fold([0.0; 3], |sum, point| add_scaled(sum, share, *point));
        let towards_middle = sub(middle, image);
        for (place, corner) in polygon.iter().enumerate() {
            let next = polygon[(place + 1) % polygon.len()];
            // A side too short to have a direction bounds nothing.
            let Some(normal) = unit(cross(sub(*corner, image), sub(next, image))) else { continue };
            let side = dot(normal, towards_middle);
            if side.abs() > TOUCH_M {
                let normal = normal.map(|x| x * side.signum());
                self.half_spaces.push(HalfSpace { normal, offset_m: TOUCH_M - dot(normal, image) });
            }
        }
    }
}

/// A convex polygon, with room to clip it.
#[derive(Default)]
struct Polygon {
    points: Vec<Vector>,
    clipped: Vec<Vector>,
}

impl Polygon {
    /// Keeps what lies in the half-space; whether that is anything.
    fn clip(&mut self, half: HalfSpace) -> bool {
        let n = self.points.len();
        if self.points.iter().all(|point| half.depth(*point) >= 0.0) {
            return true;
        }
        self.clipped.clear();
        for place in 0..n {
            let (from, to) = (self.points[place], self.points[(place + 1) % n]);
            let (a, b) = (half.depth(from), half.depth(to));
            if a >= 0.0 {
                self.clipped.push(from);
            }
            if (a >= 0.0) != (b >= 0.0) {
                self.clipped.push(add_scaled(from, a / (a - b), sub(to, from)));
            }
        }
        std::mem::swap(&mut self.points, &mut self.clipped);
        self.points.len() >= 3
    }
}

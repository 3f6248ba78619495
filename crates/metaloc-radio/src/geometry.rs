//! Places on a floor plan, in local metres.

use serde::{Deserialize, Serialize};

/// A place: local coordinates (m) and a floor number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// East-west coordinate in the survey's frame (m).
    pub x_m: f64,
    /// North-south coordinate in the survey's frame (m).
    pub y_m: f64,
    /// Floor number as the survey counts it.
    pub floor: i32,
}

impl Position {
    /// A place at (`x_m`, `y_m`) on `floor`.
    #[must_use]
    pub const fn new(x_m: f64, y_m: f64, floor: i32) -> Self {
        Self { x_m, y_m, floor }
    }

    /// Horizontal distance to another place (m); floors are not counted.
    #[must_use]
    pub fn distance_m(&self, other: &Self) -> f64 {
        (self.x_m - other.x_m).hypot(self.y_m - other.y_m)
    }
}

/// The coordinate frame that a network works in: `u = (x - origin) / scale`.
///
/// Networks learn best on numbers around one; a frame fixed to an environment's reference points
/// also makes a model independent of where the publisher put the origin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoordinateFrame {
    /// Origin (m).
    pub origin_x_m: f64,
    /// Origin (m).
    pub origin_y_m: f64,
    /// Metres in one unit of the frame (m).
    pub scale_m: f64,
}

impl CoordinateFrame {
    /// The frame centred on `positions`, with their root-mean-square distance from the centre as
    /// unit (1 m where all of them coincide). The identity frame for no positions.
    #[must_use]
    pub fn around<'a>(positions: impl Iterator<Item = &'a Position> + Clone) -> Self {
        let n = positions.clone().count() as f64;
        if n == 0.0 {
            return Self { origin_x_m: 0.0, origin_y_m: 0.0, scale_m: 1.0 };
        }
        let origin_x_m = positions.clone().map(|p| p.x_m).sum::<f64>() / n;
        let origin_y_m = positions.clone().map(|p| p.y_m).sum::<f64>() / n;
        let mean_square = positions
            .map(|p| (p.x_m - origin_x_m).powi(2) + (p.y_m - origin_y_m).powi(2))
            .sum::<f64>()
            / n;
        let scale_m = if mean_square > 1e-12 { mean_square.sqrt() } else { 1.0 };
        Self { origin_x_m, origin_y_m, scale_m }
    }

    /// The same frame with another unit (m).
    #[must_use]
    pub const fn with_scale_m(self, scale_m: f64) -> Self {
        Self { scale_m, ..self }
    }

    /// Metres to frame coordinates.
    #[must_use]
    pub fn to_frame(&self, x_m: f64, y_m: f64) -> [f64; 2] {
        [(x_m - self.origin_x_m) / self.scale_m, (y_m - self.origin_y_m) / self.scale_m]
    }

    /// Frame coordinates to metres.
    #[must_use]
    pub fn to_metres(&self, frame: [f64; 2]) -> [f64; 2] {
        [frame[0] * self.scale_m + self.origin_x_m, frame[1] * self.scale_m + self.origin_y_m]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_centres_and_scales() {
        let square = [
            Position::new(0.0, 0.0, 0),
            Position::new(2.0, 0.0, 0),
            Position::new(0.0, 2.0, 0),
            Position::new(2.0, 2.0, 0),
        ];
        let frame = CoordinateFrame::around(square.iter());
        assert!((frame.scale_m - 2f64.sqrt()).abs() < 1e-12);
        let [u, v] = frame.to_frame(2.0, 0.0);
        assert!((u - 0.5f64.sqrt()).abs() < 1e-12 && (v + 0.5f64.sqrt()).abs() < 1e-12);
        let back = frame.to_metres([u, v]);
        assert!((back[0] - 2.0).abs() < 1e-12 && back[1].abs() < 1e-12);
    }

    #[test]
    fn coinciding_points_keep_the_unit() {
        let one = [Position::new(3.0, 4.0, 1)];
        assert!((CoordinateFrame::around(one.iter()).scale_m - 1.0).abs() < 1e-12);
    }

    #[test]
    fn distance_is_horizontal() {
        let d = Position::new(0.0, 0.0, 0).distance_m(&Position::new(3.0, 4.0, 7));
        assert!((d - 5.0).abs() < 1e-12);
    }
}

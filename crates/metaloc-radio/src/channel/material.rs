//! Building materials: permittivity and conductivity by frequency.
//!
//! Source: Recommendation ITU-R P.2040-3, Table 3: `epsilon_r = a f^b` (b = 0 for all that stand here) and
//! `sigma = c f^d` (S/m), f in GHz. The complex relative permittivity is
//! `eta = epsilon_r - j sigma / (2 pi f epsilon_0)`.

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

/// Permittivity of the vacuum (F/m).
const VACUUM_PERMITTIVITY_F_PER_M: f64 = 8.854_187_812_8e-12;

/// A building material.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Material {
    /// Concrete.
    Concrete,
    /// Brick.
    Brick,
    /// Plasterboard.
    Plasterboard,
    /// Wood.
    Wood,
    /// Glass.
    Glass,
    /// Ceiling board.
    CeilingBoard,
    /// Chipboard.
    Chipboard,
    /// Plywood.
    Plywood,
    /// Marble.
    Marble,
    /// Floorboard.
    Floorboard,
    /// Metal.
    Metal,
}

/// A row of the table.
struct Constants {
    name: &'static str,
    a: f64,
    c: f64,
    d: f64,
    range_ghz: (f64, f64),
    thickness_m: f64,
}

impl Material {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Concrete,
        Self::Brick,
        Self::Plasterboard,
        Self::Wood,
        Self::Glass,
        Self::CeilingBoard,
        Self::Chipboard,
        Self::Plywood,
        Self::Marble,
        Self::Floorboard,
        Self::Metal,
    ];

    /// P.2040-3's constants; the usual thickness is ours, but for concrete, brick, plasterboard, a wooden
    /// door and glass that of common practice.
    const fn constants(self) -> Constants {
        let (name, a, c, d, range_ghz, thickness_m) = match self {
            Self::Concrete => ("concrete", 5.24, 0.0462, 0.7822, (1.0, 100.0), 0.15),
            Self::Brick => ("brick", 3.91, 0.0238, 0.16, (1.0, 40.0), 0.10),
            Self::Plasterboard => ("plasterboard", 2.73, 0.0085, 0.9395, (1.0, 100.0), 0.0125),
            Self::Wood => ("wood", 1.99, 0.0047, 1.0718, (0.001, 100.0), 0.04),
            Self::Glass => ("glass", 6.31, 0.0036, 1.3394, (0.1, 100.0), 0.006),
            Self::CeilingBoard => ("ceiling-board", 1.48, 0.0011, 1.0750, (1.0, 100.0), 0.02),
            Self::Chipboard => ("chipboard", 2.58, 0.0217, 0.7800, (1.0, 100.0), 0.02),
            Self::Plywood => ("plywood", 2.71, 0.33, 0.0, (1.0, 40.0), 0.02),
            Self::Marble => ("marble", 7.074, 0.0055, 0.9262, (1.0, 60.0), 0.03),
            Self::Floorboard => ("floorboard", 3.66, 0.0044, 1.3515, (50.0, 100.0), 0.02),
            Self::Metal => ("metal", 1.0, 1e7, 0.0, (1.0, 100.0), 0.002),
        };
        Constants { name, a, c, d, range_ghz, thickness_m }
    }

    /// Name as in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.constants().name
    }

    /// Thickness where none is given (m).
    #[must_use]
    pub const fn usual_thickness_m(self) -> f64 {
        self.constants().thickness_m
    }

    /// Frequencies that the constants hold for (Hz): lowest, highest.
    #[must_use]
    pub fn frequency_range_hz(self) -> (f64, f64) {
        let (low, high) = self.constants().range_ghz;
        (low * 1e9, high * 1e9)
    }

    /// Complex relative permittivity `eta` at `frequency_hz`; time runs as `e^{+j omega t}`, so losses make
    /// its imaginary part negative.
    #[must_use]
    pub fn permittivity(self, frequency_hz: f64) -> Complex64 {
        let Constants { a, c, d, .. } = self.constants();
        let conductivity = c * (frequency_hz / 1e9).powf(d);
        let angular = std::f64::consts::TAU * frequency_hz;
        Complex64::new(a, -conductivity / (angular * VACUUM_PERMITTIVITY_F_PER_M))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `17.98 sigma / f` with f in GHz is the same imaginary part.
    #[test]
    fn permittivity_of_concrete() {
        let eta = Material::Concrete.permittivity(2.44e9);
        let sigma = 0.0462 * 2.44_f64.powf(0.7822);
        assert!((eta.re - 5.24).abs() < 1e-12);
        assert!((eta.im + 17.98 * sigma / 2.44).abs() < 1e-3, "{eta}");
    }

    #[test]
    fn names_are_those_of_files() {
        for material in Material::ALL {
            let text = serde_json::to_string(&material).unwrap();
            assert_eq!(text, format!("\"{}\"", material.name()));
        }
    }
}

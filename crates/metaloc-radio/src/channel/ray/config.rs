//! What a tracer follows, and how much work that is.

use serde::{Deserialize, Serialize};

use crate::RadioError;

/// Highest order of reflection.
pub const MAX_REFLECTIONS: u8 = 3;

/// Work (see [`TracerConfig::work`]) above which a run should be refused: on one core it takes a quarter of an hour
/// to 40 minutes.
pub const MAX_WORK: u64 = 40_000_000_000;

/// Tests of images that take as long as the edges of a face.
const TESTS_PER_FACE_WITH_EDGES: u64 = 100;

/// How paths around the free vertical ends and corners of walls are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Diffraction {
    /// Not at all.
    None,
    /// As at a knife edge (P.526), with what the walls let through.
    #[default]
    KnifeEdge,
    /// By the uniform theory of diffraction, with what the walls let through and reflect.
    Utd,
}

/// Upright antennas at both ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Antenna {
    /// Equally strong in all directions; the polarisation is still that of an upright antenna.
    Isotropic,
    /// Amplitude by the sine of the angle from upright, 1 at the horizon.
    #[default]
    ShortDipole,
}

/// Settings of a tracer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TracerConfig {
    /// Carrier frequency (Hz), which materials are taken at.
    pub frequency_hz: f64,
    /// Most reflections of a path, 0 to 3.
    pub max_reflections: u8,
    /// How waves bend around edges (once a path).
    pub diffraction: Diffraction,
    /// Paths this far below the strongest of a link are left out (dB).
    pub drop_below_db: f64,
    /// The antennas of both ends.
    pub antenna: Antenna,
}

impl Default for TracerConfig {
    fn default() -> Self {
        Self {
            frequency_hz: 2.44e9,
            max_reflections: 2,
            diffraction: Diffraction::default(),
            drop_below_db: 40.0,
            antenna: Antenna::default(),
        }
    }
}

impl TracerConfig {
    /// Checks every setting's range.
    ///
    /// # Errors
    /// [`RadioError::Setting`] naming the setting.
    pub fn check(&self) -> Result<(), RadioError> {
        let setting = |setting, found: f64, legal: bool, expected| {
            if legal && found.is_finite() {
                Ok(())
            } else {
                Err(RadioError::Setting { setting, found, expected })
            }
        };
        let frequency = self.frequency_hz;
        setting("frequency_hz", frequency, frequency > 0.0, "above 0")?;
        let legal = self.max_reflections <= MAX_REFLECTIONS;
        setting("max_reflections", f64::from(self.max_reflections), legal, "0 to 3")?;
        setting("drop_below_db", self.drop_below_db, self.drop_below_db > 0.0, "above 0")
    }

    /// Most tests of an image that tracing all links takes: transmitters times images times receivers,
    /// and once more for making the images. With `N` faces there are at most
    /// `1 + N + N (N - 1) + ...` images, one term more for each order. Diffraction counts as 100 images
    /// a face. In offices of 40 and 80 walls a unit took 20 to 60 ns (`metaloc/examples/trace_cost.rs`).
    #[must_use]
    pub fn work(&self, n_faces: usize, n_transmitters: usize, n_receivers: usize) -> u64 {
        let n_faces = n_faces as u64;
        let edges = match self.diffraction {
            Diffraction::None => 0,
            _ => n_faces.saturating_mul(TESTS_PER_FACE_WITH_EDGES),
        };
        let (mut images, mut of_order) = (1_u64, 1_u64);
        for order in 0..self.max_reflections {
            let next = if order == 0 { n_faces } else { n_faces.saturating_sub(1) };
            of_order = of_order.saturating_mul(next);
            images = images.saturating_add(of_order);
        }
        let each = (n_receivers as u64).saturating_add(1);
        let of_link = images.saturating_add(edges);
        of_link.saturating_mul(n_transmitters as u64).saturating_mul(each)
    }

    /// [`Self::work`], if it is at most [`MAX_WORK`].
    ///
    /// # Errors
    /// [`RadioError::TooMuchWork`] with the work and the limit.
    pub fn check_work(
        &self,
        n_faces: usize,
        n_transmitters: usize,
        n_receivers: usize,
    ) -> Result<u64, RadioError> {
        let work = self.work(n_faces, n_transmitters, n_receivers);
        if work > MAX_WORK {
            return Err(RadioError::TooMuchWork { work, limit: MAX_WORK });
        }
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_counts_images() {
        let config = TracerConfig { diffraction: Diffraction::None, ..TracerConfig::default() };
        let with_edges = TracerConfig::default();
        assert_eq!(with_edges.work(42, 1, 0), config.work(42, 1, 0) + 4200);
        assert_eq!(config.work(42, 1, 0), 1 + 42 + 42 * 41);
        assert_eq!(config.work(42, 20, 1000), (1 + 42 + 42 * 41) * 20 * 1001);
        let third = TracerConfig { max_reflections: 3, ..config };
        assert_eq!(third.work(10, 1, 0), 1 + 10 + 90 + 810);
        assert_eq!(third.work(usize::MAX, 9, 9), u64::MAX);
        assert!(third.check_work(42, 20, 1000).is_ok());
        let error = third.check_work(400, 20, 1000).unwrap_err();
        assert!(matches!(error, RadioError::TooMuchWork { limit: MAX_WORK, .. }));
    }

    #[test]
    fn settings_have_ranges_and_names() {
        let config = TracerConfig::default();
        config.check().unwrap();
        let wrong = TracerConfig { max_reflections: 4, ..config };
        assert!(wrong.check().unwrap_err().to_string().contains("max_reflections"));
        assert!(TracerConfig { drop_below_db: 0.0, ..config }.check().is_err());
        assert!(TracerConfig { frequency_hz: f64::NAN, ..config }.check().is_err());
        let read: TracerConfig =
            serde_json::from_str(r#"{"diffraction": "knife-edge", "antenna": "isotropic"}"#)
                .unwrap();
        assert_eq!(read, TracerConfig { antenna: Antenna::Isotropic, ..config });
        assert!(serde_json::from_str::<TracerConfig>(r#"{"reflections": 1}"#).is_err());
    }
}

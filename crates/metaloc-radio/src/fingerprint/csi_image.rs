//! CSI images: packets x subcarriers x streams, as pixels of 0 to 255 (the paper's Fig. 1).
//!
//! The paper says that pixels run from 0 to 255 and not how amplitudes become pixels. Ours (stated as
//! invented in docs/paper-map.md): with `A` the amplitude and `A_hi` the 99.5th percentile of its
//! channel over the historical environments, which a model keeps,
//!
//! ```text
//! pixel = round(255 clip(A / A_hi, 0, 1))
//! ```

use serde::{Deserialize, Serialize};

use crate::preprocess::CsiWindow;

/// Share of the historical amplitudes that lie below the brightest pixel.
const HIGH_SHARE: f64 = 0.995;

/// A CSI image. Rows are packets in order of time, columns subcarriers in rising order, channels the
/// streams: access point by access point, antenna by antenna.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsiImage {
    /// Packets, subcarriers, streams.
    pub shape: [usize; 3],
    /// `[packets, subcarriers, streams]`
    pub pixels: Vec<u8>,
}

/// How numbers become pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PixelScale {
    /// By the range of each channel over the historical environments.
    #[default]
    Historical,
    /// By each image's own least and greatest number: no trace of the receiver's gain, nor of the
    /// level.
    Image,
    /// From 0 to 1, for what are pixels already: those read off a picture stay as they are.
    Unit,
}

/// The numbers that become pixels 0 and 255, channel by channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PixelRange {
    /// Black: 0 for amplitudes, the 0.5th percentile where numbers may be negative.
    pub low: Vec<f32>,
    /// White: the 99.5th percentile.
    pub high: Vec<f32>,
}

impl PixelRange {
    /// The range of the channels of some windows, which have as many streams each; `None` for none.
    #[must_use]
    pub fn fit(windows: &[&CsiWindow]) -> Option<Self> {
        let streams = windows.first()?.shape()[2];
        let (mut low, mut high) = (Vec::new(), Vec::new());
        for stream in 0..streams {
            let numbers =
                windows.iter().flat_map(|w| w.values.iter().skip(stream).step_by(streams));
            let mut numbers: Vec<f32> = numbers.copied().collect();
            let mut at = |share: f64| {
                let place = (share * (numbers.len() - 1) as f64).round() as usize;
                *numbers.select_nth_unstable_by(place, f32::total_cmp).1
            };
            let least = at(0.0);
            low.push(if least < 0.0 { at(1.0 - HIGH_SHARE) } else { 0.0 });
            high.push(at(HIGH_SHARE));
        }
        Some(Self { low, high })
    }

    /// The mean of the ranges of several sites, weighted by their numbers of windows, so that no
    /// site has to show its windows; `None` for no site.
    #[must_use]
    pub fn mean(sites: &[(Self, u64)]) -> Option<Self> {
        let n: f64 = sites.iter().map(|(_, n)| *n as f64).sum();
        let channels = sites.first()?.0.low.len();
        let mean = |pick: fn(&Self) -> &[f32]| -> Vec<f32> {
            let of = |channel: usize| {
                let parts =
                    sites.iter().map(|(range, n)| f64::from(pick(range)[channel]) * *n as f64);
                (parts.sum::<f64>() / n) as f32
            };
            (0..channels).map(of).collect()
        };
        Some(Self { low: mean(|range| &range.low), high: mean(|range| &range.high) })
    }
}

impl CsiImage {
    /// The image of a window. `range` must have as many channels as the window has streams.
    #[must_use]
    pub fn new(window: &CsiWindow, scale: PixelScale, range: &PixelRange) -> Self {
        let own;
        let channels = window.shape()[2];
        let (low, high) = match scale {
            PixelScale::Historical => (&range.low, &range.high),
            PixelScale::Image => {
                let least = window.values.iter().copied().fold(f32::INFINITY, f32::min);
                let greatest = window.values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                own = (vec![least; channels], vec![greatest; channels]);
                (&own.0, &own.1)
            }
            PixelScale::Unit => {
                own = (vec![0.0; channels], vec![1.0; channels]);
                (&own.0, &own.1)
            }
        };
        let pixel = |(number, (low, high)): (&f32, (&f32, &f32))| {
            let share = (number - low) / (high - low);
            // No range, no contrast.
            if share.is_finite() { (255.0 * share.clamp(0.0, 1.0)).round() as u8 } else { 0 }
        };
        let ranges = low.iter().zip(high).cycle();
        Self {
            shape: window.shape(),
            pixels: window.values.iter().zip(ranges).map(pixel).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> CsiWindow {
        CsiWindow::new([2, 1, 2], vec![1.0, 10.0, 2.0, -10.0], vec![None])
    }

    #[test]
    fn each_channel_has_its_own_range() {
        let range = PixelRange::fit(&[&window()]).unwrap();
        assert_eq!(range, PixelRange { low: vec![0.0, -10.0], high: vec![2.0, 10.0] });
        let image = CsiImage::new(&window(), PixelScale::Historical, &range);
        assert_eq!((image.shape, image.pixels), ([2, 1, 2], vec![128, 255, 255, 0]));
        let own = CsiImage::new(&window(), PixelScale::Image, &range);
        assert_eq!(own.pixels, [140, 255, 153, 0]);
    }

    #[test]
    fn pixels_stay_as_they_are() {
        let pixels: Vec<u8> = (0..=255).collect();
        let numbers = pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect();
        let window = CsiWindow::new([64, 2, 2], numbers, vec![None]);
        let range = PixelRange { low: vec![0.0; 2], high: vec![0.3; 2] };
        assert_eq!(CsiImage::new(&window, PixelScale::Unit, &range).pixels, pixels);
    }

    #[test]
    fn ranges_of_sites_are_averaged() {
        let range = |low, high| PixelRange { low: vec![low], high: vec![high] };
        assert_eq!(
            PixelRange::mean(&[(range(0.0, 1.0), 3), (range(-4.0, 5.0), 1)]),
            Some(range(-1.0, 2.0))
        );
        assert_eq!(PixelRange::mean(&[]), None);
    }

    #[test]
    fn numbers_beyond_the_range_are_clipped() {
        let range = PixelRange { low: vec![0.0, 0.0], high: vec![1.0, 0.0] };
        let image = CsiImage::new(&window(), PixelScale::Historical, &range);
        assert_eq!(image.pixels, [255, 0, 255, 0]);
    }
}

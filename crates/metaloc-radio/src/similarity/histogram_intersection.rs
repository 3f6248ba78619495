//! How alike two CSI images are: histogram intersection (the paper's Eq. (2)).
//!
//! M. J. Swain, D. H. Ballard, "Color indexing", IJCV 7 (1991). With `Z_j(I)` the pixels of image I in
//! bin j of 256:
//!
//! ```text
//! s(I, I') = sum_j min(Z_j(I), Z_j(I'))                                      Eq. (2)
//! ```
//!
//! Given here as a share of the pixels, so that 1 is equal histograms. The authors' released code
//! computes something else, kept by name for reproduction: for each channel
//!
//! ```text
//! (1 + sum_{j: Z_j(I) != Z_j(I')} min(Z_j(I), Z_j(I')) / max(Z_j(I), Z_j(I'))) / 256
//! ```
//!
//! averaged over the channels. Bins that are equal add nothing, and pixels of value 255 count nowhere.

use serde::{Deserialize, Serialize};

use crate::fingerprint::CsiImage;

/// Bins of a histogram: one a pixel value.
const BINS: usize = 256;

/// A choice of similarity of CSI images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageSimilarity {
    /// Eq. (2), as a share of the pixels.
    #[default]
    HistogramIntersection,
    /// What the authors' released code computes.
    AsReleased,
}

/// How many pixels of an image have each value, channel by channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageHistograms {
    channels: Vec<[u32; BINS]>,
}

impl ImageHistograms {
    /// The histograms of an image.
    #[must_use]
    pub fn of(image: &CsiImage) -> Self {
        let mut channels = vec![[0; BINS]; image.shape[2]];
        for pixels in image.pixels.chunks_exact(image.shape[2].max(1)) {
            for (channel, pixel) in channels.iter_mut().zip(pixels) {
                channel[usize::from(*pixel)] += 1;
            }
        }
        Self { channels }
    }

    /// The share of each channel's pixels that have each value: features that are few, whatever the
    /// image's size, for the [`discrepancy`](super::discrepancy) of sets of images. They know which
    /// amplitudes there are and not on which subcarriers.
    ///
    /// # Shapes
    /// Answer: `[channels, 256]`
    #[must_use]
    pub fn shares(&self) -> Vec<f32> {
        let of_channel = |channel: &[u32; BINS]| {
            let pixels = channel.iter().sum::<u32>().max(1);
            channel.map(|count| (f64::from(count) / f64::from(pixels)) as f32)
        };
        self.channels.iter().flat_map(of_channel).collect()
    }

    /// How alike two images are, 0 to 1; more is more alike.
    #[must_use]
    pub fn similarity(&self, other: &Self, rule: ImageSimilarity) -> f64 {
        match rule {
            ImageSimilarity::HistogramIntersection => self.intersection(other),
            ImageSimilarity::AsReleased => self.as_released(other),
        }
    }

    /// All channels' pixels in one histogram.
    fn total(&self, bin: usize) -> u32 {
        self.channels.iter().map(|channel| channel[bin]).sum()
    }

    fn intersection(&self, other: &Self) -> f64 {
        let pixels: u32 = (0..BINS).map(|bin| self.total(bin)).sum();
        let common: u32 = (0..BINS).map(|bin| self.total(bin).min(other.total(bin))).sum(); // Eq. (2)
        f64::from(common) / f64::from(pixels.max(1))
    }

    fn as_released(&self, other: &Self) -> f64 {
        let channel = |(a, b): (&[u32; BINS], &[u32; BINS])| {
            let bins = a.iter().zip(b).take(BINS - 1).filter(|(a, b)| a != b);
            let shares = bins.map(|(&a, &b)| f64::from(a.min(b)) / f64::from(a.max(b)));
            (1.0 + shares.sum::<f64>()) / BINS as f64
        };
        let sum: f64 = self.channels.iter().zip(&other.channels).map(channel).sum();
        sum / self.channels.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histograms(pixels: &[u8], channels: usize) -> ImageHistograms {
        let shape = [pixels.len() / channels, 1, channels];
        ImageHistograms::of(&CsiImage { shape, pixels: pixels.to_vec() })
    }

    /// Values 1 1 2 3 | 9 and 1 2 2 5 | 9: common are one 1, one 2 and the 9.
    #[test]
    fn by_hand() {
        let (a, b) = (histograms(&[1, 1, 2, 3, 9], 1), histograms(&[1, 2, 2, 5, 9], 1));
        let rule = ImageSimilarity::HistogramIntersection;
        assert!((a.similarity(&b, rule) - 0.6).abs() < 1e-12);
        assert!((a.similarity(&a, rule) - 1.0).abs() < 1e-12);
        // Bins 1 and 2 differ with shares 1/2 each, bins 3 and 5 with 0; bin 9 is equal and left out.
        let released = a.similarity(&b, ImageSimilarity::AsReleased);
        assert!((released - (1.0 + 1.0) / 256.0).abs() < 1e-12, "{released}");
    }

    #[test]
    fn shares_of_each_channel() {
        let shares = histograms(&[0, 255, 0, 7, 3, 7, 9, 7], 2).shares();
        assert_eq!(shares.len(), 2 * BINS);
        let found: Vec<(usize, f32)> =
            shares.iter().copied().enumerate().filter(|(_, share)| *share > 0.0).collect();
        let second = BINS + 7;
        let expected = [(0, 0.5), (3, 0.25), (9, 0.25), (second, 0.75), (BINS + 255, 0.25)];
        assert!(found.iter().zip(expected).all(|(f, e)| f.0 == e.0 && (f.1 - e.1).abs() < 1e-6));
        assert_eq!(found.len(), expected.len());
    }

    #[test]
    fn the_released_code_loses_white_pixels_and_keeps_channels_apart() {
        let (a, b) = (histograms(&[255, 1, 255, 1], 2), histograms(&[255, 1, 7, 2], 2));
        // Channel 0: bin 7 has share 0, white is not counted. Channel 1: 2 and 1 ones, 0 and 1 twos.
        let expected = (1.0 / 256.0 + 1.5 / 256.0) / 2.0;
        assert!((a.similarity(&b, ImageSimilarity::AsReleased) - expected).abs() < 1e-12);
        let both = a.similarity(&b, ImageSimilarity::HistogramIntersection);
        assert!((both - 0.5).abs() < 1e-12);
    }
}

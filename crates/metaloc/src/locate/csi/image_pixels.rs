//! The pixels of a window's image as a network's numbers, smaller if asked for.

use metaloc_radio::fingerprint::{CsiImage, PixelRange, PixelScale};
use metaloc_radio::preprocess::CsiWindow;

/// How windows become pixels.
#[derive(Debug, Clone)]
pub struct ImagePixels {
    /// How numbers become pixels.
    pub scale: PixelScale,
    /// Their range.
    pub range: PixelRange,
}

impl ImagePixels {
    /// The pixels of a window, from 0 to 1; nothing for a window with other channels than the range.
    ///
    /// # Shapes
    /// - returns: `[packets, subcarriers, streams]`
    #[must_use]
    pub fn of(&self, window: &CsiWindow) -> Vec<f32> {
        if window.shape()[2] != self.range.low.len() {
            return Vec::new();
        }
        let image = CsiImage::new(window, self.scale, &self.range);
        image.pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect()
    }

    /// The pixels of a window, both sides reduced to `most` where they are longer: each new pixel is
    /// the mean over the area that it covers.
    ///
    /// # Shapes
    /// - returns: `[min(packets, most), min(subcarriers, most), streams]`
    #[must_use]
    pub fn reduced(&self, window: &CsiWindow, most: usize) -> Vec<f32> {
        let [rows, columns, channels] = window.shape();
        let pixels = self.of(window);
        if pixels.is_empty() {
            return pixels;
        }
        let pixels = shorter(&pixels, rows, columns * channels, most);
        // Column by column, the channels side by side.
        let row = columns * channels;
        pixels.chunks_exact(row).flat_map(|row| shorter(row, columns, channels, most)).collect()
    }
}

/// `n` rows of `length` numbers each, reduced to `most` rows: means over the rows covered.
fn shorter(rows: &[f32], n: usize, length: usize, most: usize) -> Vec<f32> {
    if n <= most {
        return rows.to_vec();
    }
    let step = n as f32 / most as f32;
    let mut reduced = vec![0.0; most * length];
    for (index, mean) in reduced.chunks_exact_mut(length).enumerate() {
        let (from, to) = (index as f32 * step, (index + 1) as f32 * step);
        for (place, row) in rows.chunks_exact(length).enumerate().skip(from as usize) {
            let covered = to.min(place as f32 + 1.0) - from.max(place as f32);
            if covered <= 0.0 {
                break;
            }
            mean.iter_mut().zip(row).for_each(|(mean, number)| *mean += covered / step * number);
        }
    }
    reduced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_are_averaged() {
        // Three numbers to two: 2/3 of the first and 1/3 of the second, and so on.
        let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(close(&shorter(&[3.0, 6.0, 9.0], 3, 1, 2), &[4.0, 8.0]));
        assert!(close(&shorter(&[1.0, 2.0, 3.0, 4.0], 2, 2, 1), &[2.0, 3.0]));
        assert!(close(&shorter(&[1.0, 2.0], 2, 1, 2), &[1.0, 2.0]));
    }

    #[test]
    fn both_sides_shrink_and_channels_stay_apart() {
        let range = PixelRange { low: vec![0.0; 2], high: vec![1.0; 2] };
        let pixels = ImagePixels { scale: PixelScale::Historical, range };
        let values = vec![0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0];
        let window = CsiWindow::new([2, 2, 2], values, vec![None]);
        assert_eq!(pixels.reduced(&window, 1), [0.5, 1.0]);
        assert_eq!(pixels.reduced(&window, 2).len(), 8);
        let other = CsiWindow::new([1, 1, 1], vec![0.5], vec![None]);
        assert!(pixels.of(&other).is_empty() && pixels.reduced(&other, 1).is_empty());
    }
}

//! K nearest images by histogram intersection (`hi-knn`; the paper's Eq. (2) as a classifier).
//!
//! The k most similar surveyed images vote for their points, each with its similarity.

use metaloc_radio::fingerprint::{CsiImage, PixelRange, PixelScale};
use metaloc_radio::preprocess::CsiWindow;
use metaloc_radio::similarity::{ImageHistograms, ImageSimilarity};

use super::{CsiLocator, centroid};
use crate::csi_site::CsiSite;
use crate::locate::{Estimate, NotLocated};

/// Surveyed images as histograms.
pub struct HistogramKnn {
    support: CsiSite,
    images: SurveyedImages,
    k: usize,
}

/// How windows become images and images are compared.
#[derive(Debug, Clone)]
pub struct ImageRule {
    /// How amplitudes become pixels.
    pub pixels: PixelScale,
    /// Their range.
    pub range: PixelRange,
    /// How similarity is measured.
    pub similarity: ImageSimilarity,
}

impl ImageRule {
    fn histograms(&self, window: &CsiWindow) -> ImageHistograms {
        ImageHistograms::of(&CsiImage::new(window, self.pixels, &self.range))
    }
}

/// The histograms of surveyed windows, with their points.
pub(super) struct SurveyedImages {
    rule: ImageRule,
    shape: Option<[usize; 3]>,
    histograms: Vec<(usize, ImageHistograms)>,
}

impl SurveyedImages {
    pub(super) fn new(support: &CsiSite, rule: ImageRule) -> Self {
        let windows = support
            .points
            .iter()
            .enumerate()
            .flat_map(|(index, point)| point.windows.iter().map(move |window| (index, window)));
        let histograms = windows.map(|(index, w)| (index, rule.histograms(w))).collect();
        let shape = support.points.iter().flat_map(|p| &p.windows).map(|w| w.shape()).next();
        Self { rule, shape, histograms }
    }

    /// Point and similarity of each surveyed image.
    pub(super) fn similarities(&self, window: &CsiWindow) -> Result<Vec<(usize, f64)>, NotLocated> {
        if self.shape != Some(window.shape()) {
            return Err(NotLocated::OtherShape);
        }
        let own = self.rule.histograms(window);
        let of = |(point, other): &(usize, ImageHistograms)| {
            (*point, own.similarity(other, self.rule.similarity))
        };
        Ok(self.histograms.iter().map(of).collect())
    }
}

impl HistogramKnn {
    /// A locator among these surveyed points.
    #[must_use]
    pub fn new(support: CsiSite, rule: ImageRule, k: usize) -> Self {
        let images = SurveyedImages::new(&support, rule);
        Self { support, images, k }
    }
}

impl CsiLocator for HistogramKnn {
    fn locate(&self, window: &CsiWindow) -> Result<Estimate, NotLocated> {
        let mut similarities = self.images.similarities(window)?;
        similarities.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut weights = vec![0.0; self.support.points.len()];
        similarities.iter().take(self.k.max(1)).for_each(|&(point, s)| weights[point] += s);
        centroid(&self.support, &weights, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{support, window};
    use super::*;

    #[test]
    fn the_most_similar_images_vote() {
        let range = PixelRange { low: vec![0.0], high: vec![10.0] };
        let (pixels, similarity) = (PixelScale::Historical, ImageSimilarity::default());
        let rule = ImageRule { pixels, range, similarity };
        let locator = HistogramKnn::new(support(), rule, 1);
        // A histogram does not know which subcarrier a pixel is of: points 0 and 2 are alike.
        let found = locator.locate(&window([5.0, 5.0])).unwrap();
        assert_eq!(found.candidates[0].id, "p1");
        let found = locator.locate(&window([1.0, 9.0])).unwrap();
        assert_eq!(found.candidates[0].id, "p0");
    }
}

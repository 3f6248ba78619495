//! From a scan to the numbers that a network reads.
//!
//! - [`RssNeighbors`], the paper's (Fig. 3): distances to the K nearest reference points and their
//!   coordinates. It needs no access points in common, so one network serves any site.
//! - [`RssVector`]: the strengths themselves, over access points that environments share.
//! - [`CsiImage`], the paper's (Fig. 1): packets x subcarriers x streams as pixels.
//! - [`CsiSpectrum`]: the mean of a CSI window over its packets.
//!
//! [`Standardizer`] brings them to zero mean and unit spread, [`PrincipalComponents`] to few numbers.

mod csi_image;
mod csi_spectrum;
mod packet_whitening;
mod principal_components;
mod reference_kernel;
mod rss_neighbors;
mod rss_vector;
mod standardizer;

pub use csi_image::{CsiImage, PixelRange, PixelScale};
pub use csi_spectrum::CsiSpectrum;
pub(crate) use packet_whitening::normalize;
pub use packet_whitening::{PacketMoment, PacketWhitening};
pub use principal_components::{Moments, PrincipalComponents};
pub use reference_kernel::{ReferenceKernel, SignedPoint};
pub use rss_neighbors::RssNeighbors;
pub use rss_vector::RssVector;
pub use standardizer::{ColumnSums, Standardizer};

//! From a scan to the numbers that a network reads.
//!
//! - [`RssNeighbors`], the paper's (Fig. 3): distances to the K nearest reference points and their
//!   coordinates. It needs no access points in common, so one network serves any site.
//! - [`RssVector`]: the strengths themselves, over access points that environments share.
//!
//! [`Standardizer`] brings either to zero mean and unit spread.

mod rss_neighbors;
mod rss_vector;
mod standardizer;

pub use rss_neighbors::RssNeighbors;
pub use rss_vector::RssVector;
pub use standardizer::Standardizer;

//! Which faces a segment can cross: a tree of boxes.
//!
//! Source: T. Kay, J. Kajiya, "Ray tracing complex scenes", SIGGRAPH 1986: a box is crossed where the
//! segment's spans between its three pairs of planes overlap. The tree halves the boxes at the median along
//! the axis on which their middles spread most.

use super::Vector;
use super::vector::sub;

/// Boxes of a leaf; few enough that a finer tree would cost more than it saves.
const LEAF: usize = 4;

/// An axis-aligned box (m).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bounds {
    low: Vector,
    high: Vector,
}

impl Bounds {
    /// The box around some points, `margin_m` wider on each side.
    pub(super) fn around(points: &[Vector], margin_m: f64) -> Self {
        let mut bounds = Self { low: [f64::INFINITY; 3], high: [f64::NEG_INFINITY; 3] };
        for point in points {
            for (axis, x) in point.iter().enumerate() {
                bounds.low[axis] = bounds.low[axis].min(x - margin_m);
                bounds.high[axis] = bounds.high[axis].max(x + margin_m);
            }
        }
        bounds
    }

    fn with(self, other: Self) -> Self {
        Self::around(&[self.low, self.high, other.low, other.high], 0.0)
    }

    fn middle(self, axis: usize) -> f64 {
        0.5 * (self.low[axis] + self.high[axis])
    }

    /// Whether the segment from `from`, with `inverse` of its vector, meets the box.
    fn is_met(&self, from: Vector, inverse: Vector) -> bool {
        let (mut start, mut end) = (0.0_f64, 1.0_f64);
        for axis in 0..3 {
            let a = (self.low[axis] - from[axis]) * inverse[axis];
            let b = (self.high[axis] - from[axis]) * inverse[axis];
            // A segment in one of the planes makes 0 * inf = NaN, which min and max pass over; it may
            // miss the box so, but not what is in it, for boxes have a margin.
            start = start.max(a.min(b));
            end = end.min(a.max(b));
        }
        start <= end
    }
}

#[derive(Debug, Clone)]
struct Node {
    bounds: Bounds,
    /// Where the second child stands; the first follows its parent. 0 in a leaf.
    second: usize,
    /// Places in `order`, in a leaf.
    items: std::ops::Range<usize>,
}

/// The tree over some boxes.
#[derive(Debug, Clone)]
pub(super) struct Bvh {
    nodes: Vec<Node>,
    order: Vec<usize>,
}

impl Bvh {
    pub(super) fn new(boxes: &[Bounds]) -> Self {
        let mut tree = Self { nodes: Vec::new(), order: (0..boxes.len()).collect() };
        if !boxes.is_empty() {
            tree.split(boxes, 0..boxes.len());
        }
        tree
    }

    /// Appends the node over `items`, and those below it.
    fn split(&mut self, boxes: &[Bounds], items: std::ops::Range<usize>) {
        let order = &mut self.order[items.clone()];
        let start = boxes[order[0]];
        let bounds = order.iter().fold(start, |all, &item| all.with(boxes[item]));
        let place = self.nodes.len();
        self.nodes.push(Node { bounds, second: 0, items: items.clone() });
        if items.len() <= LEAF {
            return;
        }
        let spread = |axis: usize| {
            let middles = order.iter().map(|&item| boxes[item].middle(axis));
            let (low, high) = middles.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
                (low.min(x), high.max(x))
            });
            high - low
        };
        let spreads = [spread(0), spread(1), spread(2)];
        let axis =
            (0..3).fold(0, |best, axis| if spreads[axis] > spreads[best] { axis } else { best });
        order.sort_by(|&a, &b| boxes[a].middle(axis).total_cmp(&boxes[b].middle(axis)));
        let half = items.start + items.len() / 2;
        self.split(boxes, items.start..half);
        self.nodes[place].second = self.nodes.len();
        self.split(boxes, half..items.end);
    }

    /// Calls `visit` with every box that the segment may meet.
    pub(super) fn visit(&self, from: Vector, to: Vector, mut visit: impl FnMut(usize)) {
        let inverse = sub(to, from).map(f64::recip);
        // A tree of 2^40 leaves would not fit into memory.
        let mut stack = [0_usize; 48];
        let mut height = usize::from(!self.nodes.is_empty());
        while height > 0 {
            height -= 1;
            let place = stack[height];
            let node = &self.nodes[place];
            if !node.bounds.is_met(from, inverse) {
                continue;
            }
            if node.second == 0 {
                self.order[node.items.clone()].iter().for_each(|&item| visit(item));
            } else {
                stack[height] = node.second;
                stack[height + 1] = place + 1;
                height += 2;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    #[test]
    fn finds_what_testing_all_finds() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(4);
        let mut point = |size: f64| [0; 3].map(|_| size * rng.random::<f64>());
        let boxes: Vec<Bounds> = (0..100)
            .map(|_| {
                let low = point(10.0);
                let size = point(2.0);
                Bounds::around(&[low, [low[0] + size[0], low[1], low[2] + size[2]]], 1e-9)
            })
            .collect();
        let tree = Bvh::new(&boxes);
        for n in 0..200 {
            let (from, mut to) = (point(10.0), point(10.0));
            if n % 3 == 0 {
                to[n % 2] = from[n % 2];
            }
            let mut found = Vec::new();
            tree.visit(from, to, |item| found.push(item));
            let inverse = sub(to, from).map(f64::recip);
            let expected = (0..100).filter(|&item| boxes[item].is_met(from, inverse));
            for item in expected {
                assert!(found.contains(&item));
            }
            found.sort_unstable();
            found.dedup();
            assert!(found.len() < 60);
        }
        Bvh::new(&[]).visit([0.0; 3], [1.0; 3], |_| panic!("no boxes"));
    }
}

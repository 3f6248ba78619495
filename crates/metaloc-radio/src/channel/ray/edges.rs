//! The upright edges of walls that waves bend around.
//!
//! An upright edge of a face counts between those heights where nothing joins it (a free end: a screen) or
//! one other wall does at an angle (a corner: a wedge). Where a wall goes on straight, meets the middle of
//! another one or stands with two or more others, nothing bends around it.

use std::f64::consts::{PI, TAU};

use super::Vector;
use super::scene::{Panel, Scene};

/// Walls whose ends are this close join (m).
const JOIN_M: f64 = 1e-3;
/// Walls at an angle less than this from 0 or 180 degrees make no corner (rad).
const LEAST_ANGLE: f64 = 1e-2;

/// A wall that ends at an edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Owner {
    pub(super) face: usize,
    /// Direction from the edge into the wall, in plan (rad from x, towards y).
    pub(super) bearing: f64,
}

/// An upright edge.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Edge {
    pub(super) at: [f64; 2],
    /// Lower and upper end (m).
    pub(super) heights_m: [f64; 2],
    /// One of a screen, two of a wedge.
    pub(super) owners: Vec<Owner>,
}

/// An angle as 0 to 2 pi (rad).
pub(super) fn turned(angle: f64) -> f64 {
    angle.rem_euclid(TAU)
}

/// An upright edge of one face.
struct Post {
    at: [f64; 2],
    heights_m: [f64; 2],
    owner: Owner,
}

fn heights(points: &[Vector]) -> [f64; 2] {
    let z = points.iter().map(|point| point[2]);
    z.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], z| [low.min(z), high.max(z)])
}

fn posts_of(face: usize, panel: &Panel) -> Vec<Post> {
    let [a, b, c, d] = panel.corners();
    let is_upright =
        |from: Vector, to: Vector| (to[0] - from[0]).hypot(to[1] - from[1]) < 0.1 * JOIN_M;
    // The two pairs of edges: those of one are upright in a wall.
    let pair = if is_upright(a, b) {
        [[a, b], [d, c]]
    } else if is_upright(a, d) {
        [[a, d], [b, c]]
    } else {
        return Vec::new();
    };
    let post = |own: [Vector; 2], other: [Vector; 2]| {
        let bearing = (other[0][1] - own[0][1]).atan2(other[0][0] - own[0][0]);
        let owner = Owner { face, bearing };
        Post { at: [own[0][0], own[0][1]], heights_m: heights(&own), owner }
    };
    vec![post(pair[0], pair[1]), post(pair[1], pair[0])]
}

fn are_close(a: [f64; 2], b: [f64; 2]) -> bool {
    (a[0] - b[0]).hypot(a[1] - b[1]) < JOIN_M
}

/// Heights between which a wall from one post to another stands at `at`, other than with its ends.
fn passing(pair: &[Post], at: [f64; 2]) -> Option<[f64; 2]> {
    let [first, second] = pair else { return None };
    let way = [second.at[0] - first.at[0], second.at[1] - first.at[1]];
    let to = [at[0] - first.at[0], at[1] - first.at[1]];
    let length = way[0].hypot(way[1]);
    let along = (to[0] * way[0] + to[1] * way[1]) / length;
    let aside = (to[0] * way[1] - to[1] * way[0]) / length;
    let passes = aside.abs() < JOIN_M
        && (0.0..=length).contains(&along)
        && !are_close(first.at, at)
        && !are_close(second.at, at);
    let [low, high] = first.heights_m;
    let [other_low, other_high] = second.heights_m;
    passes.then(|| [low.min(other_low), high.max(other_high)])
}

/// Whether these walls leave an edge to bend around.
fn is_edge(owners: &[Owner]) -> bool {
    match owners {
        [_] => true,
        [a, b] => {
            let between = turned(a.bearing - b.bearing);
            let between = between.min(TAU - between);
            (LEAST_ANGLE..PI - LEAST_ANGLE).contains(&between)
        }
        _ => false,
    }
}

/// All upright edges of a scene.
pub(super) fn vertical_edges(scene: &Scene) -> Vec<Edge> {
    let walls: Vec<Vec<Post>> =
        scene.panels().iter().enumerate().map(|(face, panel)| posts_of(face, panel)).collect();
    let posts: Vec<&Post> = walls.iter().flatten().collect();
    let mut edges = Vec::new();
    for (place, post) in posts.iter().enumerate() {
        // Posts of one place are looked at together, when the first of them comes.
        if posts[..place].iter().any(|earlier| are_close(earlier.at, post.at)) {
            continue;
        }
        let here: Vec<&Post> =
            posts[place..].iter().copied().filter(|other| are_close(other.at, post.at)).collect();
        let blocked: Vec<[f64; 2]> =
            walls.iter().filter_map(|pair| passing(pair, post.at)).collect();
        edges.extend(edges_at(post.at, &here, &blocked));
    }
    edges
}

/// The edges over one place in plan, of the posts there but for the heights where walls pass.
fn edges_at(at: [f64; 2], posts: &[&Post], blocked: &[[f64; 2]]) -> Vec<Edge> {
    let spans = posts.iter().map(|post| &post.heights_m).chain(blocked);
    let mut ends: Vec<f64> = spans.flatten().copied().collect();
    ends.sort_by(f64::total_cmp);
    let mut edges: Vec<Edge> = Vec::new();
    for pair in ends.windows(2).filter(|pair| pair[1] - pair[0] > JOIN_M) {
        let middle = 0.5 * (pair[0] + pair[1]);
        let covers = |span: &[f64; 2]| (span[0]..=span[1]).contains(&middle);
        let owners: Vec<Owner> =
            posts.iter().filter(|post| covers(&post.heights_m)).map(|post| post.owner).collect();
        if blocked.iter().any(covers) || !is_edge(&owners) {
            continue;
        }
        match edges.last_mut() {
            Some(last) if last.owners == owners && pair[0] - last.heights_m[1] < JOIN_M => {
                last.heights_m[1] = pair[1];
            }
            _ => edges.push(Edge { at, heights_m: [pair[0], pair[1]], owners }),
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Material;
    use crate::channel::ray::Face;

    fn wall(from: [f64; 2], to: [f64; 2], heights_m: [f64; 2]) -> Face {
        Face {
            origin: [from[0], from[1], heights_m[0]],
            edges: [
                [to[0] - from[0], to[1] - from[1], 0.0],
                [0.0, 0.0, heights_m[1] - heights_m[0]],
            ],
            material: Material::Brick,
            thickness_m: 0.1,
        }
    }

    fn edges(faces: Vec<Face>) -> Vec<Edge> {
        vertical_edges(&Scene::new(faces).unwrap())
    }

    #[test]
    fn a_wall_alone_has_two_free_ends() {
        let found = edges(vec![wall([0.0, 1.0], [4.0, 1.0], [0.0, 3.0])]);
        assert_eq!(found.len(), 2);
        let [low, high] = found[0].heights_m;
        assert!(low.abs() < 1e-12 && (high - 3.0).abs() < 1e-12);
        assert!(found[0].owners[0].bearing.abs() < 1e-12);
        assert!((found[1].owners[0].bearing.abs() - PI).abs() < 1e-12);
    }

    #[test]
    fn corners_straight_joints_and_junctions() {
        let full = [0.0, 3.0];
        let found = edges(vec![
            wall([0.0, 0.0], [4.0, 0.0], full),
            wall([4.0, 0.0], [8.0, 0.0], full),
            wall([8.0, 0.0], [8.0, 5.0], full),
            wall([2.0, 0.0], [2.0, 2.0], full),
        ]);
        let of: Vec<(f64, usize)> =
            found.iter().map(|e| (e.at[0] + e.at[1], e.owners.len())).collect();
        // Free ends at (0, 0), (8, 5) and (2, 2), a corner at (8, 0); nothing at (4, 0) and (2, 0).
        assert_eq!(of, [(0.0, 1), (8.0, 2), (13.0, 1), (4.0, 1)]);
    }

    /// Over a door a wall goes on: its opening has edges up to the lintel only.
    #[test]
    fn doors() {
        let found = edges(vec![
            wall([0.0, 0.0], [4.0, 0.0], [0.0, 3.0]),
            wall([4.0, 0.0], [5.0, 0.0], [2.0, 3.0]),
            wall([5.0, 0.0], [9.0, 0.0], [0.0, 3.0]),
        ]);
        let jambs: Vec<&Edge> = found.iter().filter(|e| (3.5..5.5).contains(&e.at[0])).collect();
        assert_eq!(jambs.len(), 2);
        assert!(jambs.iter().all(|edge| (edge.heights_m[1] - 2.0).abs() < 1e-12));
        let floor = Face {
            origin: [0.0; 3],
            edges: [[9.0, 0.0, 0.0], [0.0, 9.0, 0.0]],
            material: Material::Concrete,
            thickness_m: 0.1,
        };
        assert!(edges(vec![floor]).is_empty());
    }
}

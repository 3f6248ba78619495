//! Points and segments of the plane.

/// A place on the plan: x and y (m).
pub type Place = [f64; 2];

fn sub(a: Place, b: Place) -> Place {
    [a[0] - b[0], a[1] - b[1]]
}

fn dot(a: Place, b: Place) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}

fn cross(a: Place, b: Place) -> f64 {
    a[0] * b[1] - a[1] * b[0]
}

/// Distance between two places (m).
pub(super) fn distance(a: Place, b: Place) -> f64 {
    let d = sub(a, b);
    d[0].hypot(d[1])
}

/// Share of the way from `from` to `to` at which a place lies, and its distance from that line (m).
pub(super) fn along(place: Place, from: Place, to: Place) -> (f64, f64) {
    let way = sub(to, from);
    let rest = sub(place, from);
    (dot(rest, way) / dot(way, way), cross(way, rest).abs() / dot(way, way).sqrt())
}

/// Distance of a place from a segment (m).
pub(super) fn distance_to_segment(place: Place, from: Place, to: Place) -> f64 {
    let share = along(place, from, to).0.clamp(0.0, 1.0);
    let way = sub(to, from);
    distance(place, [from[0] + share * way[0], from[1] + share * way[1]])
}

/// Whether a place lies in a polygon (by the number of sides that a ray from it meets).
pub(super) fn is_inside(place: Place, corners: &[Place]) -> bool {
    let sides = corners.iter().zip(corners.iter().cycle().skip(1));
    let meets = |a: &Place, b: &Place| {
        (a[1] > place[1]) != (b[1] > place[1])
            && place[0] < a[0] + (place[1] - a[1]) / (b[1] - a[1]) * (b[0] - a[0])
    };
    sides.filter(|(a, b)| meets(a, b)).count() % 2 == 1
}

/// Whether two segments meet within both, or lie on one another.
pub(super) fn segments_cross(a: [Place; 2], b: [Place; 2]) -> bool {
    let side = |s: [Place; 2], place: Place| cross(sub(s[1], s[0]), sub(place, s[0]));
    let (a0, a1) = (side(b, a[0]), side(b, a[1]));
    let (b0, b1) = (side(a, b[0]), side(a, b[1]));
    let scale = distance(a[0], a[1]) * distance(b[0], b[1]);
    let nil = |x: f64| x.abs() <= 1e-9 * scale.max(1e-9);
    if [a0, a1, b0, b1].into_iter().all(nil) {
        // On one line: do they overlap?
        let way = sub(a[1], a[0]);
        let share = |place: Place| dot(sub(place, a[0]), way) / dot(way, way);
        let (s, t) = (share(b[0]), share(b[1]));
        return s.max(t) > 1e-9 && s.min(t) < 1.0 - 1e-9;
    }
    a0 * a1 < 0.0 && b0 * b1 < 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_a_polygon() {
        let corner = [[0.0, 0.0], [4.0, 0.0], [4.0, 2.0], [2.0, 2.0], [2.0, 4.0], [0.0, 4.0]];
        assert!(is_inside([1.0, 3.0], &corner) && is_inside([3.0, 1.0], &corner));
        assert!(!is_inside([3.0, 3.0], &corner) && !is_inside([-1.0, 1.0], &corner));
    }

    #[test]
    fn distances_from_segments() {
        let (from, to) = ([0.0, 0.0], [4.0, 0.0]);
        assert!((distance_to_segment([2.0, 3.0], from, to) - 3.0).abs() < 1e-12);
        assert!((distance_to_segment([7.0, 4.0], from, to) - 5.0).abs() < 1e-12);
    }

    #[test]
    fn segments_that_cross() {
        let a = [[0.0, 0.0], [4.0, 0.0]];
        assert!(segments_cross(a, [[2.0, -1.0], [2.0, 1.0]]));
        assert!(segments_cross(a, [[3.0, 0.0], [5.0, 0.0]]));
        // Ends that touch don't cross.
        assert!(!segments_cross(a, [[4.0, 0.0], [4.0, 1.0]]));
        assert!(!segments_cross(a, [[4.0, 0.0], [6.0, 0.0]]));
        assert!(!segments_cross(a, [[0.0, 1.0], [4.0, 1.0]]));
    }
}

//! Closed boxes of metal keep waves out, also where rays meet their edges.

use super::*;
use crate::channel::{FloorPlan, Furniture};

/// The faces of a room with a metal cupboard in it, as in `scenarios/scenes/meeting-room.geojson`.
fn room_with_cupboard() -> Vec<Face> {
    let mut plan = FloorPlan::room("room", [6.0, 5.0], Material::Brick);
    plan.height_m = 2.8;
    plan.furniture.push(Furniture {
        name: "cupboard".into(),
        at: [5.6, 0.8],
        size_m: [0.4, 1.2, 1.9],
        base_m: 0.0,
        turn_deg: 0.0,
        material: Material::Metal,
        thickness_m: None,
    });
    plan.faces()
}

/// Rays reflect exactly at the edge (5.4, 1.4) where two sides of the cupboard meet: they come in through the other one.
#[test]
fn no_wave_slips_in_at_an_edge() {
    let faces = room_with_cupboard();
    let config = TracerConfig { drop_below_db: 300.0, ..config(2) };
    let (outside, inside) = ([0.3, 0.3, 2.5], [5.55, 1.35, 1.2]);
    for (from, to) in [(outside, inside), (inside, outside)] {
        let paths = trace(&faces, config, from, to);
        assert!(paths.iter().all(|path| path.transmissions > 0), "{paths:?}");
        let level_db = db(response(&paths));
        assert!(level_db < -90.0, "{level_db}");
    }
}

/// A wall of brick stands on another one: a ray that reflects at its foot goes through it like those beside it.
#[test]
fn a_reflection_at_the_foot_of_a_wall_goes_through_it() {
    let long = wall([0.0, 0.0], [10.0, 0.0], Material::Concrete);
    let across = wall([5.0, 0.0], [5.0, 4.0], Material::Brick);
    let reflected = |x: f64| {
        let paths = trace(&[long, across], config(1), [3.0, 2.0, 1.0], [x, 2.0, 1.0]);
        paths.into_iter().find(|path| path.vertices.get(1).is_some_and(|v| v[1].abs() < 1e-9))
    };
    let [left, at, right] = [6.999, 7.0, 7.001].map(|x| reflected(x).unwrap());
    assert_eq!([left.transmissions, at.transmissions, right.transmissions], [1, 1, 1]);
    let back = trace(&[long, across], config(1), [7.0, 2.0, 1.0], [3.0, 2.0, 1.0]);
    let back =
        back.iter().find(|path| path.reflections == 1 && path.vertices[1][1] < 1e-9).unwrap();
    assert!(back.transmissions == 1 && (back.gain - at.gain).norm() < 1e-12);
    let [left, at, right] = [left, at, right].map(|path| path.gain.norm() * path.length_m);
    assert!((at - left).abs() < 1e-3 * at && (at - right).abs() < 1e-3 * at, "{left} {at} {right}");
}

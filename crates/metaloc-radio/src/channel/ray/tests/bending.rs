//! Paths around edges: continuity across borders, and the knife edge's closed form.

use super::super::vector::{length, sub};
use super::super::*;
use super::{FREQUENCY_HZ, config, db, face, response, trace, wall};
use crate::channel::Material;
use crate::channel::path_loss::SPEED_OF_LIGHT_M_PER_S;

/// A tall screen in x = 5, that ends at y = 0; its other end is too far to matter.
fn screen(material: Material) -> Face {
    face([5.0, 0.0, -30.0], [[0.0, -1e5, 0.0], [0.0, 0.0, 60.0]], material)
}

#[test]
fn the_border_of_a_shadow() {
    let from = [0.0, 0.0, 1.0];
    for material in [Material::Metal, Material::Brick, Material::Wood] {
        for (diffraction, least) in [(Diffraction::KnifeEdge, 0.01), (Diffraction::Utd, 0.02)] {
            let config = TracerConfig { diffraction, ..config(1) };
            let at =
                |y: f64| db(response(&trace(&[screen(material)], config, from, [10.0, y, 1.0])));
            for step in [1e-9, 1e-7, 1e-5, 1e-4] {
                let jump = at(step) - at(-step);
                assert!(jump.abs() < least, "{material:?} {diffraction:?} {step}: {jump}");
            }
            assert!((at(0.0) - at(1e-5)).abs() < least, "{material:?} {diffraction:?}");
            if material == Material::Metal {
                let free = db(response(&trace(&[], config, from, [10.0, 0.0, 1.0])));
                let expected = if diffraction == Diffraction::Utd { 6.24 } else { 6.02 };
                assert!((free - at(0.0) - expected).abs() < 0.03, "{}", free - at(0.0));
            }
        }
    }
}

/// Where a reflection ends, UTD's terms of reflection take over.
#[test]
fn the_border_of_a_reflection() {
    for material in [Material::Metal, Material::Brick] {
        let config = TracerConfig { diffraction: Diffraction::Utd, ..config(1) };
        let at =
            |y: f64| response(&trace(&[screen(material)], config, [0.0, -5.0, 1.0], [0.0, y, 1.0]));
        let jump = (at(5.0 + 1e-5) - at(5.0 - 1e-5)).norm();
        assert!(jump < 0.01 * at(5.0).norm(), "{material:?}: {jump}");
    }
}

/// Around a corner of two walls, no jump anywhere outside of it.
#[test]
fn around_a_corner() {
    let tall = |mut f: Face| {
        f.origin[2] = -30.0;
        f.edges[1][2] = 60.0;
        f
    };
    let corner = [
        tall(wall([0.0, 0.0], [-50.0, 0.0], Material::Concrete)),
        tall(wall([0.0, 0.0], [0.0, -50.0], Material::Concrete)),
    ];
    for (diffraction, least) in [(Diffraction::KnifeEdge, 0.02), (Diffraction::Utd, 0.02)] {
        let config = TracerConfig { diffraction, ..config(1) };
        let at = |angle: f64| {
            let to = [4.0 * angle.cos(), 4.0 * angle.sin(), 1.0];
            db(response(&trace(&corner, config, [-4.0, 3.0, 1.0], to)))
        };
        let border = -(3.0_f64).atan2(4.0);
        let jump = at(border + 1e-6) - at(border - 1e-6);
        assert!(jump.abs() < least, "{diffraction:?}: {jump}");
        assert!(at(border - 0.5) < at(border + 0.5) - 6.0);
    }
}

/// Behind a metal screen only the bent path is left; its amplitude is P.526's.
#[test]
fn behind_a_knife_edge() {
    let config = TracerConfig { diffraction: Diffraction::KnifeEdge, ..config(2) };
    let (from, to) = ([0.0, -1.0, 1.0], [10.0, -1.0, 1.0]);
    let paths = trace(&[screen(Material::Metal)], config, from, to);
    assert!(paths[0].is_diffracted);
    assert!(length(sub(paths[0].vertices[1], [5.0, 0.0, 1.0])) < 1e-12);
    let detour = 2.0 * 26.0_f64.sqrt() - 10.0;
    let nu = 2.0 * (detour * FREQUENCY_HZ / SPEED_OF_LIGHT_M_PER_S).sqrt();
    let loss = -20.0 * (10.0 * paths[0].gain.norm()).log10();
    assert!((loss - knife_edge_loss_db(nu)).abs() < 1e-3, "{loss}");
    assert!((paths[0].departure[1].atan2(paths[0].departure[0]) - (0.2_f64).atan()).abs() < 1e-12);
    let above =
        trace(&[wall([5.0, 0.0], [5.0, -9.0], Material::Metal)], config, from, [10.0, -1.0, 9.0]);
    assert!(above.iter().all(|path| !path.is_diffracted), "the ray passes above the edge");
}

//! The tracer as a whole, against closed forms and the laws of physics.

mod bending;
mod boxes;
mod definition;

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use num_complex::Complex64;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::vector::{add_scaled, length, sub};
use super::*;
use crate::channel::Material;
use crate::channel::path_loss::SPEED_OF_LIGHT_M_PER_S;

const FREQUENCY_HZ: f64 = 2.44e9;

fn config(max_reflections: u8) -> TracerConfig {
    TracerConfig {
        max_reflections,
        diffraction: Diffraction::None,
        drop_below_db: 300.0,
        antenna: Antenna::Isotropic,
        ..TracerConfig::default()
    }
}

fn face(origin: Vector, edges: [Vector; 2], material: Material) -> Face {
    Face { origin, edges, material, thickness_m: material.usual_thickness_m() }
}

fn wall(from: [f64; 2], to: [f64; 2], material: Material) -> Face {
    let along = [to[0] - from[0], to[1] - from[1], 0.0];
    face([from[0], from[1], 0.0], [along, [0.0, 0.0, 3.0]], material)
}

fn trace(faces: &[Face], config: TracerConfig, from: Vector, to: Vector) -> Vec<Path> {
    let tracer = Tracer::new(Scene::new(faces.to_vec()).unwrap(), config).unwrap();
    tracer.paths(&tracer.images(from), to)
}

/// `H` at the carrier.
fn response(paths: &[Path]) -> Complex64 {
    frequency_response(paths, FREQUENCY_HZ, &[0.0])[0]
}

fn db(x: Complex64) -> f64 {
    20.0 * x.norm().log10()
}

/// Boxes of furniture and inner walls in a room of 6 by 5 by 3 m.
fn furnished_room(rng: &mut impl Rng, n_walls: usize, n_boxes: usize) -> Vec<Face> {
    let pick = {
        let some = [Material::Brick, Material::Plasterboard, Material::Wood, Material::Glass];
        move |rng: &mut dyn FnMut() -> f64| some[(rng() * 4.0) as usize]
    };
    let mut next = || rng.random::<f64>();
    let (x, y, z) = ([6.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 3.0]);
    let mut faces = vec![
        face([0.0; 3], [x, y], Material::Concrete),
        face(z, [x, y], Material::CeilingBoard),
        face([0.0; 3], [x, z], pick(&mut next)),
        face(y, [x, z], pick(&mut next)),
        face([0.0; 3], [y, z], pick(&mut next)),
        face(x, [y, z], pick(&mut next)),
    ];
    for _ in 0..n_walls {
        let ends = [0, 1].map(|_| [6.0 * next(), 5.0 * next()]);
        faces.push(wall(ends[0], ends[1], pick(&mut next)));
    }
    for _ in 0..n_boxes {
        let (origin, turn) = ([1.0 + 3.0 * next(), 1.0 + 2.0 * next(), 0.05], next());
        let (u, v) = ([turn.cos(), turn.sin(), 0.0], [-turn.sin(), turn.cos(), 0.0]);
        let up = [0.0, 0.0, 0.5 + next()];
        let material = pick(&mut next);
        faces.extend([[u, v], [u, up], [v, up]].map(|edges| face(origin, edges, material)));
        let far = add_scaled(add_scaled(origin, 1.0, u), 1.0, add_scaled(v, 1.0, up));
        let back = |edges: [Vector; 2]| edges.map(|edge| edge.map(|x| -x));
        faces.extend([[u, v], [u, up], [v, up]].map(|edges| face(far, back(edges), material)));
    }
    faces
}

/// The same with walls at multiples of half a metre, and a point at whole ones: rays meet corners, ends
/// and planes.
fn on_grid(faces: &[Face]) -> Vec<Face> {
    let snap = |v: Vector| v.map(|x| (2.0 * x).round() / 2.0);
    let snapped =
        faces.iter().map(|f| Face { origin: snap(f.origin), edges: f.edges.map(snap), ..*f });
    snapped.filter(|f| f.edges.iter().all(|edge| length(*edge) > 0.1)).collect()
}

fn inside_on_grid(rng: &mut impl Rng) -> Vector {
    inside(rng).map(|x| x.round().max(0.5))
}

fn inside(rng: &mut impl Rng) -> Vector {
    [6.0, 5.0, 3.0].map(|size| size * (0.05 + 0.9 * rng.random::<f64>()))
}

#[test]
fn free_space() {
    let expected = |r: f64| 20.0 * (SPEED_OF_LIGHT_M_PER_S / FREQUENCY_HZ / (4.0 * PI * r)).log10();
    for antenna in [Antenna::Isotropic, Antenna::ShortDipole] {
        let config = TracerConfig { antenna, ..config(2) };
        let paths = trace(&[], config, [1.0, 2.0, 1.2], [8.0, -4.0, 1.2]);
        assert!((db(response(&paths)) - expected(85.0_f64.sqrt())).abs() < 1e-9);
        assert!((incoherent_gain_db(&paths, FREQUENCY_HZ) - db(response(&paths))).abs() < 1e-9);
        let wide = power_gain_db(&paths, FREQUENCY_HZ, 20e6);
        assert!((wide - expected(85.0_f64.sqrt())).abs() < 1e-3);
        assert!((paths[0].delay_s * SPEED_OF_LIGHT_M_PER_S - 85.0_f64.sqrt()).abs() < 1e-12);
    }
    let none = trace(&[], config(0), [1.0; 3], [1.0; 3]);
    assert!(none.is_empty() && power_gain_db(&none, FREQUENCY_HZ, 20e6) < -1e300);
    assert!(trace(&[], config(0), [f64::NAN; 3], [1.0; 3]).is_empty());
}

/// Antennas 2.5 and 1.2 m from a plane. Upright ones over a floor are TM, before a wall TE.
#[test]
fn two_rays() {
    let half_space = |mut face: Face| {
        face.thickness_m = 10.0;
        face
    };
    let sides = [[0.0, 2e3, 0.0], [0.0, 0.0, 2e3]];
    let upright = |material| half_space(face([0.0, -1e3, -1e3], sides, material));
    let sides = [[2e3, 0.0, 0.0], [0.0, 2e3, 0.0]];
    let flat = half_space(face([-1e3, -1e3, 0.0], sides, Material::Concrete));
    let table = [(10.0, -56.48, -57.76, -59.91, -60.27), (5.0, -49.47, -51.37, -55.59, -54.46)];
    for (d, conductor, te, tm, free) in table {
        let by = |faces: &[Face], from, to| db(response(&trace(faces, config(1), from, to)));
        let before_wall = |material| by(&[upright(material)], [2.5, 0.0, 0.0], [1.2, d, 0.0]);
        let found = [
            before_wall(Material::Metal),
            before_wall(Material::Concrete),
            by(&[flat], [0.0, 0.0, 2.5], [d, 0.0, 1.2]),
            by(&[], [0.0, 0.0, 2.5], [d, 0.0, 1.2]),
        ];
        for (found, expected) in found.into_iter().zip([conductor, te, tm, free]) {
            assert!((found - expected).abs() < 0.01, "{d}: {found} {expected}");
        }
    }
}

#[test]
fn a_corridor_of_conductors() {
    let (width, length_m) = (3.0, 4e3);
    let sides = [[0.0, length_m, 0.0], [0.0, 0.0, length_m]];
    let plate = |x: f64| face([x, -0.5 * length_m, -0.5 * length_m], sides, Material::Metal);
    let (from, to) = ([0.7, 0.0, 0.0], [2.1, 9.0, 0.0]);
    for order in 0..=3_u8 {
        let paths = trace(&[plate(0.0), plate(width)], config(order), from, to);
        assert_eq!(paths.len(), 1 + 2 * usize::from(order));
        let found = response(&paths);
        let mut expected = Complex64::ZERO;
        for n in -4..=4_i32 {
            for (x, bounces) in
                [(from[0], 2 * n.unsigned_abs()), (-from[0], (2 * n - 1).unsigned_abs())]
            {
                if bounces <= u32::from(order) {
                    let r = length(sub(to, [x + 2.0 * f64::from(n) * width, 0.0, 0.0]));
                    let sign = if bounces % 2 == 0 { 1.0 } else { -1.0 };
                    let k = TAU * FREQUENCY_HZ / SPEED_OF_LIGHT_M_PER_S;
                    expected += sign * Complex64::from_polar(1.0 / r, -k * r);
                }
            }
        }
        expected *= SPEED_OF_LIGHT_M_PER_S / FREQUENCY_HZ / (4.0 * PI);
        // Metal's sigma is 1e7 S/m, so |r| is 2e-4 short of 1.
        assert!((found - expected).norm() < 2e-3 * expected.norm(), "{order}");
    }
}

/// All the settings of the laws' tests.
fn variants() -> Vec<TracerConfig> {
    let mut all = Vec::new();
    for diffraction in [Diffraction::None, Diffraction::KnifeEdge, Diffraction::Utd] {
        for antenna in [Antenna::Isotropic, Antenna::ShortDipole] {
            all.push(TracerConfig { diffraction, antenna, drop_below_db: 60.0, ..config(2) });
        }
    }
    all
}

#[test]
fn reciprocity() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for config in variants() {
        let faces = furnished_room(&mut rng, 3, 2);
        let (a, b) = (inside(&mut rng), inside(&mut rng));
        let (there, back) = (trace(&faces, config, a, b), trace(&faces, config, b, a));
        assert_eq!(there.len(), back.len(), "{config:?}");
        let (first, second) = (response(&there), response(&back));
        assert!((first - second).norm() < 1e-9 * first.norm(), "{config:?}: {first} {second}");
        // Each path's way back has its vertices in reverse and its directions exchanged.
        for path in &there {
            let same = |other: &&Path| {
                let reversed = other.vertices.iter().rev();
                other.vertices.len() == path.vertices.len()
                    && reversed.zip(&path.vertices).all(|(a, b)| length(sub(*a, *b)) < 1e-9)
            };
            let other = back.iter().find(same).expect("a way back");
            assert!((path.gain - other.gain).norm() < 1e-12);
            assert!(length(sub(path.departure, other.arrival)) < 1e-9);
        }
    }
}

#[test]
fn reciprocity_on_a_grid() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    for round in 0..120 {
        let config = variants()[round % 6];
        let faces = on_grid(&furnished_room(&mut rng, 4, 0));
        let (a, b) = (inside_on_grid(&mut rng), inside_on_grid(&mut rng));
        let (there, back) = (trace(&faces, config, a, b), trace(&faces, config, b, a));
        assert_eq!(there.len(), back.len(), "{round}: {a:?} {b:?}");
        let (first, second) = (response(&there), response(&back));
        assert!((first - second).norm() <= 1e-9 * first.norm(), "{round}: {a:?} {b:?}");
    }
}

#[test]
fn turned_and_moved() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let (sin, cos) = 0.83_f64.sin_cos();
    let turn = |v: Vector| [cos * v[0] - sin * v[1], sin * v[0] + cos * v[1], v[2]];
    let place = |v: Vector| add_scaled(turn(v), 1.0, [3.0, -40.0, 2.0]);
    for config in variants() {
        let faces = furnished_room(&mut rng, 3, 2);
        let moved: Vec<Face> = faces
            .iter()
            .map(|f| Face { origin: place(f.origin), edges: f.edges.map(turn), ..*f })
            .collect();
        let (a, b) = (inside(&mut rng), inside(&mut rng));
        let here = trace(&faces, config, a, b);
        let there = trace(&moved, config, place(a), place(b));
        assert_eq!(here.len(), there.len(), "{config:?}");
        let (first, second) = (response(&here), response(&there));
        assert!((first - second).norm() < 1e-7 * first.norm(), "{config:?}: {first} {second}");
    }
}

#[test]
fn sums_and_bounds() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for config in variants() {
        let faces = furnished_room(&mut rng, 3, 2);
        let paths = trace(&faces, config, inside(&mut rng), inside(&mut rng));
        let aperture = SPEED_OF_LIGHT_M_PER_S / FREQUENCY_HZ / (4.0 * PI);
        let amplitudes: f64 = paths.iter().map(|path| path.gain.norm()).sum();
        assert!(response(&paths).norm() <= aperture * amplitudes * (1.0 + 1e-12));
        let strongest = paths[0].gain.norm();
        for path in &paths {
            assert!(path.gain.norm() >= strongest * 1e-3);
            assert!(path.is_diffracted || path.gain.norm() <= 1.0 / path.length_m + 1e-12);
            let legs = path.vertices.windows(2).map(|pair| length(sub(pair[1], pair[0])));
            assert!((legs.sum::<f64>() - path.length_m).abs() < 1e-9);
            assert!((length(path.departure) - 1.0).abs() < 1e-12);
        }
        // Far more bandwidth than the paths' delays resolve makes the coherent mean the incoherent sum.
        let difference =
            power_gain_db(&paths, FREQUENCY_HZ, 800e6) - incoherent_gain_db(&paths, FREQUENCY_HZ);
        assert!(difference.abs() < 6.0, "{difference}");
    }
}

/// A wall in two pieces, or twice the same, is one wall: also where a ray meets the seam.
#[test]
fn a_seam_is_no_wall() {
    let ends = [[0.0, 0.0], [5.0, 0.0], [10.0, 0.0]];
    let whole = [wall(ends[0], ends[2], Material::Brick)];
    let halves = [wall(ends[0], ends[1], Material::Brick), wall(ends[1], ends[2], Material::Brick)];
    let twice = [whole[0], whole[0]];
    for to in [[7.0, 3.0, 1.0], [7.0, -3.0, 1.0], [6.0, -3.0, 1.0]] {
        let by = |faces: &[Face]| {
            let paths = trace(faces, config(2), [3.0, 3.0, 1.0], to);
            (paths.len(), response(&paths))
        };
        let (n_paths, expected) = by(&whole);
        for faces in [&halves, &twice] {
            let (n_found, found) = by(faces);
            assert_eq!(n_found, n_paths);
            assert!((found - expected).norm() < 1e-15, "{found} {expected}");
        }
    }
}

#[test]
fn threads_can_share_a_tracer() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Tracer>();
    is_shared::<Images>();
}

/// A wall across the way: its slab's loss, and no phase but that of the way and the slab.
#[test]
fn through_a_wall() {
    let across = wall([5.0, -20.0], [5.0, 20.0], Material::Concrete);
    let paths = trace(&[across], config(1), [0.0, 0.0, 1.0], [10.0, 0.0, 1.0]);
    let slab = Slab::new(Material::Concrete, 0.15, FREQUENCY_HZ);
    assert_eq!((paths.len(), paths[0].transmissions), (1, 1));
    assert!((paths[0].gain * 10.0 - slab.crossing(1.0).te).norm() < 1e-12);
    assert!((20.0 * (10.0 * paths[0].gain.norm()).log10() + 11.48).abs() < 0.01);
    let turned_away = trace(&[across], config(1), [0.0, 0.0, 1.0], [1.0, FRAC_PI_2, 1.0]);
    assert_eq!(turned_away.iter().map(|path| path.reflections).max(), Some(1));
}

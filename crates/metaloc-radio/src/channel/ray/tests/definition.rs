//! Against a tracer without pruning and without an index.

use num_complex::Complex64;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::super::polarisation::Field;
use super::super::scene::{Crossing, Panel, TOUCH_M, order_ties};
use super::super::vector::{add_scaled, dot, length, sub, unit};
use super::super::*;
use super::{config, furnished_room, inside, inside_on_grid, on_grid, trace};

/// The path's points: forth by mirroring, back by intersecting.
fn points_by_definition(
    scene: &Scene,
    sequence: &[usize],
    (from, to): (Vector, Vector),
) -> Option<Vec<Vector>> {
    let panels = scene.panels();
    let mut images = vec![from];
    for &face in sequence {
        let last = images[images.len() - 1];
        images.push(panels[face].mirrored(last));
    }
    let mut points = vec![to];
    for (place, &face) in sequence.iter().enumerate().rev() {
        let (seen, panel) = (points[0], &panels[face]);
        let (a, b) = (panel.height(seen), panel.height(images[place + 1]));
        if a * b >= 0.0 || a.abs() <= TOUCH_M {
            return None;
        }
        let hit = add_scaled(seen, a / (a - b), sub(images[place + 1], seen));
        if !panel.contains(hit) || scene.is_taken(face, hit) {
            return None;
        }
        points.insert(0, hit);
    }
    points.insert(0, from);
    Some(points)
}

/// A path by nothing but its definition: no images kept, nothing left out early, every face tried.
fn by_definition(
    scene: &Scene,
    config: &TracerConfig,
    sequence: &[usize],
    (from, to): (Vector, Vector),
) -> Option<(Vec<Vector>, usize, Complex64)> {
    let panels = scene.panels();
    let points = points_by_definition(scene, sequence, (from, to))?;
    let way = |leg: usize| unit(sub(points[leg + 1], points[leg])).unwrap();
    let slab = |face: usize| {
        let Face { material, thickness_m, .. } = panels[face].face;
        Slab::new(material, thickness_m, config.frequency_hz)
    };
    let mut field = Field::sent(config.antenna, way(0));
    let (mut n_crossed, mut total) = (0, 0.0);
    for leg in 0..=sequence.len() {
        let (a, b) = (points[leg], points[leg + 1]);
        total += length(sub(b, a));
        let ends = [leg.checked_sub(1), Some(leg)].map(|i| i.and_then(|i| sequence.get(i)));
        let mut crossed: Vec<Crossing> = (0..panels.len())
            .filter(|face| !ends.contains(&Some(face)))
            .filter_map(|face| panels[face].crossing(a, b).map(|share| Crossing { face, share }))
            .filter(|x| !scene.is_taken(x.face, add_scaled(a, x.share, sub(b, a))))
            .collect();
        crossed.sort_by(|x, y| x.share.total_cmp(&y.share));
        order_ties(sub(b, a), &mut crossed);
        n_crossed += crossed.len();
        let pass = |field: Field, face: usize, way: Vector| {
            let normal = panels[face].normal;
            field.after(normal, way, way, slab(face).crossing(dot(way, normal).abs()))
        };
        field = crossed.iter().fold(field, |field, x| pass(field, x.face, way(leg)));
        if let Some(&face) = sequence.get(leg) {
            // In the point of reflection itself, other faces may stand between the legs.
            let mut met = Vec::new();
            let is_before = scene.crossings_at(face, [a, b, points[leg + 2]], &mut met);
            n_crossed += met.len();
            if is_before {
                field = met.iter().fold(field, |field, x| pass(field, x.face, way(leg)));
            }
            let normal = panels[face].normal;
            let factors = slab(face).reflection(dot(way(leg), normal).abs());
            field = field.after(normal, way(leg), way(leg + 1), factors);
            if !is_before {
                field = met.iter().fold(field, |field, x| pass(field, x.face, way(leg + 1)));
            }
        }
    }
    let gain = field.received(config.antenna, way(sequence.len())) / total;
    Some((points, n_crossed, gain))
}

/// All sequences of up to `order` faces, never twice running in one plane.
fn sequences(panels: &[Panel], order: u8) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    let mut last = all.clone();
    for _ in 0..order {
        let longer = last.iter().flat_map(|sequence: &Vec<usize>| {
            (0..panels.len())
                .filter(|&face| {
                    sequence.last().is_none_or(|&end| panels[end].plane != panels[face].plane)
                })
                .map(|face| sequence.iter().copied().chain([face]).collect::<Vec<_>>())
        });
        last = longer.collect();
        all.extend(last.iter().cloned());
    }
    all
}

#[test]
fn pruning_leaves_no_path_out() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut n_paths = [0; 4];
    for round in 0..48 {
        let is_on_grid = round % 8 > 3;
        let mut faces = furnished_room(&mut rng, 4 + round % 3, 0);
        let order = (round % 4) as u8;
        let drop_below_db = if round < 32 { 300.0 } else { 30.0 };
        let antenna = if round % 2 == 0 { Antenna::Isotropic } else { Antenna::ShortDipole };
        let config = TracerConfig { drop_below_db, antenna, ..config(order) };
        let mut ends = (inside(&mut rng), inside(&mut rng));
        if is_on_grid {
            faces = on_grid(&faces);
            ends = (inside_on_grid(&mut rng), inside_on_grid(&mut rng));
        }
        if length(sub(ends.0, ends.1)) < TOUCH_M {
            continue;
        }
        let scene = Scene::new(faces.clone()).unwrap();
        let mut expected: Vec<_> = sequences(scene.panels(), order)
            .iter()
            .filter_map(|sequence| by_definition(&scene, &config, sequence, ends))
            .collect();
        let strongest = expected.iter().map(|path| path.2.norm()).fold(0.0, f64::max);
        let least = strongest * 10_f64.powf(-drop_below_db / 20.0);
        expected.retain(|path| path.2.norm() >= least);
        let mut found = trace(&faces, config, ends.0, ends.1);
        assert_eq!(found.len(), expected.len(), "round {round}");
        n_paths[usize::from(order)] += found.len();
        for (points, n_crossed, gain) in expected {
            let same = |path: &Path| {
                path.vertices.len() == points.len()
                    && path.vertices.iter().zip(&points).all(|(a, b)| length(sub(*a, *b)) < 1e-9)
            };
            let place = found.iter().position(same).expect("a path is missing");
            let path = found.swap_remove(place);
            assert_eq!(usize::from(path.transmissions), n_crossed);
            assert!((path.gain - gain).norm() < 1e-12);
        }
    }
    assert!(n_paths[0] > 9 && n_paths[3] > 300, "{n_paths:?}");
}

//! What tracing costs: an office of 20 by 15 m, then a table of cost by walls, order and points.
//!
//! `cargo run --release -p metaloc --example trace_cost -- FOLDER` prints the seconds of 20 access points
//! times 1,000 points on one thread and on two, then comma-separated rows, and draws them into the folder.
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::time::Instant;

use metaloc::radio::RadioError;
use metaloc::radio::channel::Material;
use metaloc::radio::channel::ray::{Diffraction, Face, Scene, Tracer, TracerConfig, Vector};
use metaloc::report::{CurvePlot, Series, svg_to_png};

const SIZE_M: [f64; 3] = [20.0, 15.0, 3.0];

/// Numbers that look random enough for a floor plan: the fractional parts of multiples of a surd.
fn scattered(index: usize, which: usize) -> f64 {
    let surds = [0.618_033_988_7, 0.414_213_562_4, 0.732_050_807_6, 0.236_067_977_5];
    ((index + 1) as f64 * surds[which]).fract()
}

fn face(origin: Vector, edges: [Vector; 2], material: Material) -> Face {
    Face { origin, edges, material, thickness_m: material.usual_thickness_m() }
}

/// Floor, ceiling, and `n_walls` walls: four outer ones, the others along x or y, 2 to 6 m long.
fn office(n_walls: usize) -> Result<Scene, RadioError> {
    let [x, y, z] = SIZE_M;
    let (along_x, along_y, up) = ([x, 0.0, 0.0], [0.0, y, 0.0], [0.0, 0.0, z]);
    let mut faces = vec![
        face([0.0; 3], [along_x, along_y], Material::Concrete),
        face(up, [along_x, along_y], Material::CeilingBoard),
        face([0.0; 3], [along_x, up], Material::Concrete),
        face(along_y, [along_x, up], Material::Concrete),
        face([0.0; 3], [along_y, up], Material::Concrete),
        face(along_x, [along_y, up], Material::Concrete),
    ];
    for index in 0..n_walls.saturating_sub(4) {
        let length = 2.0 + 4.0 * scattered(index, 2);
        let (size, along) = if index % 2 == 0 {
            ([x - length, y], [length, 0.0, 0.0])
        } else {
            ([x, y - length], [0.0, length, 0.0])
        };
        let corner = [size[0] * scattered(index, 0), size[1] * scattered(index, 1), 0.0];
        let material = if index % 3 == 0 { Material::Brick } else { Material::Plasterboard };
        faces.push(face(corner, [along, up], material));
    }
    Scene::new(faces)
}

fn places(n: usize, height_m: f64, first: usize) -> Vec<Vector> {
    let place = |axis: usize, index: usize| SIZE_M[axis] * (0.02 + 0.96 * scattered(index, axis));
    (0..n).map(|i| [place(0, i + first), place(1, i + first), height_m]).collect()
}

/// Traces all links on some threads: seconds, images and paths.
fn trace(
    tracer: &Tracer,
    access_points: &[Vector],
    points: &[Vector],
    n_threads: usize,
) -> (f64, usize, usize) {
    let start = Instant::now();
    let share = points.len().div_ceil(n_threads);
    let (mut n_images, mut n_paths) = (0, 0);
    for access_point in access_points {
        let images = tracer.images(*access_point);
        n_images += images.len();
        let count = |points: &[Vector]| {
            points.iter().map(|point| tracer.paths(&images, *point).len()).sum::<usize>()
        };
        n_paths += std::thread::scope(|scope| {
            let parts = points.chunks(share).map(|part| scope.spawn(move || count(part)));
            let parts: Vec<_> = parts.collect();
            parts.into_iter().filter_map(|part| part.join().ok()).sum::<usize>()
        });
    }
    (start.elapsed().as_secs_f64(), n_images, n_paths)
}

/// Seconds a link (ms) on one thread, of two access points.
fn link_ms(n_walls: usize, order: u8, n_points: usize) -> Result<f64, RadioError> {
    let config = TracerConfig { max_reflections: order, ..TracerConfig::default() };
    let tracer = Tracer::new(office(n_walls)?, config)?;
    let (access_points, points) = (places(2, 2.5, 100), places(n_points, 1.2, 0));
    let work = config.work(tracer.scene().faces().len(), 2, n_points);
    let (seconds, n_images, n_paths) = trace(&tracer, &access_points, &points, 1);
    let links = (2 * n_points) as f64;
    println!(
        "{n_walls},{order},{n_points},{:.3e},{},{:.1},{work}",
        seconds / links,
        n_images / 2,
        n_paths as f64 / links
    );
    Ok(1e3 * seconds / links)
}

fn office_of_the_goal() -> Result<(), RadioError> {
    let (access_points, points) = (places(20, 2.5, 100), places(1000, 1.2, 0));
    for diffraction in [Diffraction::None, Diffraction::KnifeEdge, Diffraction::Utd] {
        let config = TracerConfig { diffraction, ..TracerConfig::default() };
        let tracer = Tracer::new(office(40)?, config)?;
        for n_threads in [1, 2] {
            let (seconds, n_images, n_paths) = trace(&tracer, &access_points, &points, n_threads);
            println!(
                "# 40 walls, order 2, {diffraction:?}, {n_threads} threads: {seconds:.2} s, \
                 {} images an access point, {:.1} paths a link",
                n_images / access_points.len(),
                n_paths as f64 / (points.len() * access_points.len()) as f64
            );
        }
    }
    Ok(())
}

fn draw(folder: &Path, name: &str, x_label: &str, series: Vec<Series>) -> Result<(), Failure> {
    let plot = CurvePlot {
        title: format!("Time of a link over {x_label}"),
        x_label: x_label.into(),
        y_label: "time of a link [ms]".into(),
        series,
    };
    std::fs::write(folder.join(name), svg_to_png(&plot.to_svg()?, 1.5)?)?;
    Ok(())
}

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: trace_cost FOLDER")?);
    office_of_the_goal()?;
    println!("walls,order,points,seconds_a_link,images,paths_a_link,work");
    let (mut over_walls, mut over_points) = (Vec::new(), Vec::new());
    for order in 0..=3 {
        let label = format!("order {order}");
        let points = [5, 10, 20, 40, 80]
            .map(|n_walls| Ok((n_walls as f64, link_ms(n_walls, order, 100)?)))
            .into_iter()
            .collect::<Result<_, RadioError>>()?;
        over_walls.push(Series::new(label.clone(), points));
        let points = [10, 30, 100, 300, 1000]
            .map(|n_points| Ok((n_points as f64, link_ms(20, order, n_points)?)))
            .into_iter()
            .collect::<Result<_, RadioError>>()?;
        over_points.push(Series::new(label, points));
    }
    draw(&folder, "trace-cost-walls.png", "walls", over_walls)?;
    draw(&folder, "trace-cost-points.png", "points", over_points)
}

//! Our side of `benches/compare/sionna_check.py`: traces every link of a floor plan, from its access points
//! to its survey points, and prints the settings, the faces and all paths as JSON.
//!
//! `cargo run --release -p metaloc --example traced_paths -- PLAN [REFLECTIONS [DIFFRACTION]]`, with
//! `none` (if left out), `knife-edge` or `utd`.
#![allow(clippy::print_stdout)]

use metaloc::floor_plan;
use metaloc::radio::channel::ray::{Diffraction, Face, Path, Scene, Tracer, TracerConfig};
use serde_json::{Value, json};

/// Paths down to here are printed, so that none is missing because of a slightly weaker strongest one (dB).
const DROP_BELOW_DB: f64 = 60.0;

fn face(face: &Face, frequency_hz: f64) -> Value {
    let eta = face.material.permittivity(frequency_hz);
    json!({
        "origin": face.origin,
        "edges": face.edges,
        "material": face.material.name(),
        "permittivity": [eta.re, eta.im],
        "thickness_m": face.thickness_m,
    })
}

fn path(path: &Path) -> Value {
    json!({
        "gain": [path.gain.re, path.gain.im],
        "delay_s": path.delay_s,
        "reflections": path.reflections,
        "transmissions": path.transmissions,
        "is_diffracted": path.is_diffracted,
        "vertices": path.vertices,
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let plan = words.next().ok_or("usage: traced_paths PLAN [REFLECTIONS [DIFFRACTION]]")?;
    let max_reflections = words.next().map_or(Ok(2), |word| word.parse())?;
    let diffraction = match words.next() {
        Some(word) => serde_json::from_value(Value::String(word))?,
        None => Diffraction::None,
    };
    let plan = floor_plan::read(plan.as_ref())?;
    plan.check()?;
    let config = TracerConfig {
        max_reflections,
        diffraction,
        drop_below_db: DROP_BELOW_DB,
        ..TracerConfig::default()
    };
    let tracer = Tracer::new(Scene::new(plan.faces())?, config)?;
    let (mut links, points) = (Vec::new(), plan.points());
    for access_point in &plan.access_points {
        let images = tracer.images(access_point.at);
        for point in &points {
            let paths = tracer.paths(&images, point.at);
            links.push(json!({
                "transmitter": access_point.at,
                "receiver": point.at,
                "paths": paths.iter().map(path).collect::<Vec<_>>(),
            }));
        }
    }
    let faces: Vec<Value> =
        tracer.scene().faces().map(|each| face(each, config.frequency_hz)).collect();
    println!("{}", json!({ "settings": config, "faces": faces, "links": links }));
    Ok(())
}

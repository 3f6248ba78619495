#![allow(clippy::float_cmp)] // sums of few binary fractions

use super::*;
use crate::channel::ray::{Scene, Tracer, TracerConfig, power_gain_db};

/// Two rooms with a door between them, a window, a cupboard and a table.
fn plan() -> FloorPlan {
    let mut plan = FloorPlan::room("test", [8.0, 4.0], Material::Concrete);
    plan.walls.push(Wall {
        name: "middle".into(),
        from: [4.0, 0.0],
        to: [4.0, 4.0],
        material: Material::Brick,
        thickness_m: None,
        height_m: None,
    });
    plan.doors.push(Door {
        name: "d".into(),
        from: [4.0, 1.0],
        to: [4.0, 1.9],
        height_m: 2.1,
        material: Material::Metal,
        thickness_m: None,
        open: false,
    });
    plan.windows.push(Window {
        name: "w".into(),
        from: [1.0, 0.0],
        to: [3.0, 0.0],
        sill_m: 0.9,
        height_m: 1.3,
        material: Material::Glass,
        thickness_m: None,
    });
    let piece = |name: &str, at, size_m, base_m| Furniture {
        name: name.into(),
        at,
        size_m,
        base_m,
        turn_deg: 0.0,
        material: Material::Wood,
        thickness_m: None,
    };
    plan.furniture.push(piece("cupboard", [7.0, 3.5], [1.0, 0.5, 2.0], 0.0));
    plan.furniture.push(piece("table", [2.0, 2.0], [1.6, 0.8, 0.03], 0.72));
    plan.access_points.push(PlacedAccessPoint { name: "ap".into(), at: [1.0, 1.0, 2.5] });
    plan.grids.push(Grid { origin: [0.5, 0.5], step_m: [1.0, 1.0], count: [3, 3], height_m: 1.2 });
    plan
}

fn refused(change: impl FnOnce(&mut FloorPlan), expected: &str) {
    let mut plan = plan();
    change(&mut plan);
    let message = plan.check().unwrap_err().to_string();
    assert!(message.contains(expected), "{message}");
}

#[test]
fn a_plan_becomes_faces() {
    let plan = plan();
    plan.check().unwrap();
    let faces = plan.faces();
    // Floor and ceiling, 4 sides, 3 more and a pane for the window, 2 + 1 of the wall with its door's
    // leaf, 5 of the cupboard, the table.
    assert_eq!(faces.len(), 2 + (4 + 4) + (3 + 1) + 5 + 1);
    let area = |material: Material| -> f64 {
        let of = faces.iter().filter(|face| face.material == material);
        of.map(|face| {
            let [u, v] = face.edges;
            let cross =
                [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
            cross.iter().map(|x| x * x).sum::<f64>().sqrt()
        })
        .sum()
    };
    assert!((area(Material::Glass) - 2.0 * 1.3).abs() < 1e-9);
    assert!((area(Material::Metal) - 0.9 * 2.1).abs() < 1e-9);
    assert!((area(Material::Brick) - (12.0 - 0.9 * 2.1)).abs() < 1e-9);
    let walls = 24.0 * 3.0 - 2.0 * 1.3;
    assert!((area(Material::Concrete) - (2.0 * 32.0 + walls)).abs() < 1e-9);
    assert!((area(Material::Wood) - (3.0 * 2.0 + 0.5 + 1.6 * 0.8)).abs() < 1e-9);
}

/// Opening a metal door lets a wave through that it held up.
#[test]
fn a_door_opens() {
    let gain = |open: bool| {
        let mut plan = plan();
        plan.doors[0].open = open;
        let config = TracerConfig { max_reflections: 0, ..TracerConfig::default() };
        let tracer = Tracer::new(Scene::new(plan.faces()).unwrap(), config).unwrap();
        let paths = tracer.paths(&tracer.images([3.0, 1.45, 1.2]), [5.0, 1.45, 1.2]);
        power_gain_db(&paths, config.frequency_hz, 20e6)
    };
    assert!(gain(true) > gain(false) + 10.0, "{} {}", gain(true), gain(false));
}

#[test]
fn points_run_along_y_first() {
    let points = plan().points();
    assert_eq!((points[1].id.as_str(), points[1].at), ("p002", [0.5, 1.5, 1.2]));
    assert_eq!(points[3].at, [1.5, 0.5, 1.2]);
}

#[test]
fn senseless_elements_are_named() {
    refused(|p| p.schema = 2, "schema 2");
    refused(|p| p.height_m = f64::NAN, "height_m = NaN");
    refused(|p| p.outline.corners.truncate(2), "has 2 corners");
    refused(|p| p.outline.corners.swap(1, 2), "outline side 1 crosses side 3");
    refused(|p| p.outline.corners[2][0] = f64::INFINITY, "the outline has the number inf");
    refused(|p| p.walls[0].to = p.walls[0].from, "wall `middle` has no length");
    refused(|p| p.walls[0].to = [4.0, 6.0], "outside the outline");
    refused(|p| p.walls[0].height_m = Some(4.0), "wall `middle` has the height 4 m");
    refused(|p| p.walls[0].thickness_m = Some(0.0), "wall `middle` has the thickness 0 m");
    refused(|p| p.doors[0].from[0] = 4.2, "door `d` from [4.2, 1.0] to [4.0, 1.9] lies on no wall");
    refused(|p| p.doors[0].height_m = 3.5, "door `d` reaches from 0 to 3.5 m");
    refused(
        |p| p.windows.push(Window { name: "v".into(), ..p.windows[0].clone() }),
        "overlaps window `w`",
    );
    refused(|p| p.windows.push(p.windows[0].clone()), "window `w` has a name that is taken");
    refused(|p| p.furniture[0].at[0] = 7.8, "furniture `cupboard` has a corner at");
    refused(|p| p.furniture[0].size_m[1] = 0.0, "furniture `cupboard` has the size");
    refused(|p| p.furniture[1].base_m = 2.99, "furniture `table` reaches");
    refused(
        |p| p.access_points[0].at = [9.0, 1.0, 2.0],
        "access point `ap` at [9.00, 1.00, 2.00] is outside",
    );
    refused(|p| p.access_points[0].at = [4.0, 3.0, 2.0], "is inside wall `middle`");
    refused(|p| p.access_points[0].at[2] = 3.0, "is not between floor and ceiling");
    refused(|p| p.access_points[0].at = [7.0, 3.5, 1.0], "is inside furniture `cupboard`");
    refused(
        |p| p.grids[0].origin[0] = 3.0,
        "survey point `p004` at [4.00, 0.50, 1.20] is inside wall",
    );
    refused(|p| p.grids[0].step_m[0] = 0.0, "grid 1 has the steps");
    refused(|p| p.grids[0].count = [usize::MAX, 2], "more than 1000000");
}

#[test]
fn materials_outside_their_range_are_told() {
    let mut plan = plan();
    assert!(plan.warnings(5.2e9).is_empty());
    plan.floor_material = Material::Floorboard;
    let warnings = plan.warnings(5.2e9);
    assert!(warnings.len() == 1 && warnings[0].contains("floorboard hold from 50"), "{warnings:?}");
}

#[test]
fn people_go_through_doors_and_around_furniture() {
    let obstacles = plan().obstacles();
    assert!(obstacles.is_clear([3.0, 1.4], [5.0, 1.4]));
    assert!(!obstacles.is_clear([3.0, 3.0], [5.0, 3.0]));
    assert!(!obstacles.is_clear([0.5, 2.0], [3.5, 2.0]), "through the table");
    assert!(obstacles.is_free([5.0, 1.0], 0.3) && !obstacles.is_free([5.0, 0.2], 0.3));
    assert!(!obstacles.is_free([2.0, 2.0], 0.3) && !obstacles.is_free([9.0, 2.0], 0.3));
}

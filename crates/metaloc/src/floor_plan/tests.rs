//! GeoJSON: the example equals a plan written by hand, mistakes are named, turned rectangles stay.

use std::path::{Path, PathBuf};

use metaloc_radio::channel::{
    Door, FloorPlan, Furniture, Grid, Material, Place, PlacedAccessPoint, Wall, Window,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{geojson, read};
use crate::simulate::campaign::{Campaign, CampaignConfig, CsiCapture, ScanConfig};

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/scenes/meeting-room.geojson")
}

fn wall(name: &str, from: Place, to: Place) -> Wall {
    let material = Material::Plasterboard;
    Wall { name: name.into(), from, to, material, thickness_m: Some(0.1), height_m: None }
}

fn door(name: &str, [from, to]: [Place; 2], height_m: f64, open: bool) -> Door {
    let material = Material::Wood;
    Door { name: name.into(), from, to, height_m, material, thickness_m: None, open }
}

/// A box on the floor, not turned.
fn piece(name: &str, at: Place, size_m: [f64; 3], material: Material) -> Furniture {
    let (base_m, turn_deg) = (0.0, 0.0);
    Furniture { name: name.into(), at, size_m, base_m, turn_deg, material, thickness_m: None }
}

fn by_hand() -> FloorPlan {
    let access_point = |name: &str, at| PlacedAccessPoint { name: name.into(), at };
    // Sides of 3, 4 and 5.
    let turn_deg = 0.75_f64.atan().to_degrees();
    FloorPlan {
        height_m: 2.8,
        ceiling_material: Material::CeilingBoard,
        walls: vec![
            wall("store-1", [4.5, 5.0], [4.5, 3.5]),
            wall("store-2", [4.5, 3.5], [6.0, 3.5]),
        ],
        doors: vec![
            door("entrance", [[0.5, 0.0], [1.4, 0.0]], 2.1, false),
            door("store door", [[4.5, 4.7], [4.5, 3.9]], 2.0, true),
        ],
        windows: vec![Window {
            name: "window".into(),
            from: [0.0, 1.5],
            to: [0.0, 3.5],
            sill_m: 1.0,
            height_m: 1.3,
            material: Material::Glass,
            thickness_m: None,
        }],
        furniture: vec![
            Furniture {
                base_m: 0.72,
                turn_deg,
                ..piece("table", [2.5, 3.4], [1.5, 0.75, 0.03], Material::Wood)
            },
            piece("cupboard", [5.6, 0.8], [0.4, 1.2, 1.9], Material::Metal),
        ],
        access_points: vec![
            access_point("ap-1", [0.3, 0.3, 2.5]),
            access_point("ap-2", [5.7, 3.2, 2.6]),
            access_point("ap-3", [0.4, 4.6, 2.2]),
        ],
        grids: vec![
            Grid { origin: [1.1, 0.9], step_m: [1.0, 1.0], count: [4, 3], height_m: 1.2 },
            Grid { origin: [3.6, 4.4], step_m: [1.0, 1.0], count: [1, 1], height_m: 1.0 },
        ],
        ..FloorPlan::room("meeting-room", [6.0, 5.0], Material::Brick)
    }
}

/// Takes what rounding did out of boxes that were found from their corners.
fn rounded(mut plan: FloorPlan) -> FloorPlan {
    let round = |x: &mut f64| *x = (*x * 1e9).round() / 1e9;
    for piece in &mut plan.furniture {
        piece.at.iter_mut().for_each(round);
        piece.size_m.iter_mut().for_each(round);
        round(&mut piece.turn_deg);
    }
    plan
}

#[test]
fn the_example_equals_a_plan_by_hand() {
    let plan = read(&example()).unwrap();
    plan.check().unwrap();
    assert_eq!(rounded(plan), rounded(by_hand()));
}

#[test]
fn toml_gives_the_same_plan() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.toml");
    std::fs::write(&path, toml::to_string(&by_hand()).unwrap()).unwrap();
    assert_eq!(read(&path).unwrap(), by_hand());
}

#[test]
fn a_campaign_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    // The end is told apart whatever its case.
    std::fs::copy(example(), folder.path().join("room.GeoJSON")).unwrap();
    let path = folder.path().join("campaign.toml");
    let text = "schema = 1\nname = \"c\"\nseed = 1\n[scans]\n[[places]]\nname = \"room\"\n\
                plan = \"room.GeoJSON\"\ndays = [{ name = \"1\" }]\n";
    std::fs::write(&path, text).unwrap();
    let campaign = Campaign::read(&path, None).unwrap();
    assert_eq!(campaign.plan((0, 0)).points().len(), 13);
}

/// The first TOML under a heading of docs/formats.md.
fn documented(heading: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    let (_, block) = section.split_once("```toml\n").unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_documented_files_are_read_and_their_defaults_hold() {
    let plan: FloorPlan = toml::from_str(&documented("Floor plans")).unwrap();
    let mut config: CampaignConfig = toml::from_str(&documented("Campaigns")).unwrap();
    Campaign::new(config.clone(), std::slice::from_ref(&plan)).unwrap();
    assert_eq!(
        (config.csi, config.scans),
        (Some(CsiCapture::default()), Some(ScanConfig::default()))
    );
    config.places.clear();
    let least = "schema = 1\nname = \"office\"\nseed = 1\nplaces = []\n[csi]\n[scans]\n";
    assert_eq!(config, toml::from_str(least).unwrap());

    let is_needed = |line: &&str| !line.contains("# default") && !line.contains("if left out");
    let text = documented("Floor plans");
    let least: Vec<&str> = text.lines().filter(is_needed).collect();
    let mut short: FloorPlan = toml::from_str(&least.join("\n")).unwrap();
    assert_eq!((short.furniture[0].base_m, short.furniture[0].turn_deg), (0.0, 0.0));
    short.furniture.clone_from(&plan.furniture);
    assert_eq!(short, plan);
}

fn feature(
    kind: &str,
    shape: &str,
    coordinates: impl Into<Value>,
    properties: impl Into<Value>,
) -> Value {
    let mut properties = properties.into();
    properties["kind"] = kind.into();
    let geometry = json!({ "type": shape, "coordinates": coordinates.into() });
    json!({ "type": "Feature", "properties": properties, "geometry": geometry })
}

fn outline() -> Value {
    let ring = json!([[[0, 0], [6, 0], [6, 5], [0, 5], [0, 0]]]);
    feature("outline", "Polygon", ring, json!({ "material": "brick" }))
}

fn collection(features: &[Value]) -> Value {
    json!({ "type": "FeatureCollection", "features": features })
}

fn parse(root: &Value) -> Result<FloorPlan, String> {
    geojson::parse(&root.to_string(), "stem")
}

/// What is said of a room with this feature.
fn refused(feature: Value) -> String {
    parse(&collection(&[outline(), feature])).unwrap_err()
}

#[test]
fn what_is_left_out_is_as_in_toml() {
    let plan = parse(&collection(&[outline()])).unwrap();
    assert_eq!(plan, FloorPlan::room("stem", [6.0, 5.0], Material::Brick));
    let text = "schema = 1\nname = \"stem\"\nheight_m = 3.0\n\
                outline = { corners = [[0, 0], [6, 0], [6, 5], [0, 5]], material = \"brick\" }\n\
                [[furniture]]\nname = \"desk\"\nat = [2, 1]\nsize_m = [2, 1, 0.7]\n\
                [[windows]]\nname = \"w\"\nfrom = [0, 1]\nto = [0, 2]\n\
                [[grids]]\norigin = [3, 3]\nstep_m = [1, 1]\ncount = [1, 1]\n";
    let ring = json!([[[1, 0.5], [3, 0.5], [3, 1.5], [1, 1.5], [1, 0.5]]]);
    let drawn = [
        outline(),
        feature("furniture", "Polygon", ring, json!({ "name": "desk", "height_m": 0.7 })),
        feature("window", "LineString", json!([[0, 1], [0, 2]]), json!({ "name": "w" })),
        feature("grid", "Point", json!([3, 3]), json!({})),
    ];
    assert_eq!(parse(&collection(&drawn)).unwrap(), toml::from_str(text).unwrap());
}

#[test]
fn what_drawing_tools_add_is_left_out() {
    let own = json!({
        "name": "a", "material": "wood", "fid": 3, "layer": "walls", "style": { "width": 2 },
        "height_m": null, "sill_m": null,
    });
    let line = json!([[[1, 1, 0], [2, 1, 0]]]);
    let mut root = collection(&[outline(), feature("wall", "MultiLineString", line, own)]);
    root["name"] = "drawing".into();
    root["crs"] = json!({ "type": "name", "properties": { "name": "urn:ogc:def:crs:EPSG::3857" } });
    let text = format!("\u{feff}{root}");
    let plan = geojson::parse(&text, "stem").unwrap();
    assert_eq!(plan.walls.len(), 1);
    assert_eq!((plan.walls[0].to, plan.walls[0].height_m), ([2.0, 1.0], None));
}

#[test]
fn files_that_are_no_plan_are_refused() {
    let error = |root: &Value| parse(root).unwrap_err();
    assert!(error(&json!([])).contains("no FeatureCollection"));
    assert!(error(&json!({ "type": "FeatureCollection" })).contains("no list `features`"));
    assert!(error(&collection(&[])).starts_with("has no outline"));
    assert!(
        error(&collection(&[outline(), outline()]))
            .starts_with("has two outlines, feature 1 (outline) and feature 2 (outline)")
    );
    let nan = collection(&[outline()]).to_string().replace("[0,5]", "[NaN,5]");
    let found = geojson::parse(&nan, "stem").unwrap_err();
    assert!(found.contains("line 1") && found.contains("NaN and Infinity"), "{found}");
    assert!(geojson::parse("{", "stem").unwrap_err().starts_with("is not JSON"));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hall.json");
    std::fs::write(&path, collection(&[]).to_string()).unwrap();
    let found = read(&path).unwrap_err().to_string();
    assert!(found.contains("hall.json: has no outline"), "{found}");
}

#[test]
fn degrees_are_refused() {
    let mut root = collection(&[outline()]);
    for crs in ["urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:EPSG::4326", "EPSG:4326"] {
        root["crs"] = json!({ "type": "name", "properties": { "name": crs } });
        assert!(parse(&root).unwrap_err().starts_with("coordinates look like degrees"));
    }
    let ring = json!([[[8.4, 49.0], [8.4005, 49.0], [8.4005, 49.0003], [8.4, 49.0]]]);
    let tiny = feature("outline", "Polygon", ring, json!({ "material": "brick" }));
    assert_eq!(
        parse(&collection(&[tiny])).unwrap_err(),
        "feature 1 (outline): coordinates look like degrees; export in local metres"
    );
}

#[test]
fn mistakes_of_a_feature_are_named_with_it() {
    let line = || json!([[1, 1], [2, 1]]);
    let named = || json!({ "name": "a", "material": "wood" });
    let cases = [
        (feature("walls", "LineString", line(), named()), "walls `a` (feature 2): property `kind`"),
        (json!({ "type": "Feature", "properties": null }), "feature 2: has no property `kind`"),
        (feature("wall", "LineString", line(), json!({ "name": "a" })), "no property `material`"),
        (feature("wall", "LineString", line(), json!({ "material": "wood" })), "(wall): has no pr"),
        (
            feature("door", "LineString", line(), json!({ "name": "a", "material": "steel" })),
            "door `a` (feature 2): property `material` is \"steel\", it must be one of concrete, ",
        ),
        (
            feature("door", "LineString", line(), json!({ "name": "a", "tall_m": 2 })),
            "property `tall_m` is not known here; known are name, height_m, ",
        ),
        (
            feature("door", "LineString", line(), json!({ "name": "a", "height_m": "2" })),
            "property `height_m` is \"2\", it must be a number",
        ),
        (
            feature("door", "LineString", line(), json!({ "name": "a", "open": 1 })),
            "property `open` is 1, it must be true or false",
        ),
        (feature("wall", "LineString", json!([[1, 1]]), named()), "fewer than two places"),
        (feature("wall", "LineString", json!([[1, null], [2, 1]]), named()), "list of numbers"),
        (feature("wall", "LineString", json!([[1], [2, 1]]), named()), "give x and y"),
        (feature("wall", "LineString", json!([]), named()), "fewer than two places"),
        (feature("wall", "Point", json!([1, 1]), named()), "is a Point; a wall must be a LineStr"),
        (feature("wall", "MultiLineString", json!([line(), line()]), named()), "has 2 parts"),
        (feature("door", "LineString", json!([[1, 0], [2, 0], [3, 0]]), named()), "more than two"),
        (feature("access_point", "LineString", line(), named()), "an access_point must be a Point"),
        (feature("grid", "LineString", line(), json!({})), "must be a Polygon or a Point"),
    ];
    for (feature, expected) in cases {
        let found = refused(feature);
        assert!(found.contains(expected) && found.contains("feature 2"), "{expected}: {found}");
    }
    let mut nowhere = feature("wall", "LineString", line(), named());
    nowhere["geometry"] = Value::Null;
    assert!(refused(nowhere).contains("wall `a` (feature 2): has no geometry"));
}

#[test]
fn polygons_must_be_what_they_stand_for() {
    let desk = |rings: Value| {
        let properties = json!({ "name": "desk", "height_m": 0.7 });
        refused(feature("furniture", "Polygon", rings, properties))
    };
    let grid = |ring: Value, step: Value| {
        refused(feature("grid", "Polygon", json!([ring]), json!({ "step_m": step })))
    };
    let square = || json!([[1, 1], [2, 1], [2, 2], [1, 2], [1, 1]]);
    let cases = [
        (desk(json!([[[1, 1], [2, 1], [2, 2], [1, 2]]])), "is open: it ends at [1.0, 2.0]"),
        (desk(json!([])), "has no corners"),
        (desk(json!([[]])), "has no corners"),
        (desk(json!([square(), square()])), "has a hole"),
        // A triangle, a trapezium, a rhomboid, a bow tie.
        (desk(json!([[[1, 1], [2, 1], [2, 2], [1, 1]]])), "is no rectangle"),
        (desk(json!([[[1, 1], [3, 1], [2, 2], [1, 2], [1, 1]]])), "is no rectangle"),
        (desk(json!([[[1, 1], [2, 1], [3, 2], [2, 2], [1, 1]]])), "is no rectangle"),
        (desk(json!([[[1, 1], [2, 2], [2, 1], [1, 2], [1, 1]]])), "is no rectangle"),
        (grid(json!([[1, 1], [2, 2], [1, 3], [0, 2], [1, 1]]), json!(0.5)), "along x and y"),
        (grid(square(), json!(2)), "less than a step"),
        (grid(square(), json!(0)), "needs `step_m` above 0"),
        (grid(square(), json!("1")), "needs `step_m` above 0"),
        (grid(square(), json!([0.5])), "needs `step_m` above 0"),
        (grid(square(), Value::Null), "needs `step_m` above 0"),
    ];
    for (found, expected) in cases {
        assert!(found.contains(expected) && found.contains("feature 2"), "{expected}: {found}");
    }
}

#[test]
fn a_grid_has_a_step_in_x_and_one_in_y() {
    let ring = json!([[[1, 1], [3, 1], [3, 2.7], [1, 2.7], [1, 1]]]);
    let grid = feature("grid", "Polygon", ring, json!({ "step_m": [1, 0.5], "height_m": 0.8 }));
    let plan = parse(&collection(&[outline(), grid])).unwrap();
    let expected = Grid { origin: [1.5, 1.25], step_m: [1.0, 0.5], count: [2, 3], height_m: 0.8 };
    assert_eq!(plan.grids, [expected]);
}

proptest! {
    /// A drawn rectangle is found whatever its turn, its first corner and its sense.
    #[test]
    fn turned_rectangles_stay(
        at in prop::array::uniform2(-50.0..50.0),
        size in prop::array::uniform2(0.05..8.0),
        turn_deg in -360.0..360.0,
        first in 0..4_usize,
        clockwise: bool,
    ) {
        let size_m = [size[0], size[1], 0.7];
        let piece = Furniture { turn_deg, ..piece("box", at, size_m, Material::Wood) };
        let mut ring = piece.corners();
        ring.rotate_left(first);
        if clockwise {
            ring.reverse();
        }
        let closed: Vec<Place> = ring.iter().chain(&ring[..1]).copied().collect();
        let properties = json!({ "name": "box", "height_m": 0.7 });
        let drawn = feature("furniture", "Polygon", json!([closed]), properties);
        let plan = parse(&collection(&[outline(), drawn])).unwrap();
        let found = &plan.furniture[0];
        prop_assert!(found.turn_deg.abs() <= 45.0 + 1e-6, "{}", found.turn_deg);
        for corner in piece.corners() {
            let near = |[x, y]: Place| (x - corner[0]).hypot(y - corner[1]) < 1e-9;
            prop_assert!(found.corners().into_iter().any(near), "{found:?}");
        }
    }
}

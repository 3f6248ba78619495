//! Floor plans from GeoJSON in local metres.
//!
//! ```text
//! text -> JSON -> Drawn (kind, known properties, shape) -> elements of a FloorPlan
//! ```
//!
//! An element is made from its properties by the same `Deserialize` as in TOML, so that names and
//! defaults are the same. The collection is taken apart as JSON, since only then can a message name
//! the feature.

use std::fmt::Display;

use geojson::{Feature, GeometryValue, JsonObject, JsonValue, Position};
use metaloc_radio::channel::{FLOOR_PLAN_SCHEMA, FloorPlan, Furniture, Grid, Material, Place};
use serde::de::DeserializeOwned;
use serde_json::json;

/// Height of a floor (m); TOML has no default, but drawings are flat.
const HEIGHT_M: f64 = 3.0;
/// Height of an access point (m), for the same reason.
const ACCESS_POINT_HEIGHT_M: f64 = 2.5;
/// Drawn corners may be so far from a rectangle's (m).
const SNAP_M: f64 = 0.01;
/// Only degrees make a floor smaller than this (m).
const LEAST_EXTENT_M: f64 = 0.01;
/// A ring's ends this near each other are one place (m).
const SAME_M: f64 = 1e-6;

const DEGREES: &str = "coordinates look like degrees; export in local metres";

/// What a feature can stand for.
struct Kind {
    name: &'static str,
    needed: &'static [&'static str],
    optional: &'static [&'static str],
}

static KINDS: [Kind; 7] = [
    Kind {
        name: "outline",
        needed: &["material"],
        optional: &[
            "name",
            "height_m",
            "thickness_m",
            "floor",
            "floor_material",
            "ceiling_material",
        ],
    },
    Kind { name: "wall", needed: &["name", "material"], optional: &["thickness_m", "height_m"] },
    Kind {
        name: "door",
        needed: &["name"],
        optional: &["height_m", "material", "thickness_m", "open"],
    },
    Kind {
        name: "window",
        needed: &["name"],
        optional: &["sill_m", "height_m", "material", "thickness_m"],
    },
    Kind {
        name: "furniture",
        needed: &["name", "height_m"],
        optional: &["base_m", "material", "thickness_m"],
    },
    Kind { name: "access_point", needed: &["name"], optional: &["height_m"] },
    Kind { name: "grid", needed: &[], optional: &["step_m", "height_m"] },
];

/// What is drawn: third coordinates are dropped, but for a point's.
enum Shape {
    Point(Place, Option<f64>),
    Line(Vec<Place>),
    /// Corners; the last is joined to the first.
    Polygon(Vec<Place>),
}

impl Shape {
    fn name(&self) -> &'static str {
        match self {
            Self::Point(..) => "Point",
            Self::Line(_) => "LineString",
            Self::Polygon(_) => "Polygon",
        }
    }
}

/// A feature that makes sense by itself.
struct Drawn {
    /// For messages.
    who: String,
    kind: &'static str,
    /// Those that its kind knows.
    properties: JsonObject,
    shape: Shape,
}

/// A plan from the text of a file; `name` is its name where the outline has none.
pub(super) fn parse(text: &str, name: &str) -> Result<FloorPlan, String> {
    // Some tools begin UTF-8 with a byte order mark.
    let text = text.trim_start_matches('\u{feff}');
    let mut root: JsonValue = serde_json::from_str(text).map_err(|e| not_json(text, &e))?;
    if root["type"] != "FeatureCollection" {
        return Err("is no FeatureCollection; export the whole drawing as one".into());
    }
    let crs = root["crs"]["properties"]["name"].as_str().unwrap_or_default();
    if crs.contains("CRS84") || crs.ends_with("4326") {
        return Err(format!("{DEGREES} (its `crs` is {crs})"));
    }
    let JsonValue::Array(features) = root["features"].take() else {
        return Err("has no list `features`; export the drawing anew".into());
    };
    let numbered = features.into_iter().enumerate();
    let drawn: Vec<Drawn> =
        numbered.map(|(index, value)| Drawn::new(index + 1, value)).collect::<Result<_, _>>()?;
    let mut outlines = drawn.iter().filter(|drawn| drawn.kind == "outline");
    let outline = outlines.next().ok_or(
        "has no outline; draw the outer walls as a Polygon with the property `kind` = `outline`",
    )?;
    if let Some(second) = outlines.next() {
        let (a, b) = (&outline.who, &second.who);
        return Err(format!("has two outlines, {a} and {b}; a file holds one floor, remove one"));
    }
    let mut plan = outline.floor(name)?;
    for drawn in drawn.iter().filter(|drawn| drawn.kind != "outline") {
        drawn.add_to(&mut plan).map_err(|reason| drawn.named(reason))?;
    }
    Ok(plan)
}

fn not_json(text: &str, error: &serde_json::Error) -> String {
    let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
    let remedy = if line.contains("NaN") || line.contains("Infinity") {
        "NaN and Infinity are no numbers in JSON, give every coordinate one"
    } else {
        "export it anew"
    };
    format!("is not JSON: {error}; {remedy}")
}

/// Checks one property's value, so that the message can name it.
fn check_value(key: &str, value: &JsonValue) -> Result<(), String> {
    let is_material = |name: &str| Material::ALL.iter().any(|material| material.name() == name);
    let (fits, expected) = match key {
        "open" => (value.is_boolean(), "true or false".into()),
        "floor" => (value.as_i64().is_some(), "a whole number".into()),
        // A number, or one for x and one for y; told when the grid is made.
        "step_m" => (true, String::new()),
        _ if key.ends_with("_m") => (value.is_number(), "a number".into()),
        _ if key.ends_with("material") => {
            let known = Material::ALL.map(Material::name).join(", ");
            (value.as_str().is_some_and(is_material), format!("one of {known}"))
        }
        _ => (value.is_string(), "text".into()),
    };
    if fits { Ok(()) } else { Err(format!("property `{key}` is {value}, it must be {expected}")) }
}

fn place(position: &Position) -> Result<Place, String> {
    match position.as_slice() {
        [x, y, ..] => Ok([*x, *y]),
        short => Err(format!("has the position {short:?}; give x and y")),
    }
}

fn places(positions: &[Position]) -> Result<Vec<Place>, String> {
    positions.iter().map(place).collect()
}

fn distance(a: Place, b: Place) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// The only one of a multi-geometry's parts.
fn only<T>(parts: Vec<T>) -> Result<T, String> {
    let found = parts.len();
    <[T; 1]>::try_from(parts)
        .map(|[part]| part)
        .map_err(|_| format!("has {found} parts; make each a feature of its own"))
}

fn polygon(rings: &[Vec<Position>]) -> Result<Vec<Place>, String> {
    let ring = match rings {
        [] => return Err("has no corners; draw it anew".into()),
        [ring] => places(ring)?,
        _ => return Err("has a hole; draw it without".into()),
    };
    let [first, .., last] = ring[..] else {
        return Err("has no corners; draw it anew".into());
    };
    if distance(first, last) > SAME_M {
        return Err(format!(
            "is open: it ends at {last:?}, not where it began, at {first:?}; repeat the first corner \
             at the end"
        ));
    }
    Ok(ring[..ring.len() - 1].to_vec())
}

impl Shape {
    fn new(geometry: GeometryValue) -> Result<Self, String> {
        use GeometryValue as G;
        let kind = geometry.type_name();
        match geometry {
            G::Point { coordinates } => Self::point(&coordinates),
            G::MultiPoint { coordinates } => Self::point(&only(coordinates)?),
            G::LineString { coordinates } => Ok(Self::Line(places(&coordinates)?)),
            G::MultiLineString { coordinates } => Ok(Self::Line(places(&only(coordinates)?)?)),
            G::Polygon { coordinates } => Ok(Self::Polygon(polygon(&coordinates)?)),
            G::MultiPolygon { coordinates } => Ok(Self::Polygon(polygon(&only(coordinates)?)?)),
            G::GeometryCollection { .. } => {
                Err(format!("is a {kind}; make each part a feature of its own"))
            }
        }
    }

    fn point(position: &Position) -> Result<Self, String> {
        Ok(Self::Point(place(position)?, position.as_slice().get(2).copied()))
    }
}

impl Drawn {
    /// The feature with this number, from 1.
    fn new(number: usize, value: JsonValue) -> Result<Self, String> {
        let word = |key: &str| value["properties"][key].as_str();
        let who = match (word("kind"), word("name")) {
            (Some(kind), Some(name)) => format!("{kind} `{name}` (feature {number})"),
            (None, Some(name)) => format!("`{name}` (feature {number})"),
            (Some(kind), None) => format!("feature {number} ({kind})"),
            (None, None) => format!("feature {number}"),
        };
        let named = |reason: String| format!("{who}: {reason}");
        let kind = kind(&value["properties"]["kind"]).map_err(named)?;
        if value["geometry"].is_null() {
            return Err(named("has no geometry; draw it or remove it".into()));
        }
        let feature: Feature = serde_json::from_value(value).map_err(|e| {
            named(format!("{e}; every position must be a list of numbers, such as [1.5, 2.0]"))
        })?;
        let properties = known(kind, feature.properties.unwrap_or_default()).map_err(named)?;
        let geometry = feature.geometry.ok_or("has no geometry").map_err(|e| named(e.into()))?;
        let shape = Shape::new(geometry.value).map_err(named)?;
        Ok(Self { who, kind: kind.name, properties, shape })
    }

    fn named(&self, reason: impl Display) -> String {
        format!("{}: {reason}", self.who)
    }

    fn must_be<T>(&self, shape: &str) -> Result<T, String> {
        let article = if self.kind.starts_with(['o', 'a']) { "an" } else { "a" };
        let (found, kind) = (self.shape.name(), self.kind);
        Err(format!("is a {found}; {article} {kind} must be a {shape}"))
    }

    fn polygon(&self) -> Result<&[Place], String> {
        match &self.shape {
            Shape::Polygon(corners) => Ok(corners),
            _ => self.must_be("Polygon"),
        }
    }

    fn line(&self) -> Result<&[Place], String> {
        match &self.shape {
            Shape::Line(places) if places.len() >= 2 => Ok(places),
            Shape::Line(_) => Err("has fewer than two places; draw it anew".into()),
            _ => self.must_be("LineString"),
        }
    }

    /// The element that has these properties, and in their place those of `more`; null takes one out, since
    /// elements refuse keys that are not theirs.
    fn element<T: DeserializeOwned>(&self, more: JsonValue) -> Result<T, String> {
        let mut properties = self.properties.clone();
        if let JsonValue::Object(more) = more {
            properties.extend(more);
        }
        properties.retain(|_, value| !value.is_null());
        serde_json::from_value(properties.into()).map_err(|e| e.to_string())
    }

    /// The empty floor that an outline makes.
    fn floor(&self, name: &str) -> Result<FloorPlan, String> {
        let make = || {
            let corners = self.polygon()?;
            let size = |axis: usize| {
                let (low, high) = range(corners, axis);
                high - low
            };
            if size(0) < LEAST_EXTENT_M && size(1) < LEAST_EXTENT_M {
                return Err(DEGREES.into());
            }
            let of = |key: &str| self.properties.get(key).cloned();
            let (material, thickness_m) = (of("material"), of("thickness_m"));
            self.element(json!({
                "schema": FLOOR_PLAN_SCHEMA,
                "name": of("name").unwrap_or(name.into()),
                "height_m": of("height_m").unwrap_or(HEIGHT_M.into()),
                "outline": { "corners": corners, "material": material, "thickness_m": thickness_m },
                "material": null,
                "thickness_m": null,
            }))
        };
        make().map_err(|reason: String| self.named(reason))
    }

    fn add_to(&self, plan: &mut FloorPlan) -> Result<(), String> {
        match self.kind {
            "wall" => self.add_walls(plan)?,
            "door" => plan.doors.push(self.opening()?),
            "window" => plan.windows.push(self.opening()?),
            "furniture" => plan.furniture.push(self.furniture()?),
            "access_point" => {
                let Shape::Point([x, y], z) = self.shape else { return self.must_be("Point") };
                let height_m = self.height_m().or(z).unwrap_or(ACCESS_POINT_HEIGHT_M);
                let more = json!({ "at": [x, y, height_m], "height_m": null });
                plan.access_points.push(self.element(more)?);
            }
            _ => plan.grids.push(self.grid()?),
        }
        Ok(())
    }

    fn height_m(&self) -> Option<f64> {
        self.properties.get("height_m").and_then(JsonValue::as_f64)
    }

    /// A wall for each segment.
    fn add_walls(&self, plan: &mut FloorPlan) -> Result<(), String> {
        let name = self.properties.get("name").and_then(JsonValue::as_str).unwrap_or_default();
        let places = self.line()?;
        for (index, ends) in places.windows(2).enumerate() {
            let name = match places.len() {
                2 => name.to_owned(),
                _ => format!("{name}-{}", index + 1),
            };
            let more = json!({ "name": name, "from": ends[0], "to": ends[1] });
            plan.walls.push(self.element(more)?);
        }
        Ok(())
    }

    /// A door or a window.
    fn opening<T: DeserializeOwned>(&self) -> Result<T, String> {
        let [from, to] = self.line()? else {
            return Err("has more than two places; draw one side and the other".into());
        };
        self.element(json!({ "from": from, "to": to }))
    }

    fn furniture(&self) -> Result<Furniture, String> {
        let corners = self.polygon()?;
        let refuse = || "is no rectangle; draw one with four corners, turned or not".to_owned();
        let (at, [width, depth], turn_deg) = rectangle(corners).ok_or_else(refuse)?;
        let piece: Furniture = self.element(json!({
            "at": at,
            "size_m": [width, depth, self.height_m()],
            "turn_deg": turn_deg,
            "height_m": null,
        }))?;
        if are_corners(corners, piece.corners()) { Ok(piece) } else { Err(refuse()) }
    }

    fn grid(&self) -> Result<Grid, String> {
        let corners = match &self.shape {
            Shape::Point(origin, z) => {
                let height_m = self.height_m().or(*z);
                return self.element(json!({
                    "origin": origin, "step_m": [1.0, 1.0], "count": [1, 1], "height_m": height_m,
                }));
            }
            Shape::Polygon(corners) => corners,
            Shape::Line(_) => return self.must_be("Polygon or a Point"),
        };
        let [x, y] = [0, 1].map(|axis| range(corners, axis));
        if !are_corners(corners, [[x.0, y.0], [x.1, y.0], [x.1, y.1], [x.0, y.1]]) {
            return Err("is no rectangle along x and y; draw one, or Points".into());
        }
        let refuse = || "needs `step_m` above 0: a number, or a list of one in x and one in y";
        let step_m = self.properties.get("step_m").ok_or_else(refuse)?;
        let step_m = match step_m.as_f64() {
            Some(step) => [step, step],
            None => serde_json::from_value(step_m.clone()).map_err(|_| refuse())?,
        };
        if step_m.iter().any(|step| *step <= 0.0) {
            return Err(refuse().into());
        }
        let sizes = [x.1 - x.0, y.1 - y.0];
        // The slack keeps a rectangle of whole steps whole.
        let count = [0, 1].map(|axis| (sizes[axis] / step_m[axis] + 1e-6).floor() as usize);
        if count.contains(&0) {
            let [x, y] = sizes;
            return Err(format!("is {x:.2} x {y:.2} m, less than a step; give a smaller `step_m`"));
        }
        let origin = [x.0 + step_m[0] / 2.0, y.0 + step_m[1] / 2.0];
        self.element(json!({ "origin": origin, "step_m": step_m, "count": count }))
    }
}

fn kind(found: &JsonValue) -> Result<&'static Kind, String> {
    let known = KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
    match found {
        JsonValue::Null => Err(format!("has no property `kind`; give it one of {known}")),
        found => KINDS
            .iter()
            .find(|kind| found == kind.name)
            .ok_or_else(|| format!("property `kind` is {found}, it must be one of {known}")),
    }
}

/// The properties that a kind has, checked. Tools add their own, which are left out; but a number in
/// metres or degrees is ours, and misspelt.
fn known(kind: &Kind, properties: JsonObject) -> Result<JsonObject, String> {
    let names = || kind.needed.iter().chain(kind.optional);
    let mut found = JsonObject::new();
    // Tables of several kinds leave a cell empty where it does not apply.
    for (key, value) in properties.into_iter().filter(|(_, value)| !value.is_null()) {
        if names().any(|name| *name == key) {
            check_value(&key, &value)?;
            found.insert(key, value);
        } else if key.ends_with("_m") || key.ends_with("_deg") {
            let names: Vec<&str> = names().copied().collect();
            let names = names.join(", ");
            return Err(format!("property `{key}` is not known here; known are {names}"));
        }
    }
    match kind.needed.iter().find(|name| !found.contains_key(**name)) {
        Some(name) => Err(format!("has no property `{name}`; give it one")),
        None => Ok(found),
    }
}

/// The lowest and the highest coordinate.
fn range(places: &[Place], axis: usize) -> (f64, f64) {
    let values = places.iter().map(|place| place[axis]);
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
}

/// Whether four drawn corners are these, in whatever order.
fn are_corners(drawn: &[Place], corners: [Place; 4]) -> bool {
    let is_drawn = |corner: Place| drawn.iter().any(|place| distance(*place, corner) <= SNAP_M);
    drawn.len() == 4 && corners.into_iter().all(is_drawn)
}

/// Middle, width and depth, turn (degrees) of the rectangle that is nearest to four corners; its width
/// lies along the sides that are nearest to x. None of another number of corners.
fn rectangle(corners: &[Place]) -> Option<(Place, [f64; 2], f64)> {
    let [a, b, c, d] = *<&[Place; 4]>::try_from(corners).ok()?;
    let middle = [0, 1].map(|axis| (a[axis] + b[axis] + c[axis] + d[axis]) / 4.0);
    let side = [0, 1].map(|axis| (b[axis] - a[axis] + c[axis] - d[axis]) / 2.0);
    let next = [0, 1].map(|axis| (c[axis] - b[axis] + d[axis] - a[axis]) / 2.0);
    let length = |[x, y]: Place| x.hypot(y);
    let is_along_x = side[0].abs() >= side[1].abs();
    let (width, depth) = if is_along_x { (side, next) } else { (next, side) };
    // Either end of the side may come first: the turn is that within 90 degrees.
    let turn = if width[0] < 0.0 { [-width[0], -width[1]] } else { width };
    let turn_deg = turn[1].atan2(turn[0]).to_degrees();
    // Not -0.
    Some((middle, [length(width), length(depth)], turn_deg + 0.0))
}

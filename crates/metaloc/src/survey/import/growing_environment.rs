//! An environment to which rows are being added.

use std::collections::{HashMap, HashSet};

use metaloc_radio::geometry::Position;

use crate::survey::{Environment, Sample, SurveyPoint};

/// A place's coordinates, compared bit by bit.
type Coordinates = (u64, u64, i32);

#[derive(Default)]
pub(super) struct GrowingEnvironment {
    environment: Environment,
    /// Points that the publisher does not name.
    by_coordinates: HashMap<Coordinates, u32>,
    by_id: HashMap<String, u32>,
    sample_ids: HashSet<Box<str>>,
}

impl GrowingEnvironment {
    pub(super) fn new(name: &str) -> Self {
        let environment = Environment { name: name.to_owned(), ..Environment::default() };
        Self { environment, ..Self::default() }
    }

    /// The point that the publisher calls `name`; the point at `position` if it has no name.
    pub(super) fn point(&mut self, name: Option<&str>, position: Position) -> Result<u32, String> {
        if let Some(name) = name {
            let Some(&at) = self.by_id.get(name) else {
                return Ok(self.new_point(name.to_owned(), position));
            };
            let Position { x_m, y_m, floor } = self.environment.points[at as usize].position;
            if self.environment.points[at as usize].position == position {
                return Ok(at);
            }
            return Err(format!(
                "point `{name}` stands above at ({x_m}, {y_m}, floor {floor}) already; give one of \
                 them another name"
            ));
        }
        let Position { x_m, y_m, floor } = position;
        let key = (x_m.to_bits(), y_m.to_bits(), floor);
        if let Some(&at) = self.by_coordinates.get(&key) {
            return Ok(at);
        }
        let mut id = format!("f{floor}-x{x_m:.2}-y{y_m:.2}");
        while self.by_id.contains_key(&id) {
            id = format!("{id}-{}", self.environment.points.len());
        }
        let at = self.new_point(id, position);
        self.by_coordinates.insert(key, at);
        Ok(at)
    }

    fn new_point(&mut self, id: String, position: Position) -> u32 {
        let at = self.environment.points.len() as u32;
        self.by_id.insert(id.clone(), at);
        self.environment.points.push(SurveyPoint { id, position });
        at
    }

    /// The sample's name, made unique.
    pub(super) fn unique_sample_id(&mut self, id: String) -> Box<str> {
        let mut id = id.into_boxed_str();
        while self.sample_ids.contains(&id) {
            id = format!("{id}-{}", self.sample_ids.len()).into();
        }
        self.sample_ids.insert(id.clone());
        id
    }

    pub(super) fn push(&mut self, sample: Sample) {
        self.environment.samples.push(sample);
    }

    pub(super) fn finish(mut self) -> Environment {
        self.environment.samples.shrink_to_fit();
        self.environment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_found_by_name_or_place() {
        let mut environment = GrowingEnvironment::new("hall");
        let (here, near) = (Position::new(1.0, 2.0, 0), Position::new(1.001, 2.0, 0));
        assert_eq!(environment.point(None, here), Ok(0));
        assert_eq!(environment.point(None, near), Ok(1));
        assert_eq!(environment.point(None, here), Ok(0));
        assert_eq!(environment.point(Some("door"), here), Ok(2));
        assert_eq!(environment.point(Some("door"), here), Ok(2));
        let wrong = environment.point(Some("door"), near).unwrap_err();
        assert!(wrong.contains("`door` stands above at (1, 2, floor 0)"), "{wrong}");
        let ids: Vec<String> = environment.finish().points.into_iter().map(|p| p.id).collect();
        assert_eq!(ids, ["f0-x1.00-y2.00", "f0-x1.00-y2.00-1", "door"]);
    }

    #[test]
    fn sample_names_are_made_unique() {
        let mut environment = GrowingEnvironment::new("hall");
        let ids = ["7", "7", "7-1", "7"].map(|id| environment.unique_sample_id(id.into()));
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 4);
        assert_eq!(&*ids[0], "7");
    }
}

//! Parts of a survey: floors as environments of their own, and samples of some sets only.

use super::{Environment, Sample, Survey};

impl Survey {
    /// The same survey with each floor as an environment of its own: `13` becomes `13/f3` and
    /// `13/f5`, in this order; points keep their names.
    #[must_use]
    pub fn by_floor(&self) -> Self {
        let floors = |environment: &Environment| {
            let part = |floor: i32| {
                let on_floor = |at: u32| environment.points[at as usize].position.floor == floor;
                let name = format!("{}/f{floor}", environment.name);
                environment.part(name, |sample| on_floor(sample.point), on_floor)
            };
            environment.floors().into_iter().map(part).collect::<Vec<_>>()
        };
        Self {
            environments: self.environments.iter().flat_map(floors).collect(),
            name: self.name.clone(),
            provenance: self.provenance.clone(),
            georeference: self.georeference,
            access_points: self.access_points.clone(),
            devices: self.devices.clone(),
        }
    }
}

impl Environment {
    /// The same environment with only the samples of some sets, and the points that these samples
    /// were taken at. A set is named whole, or by its beginning: `tst*`.
    #[must_use]
    pub fn with_sets<S: AsRef<str>>(&self, sets: &[S]) -> Self {
        let keep = |sample: &Sample| is_one_of(&sample.set, sets);
        let mut used = vec![false; self.points.len()];
        for sample in self.samples.iter().filter(|sample| keep(sample)) {
            used[sample.point as usize] = true;
        }
        self.part(self.name.clone(), keep, |point| used[point as usize])
    }

    /// Some samples and points; the points must include those of the samples.
    fn part(
        &self,
        name: String,
        keep_sample: impl Fn(&Sample) -> bool,
        keep_point: impl Fn(u32) -> bool,
    ) -> Self {
        let mut part = Self { name, ..Self::default() };
        let mut new_index = vec![0; self.points.len()];
        for (at, point) in self.points.iter().enumerate().filter(|(at, _)| keep_point(*at as u32)) {
            new_index[at] = part.points.len() as u32;
            part.points.push(point.clone());
        }
        let kept = self.samples.iter().filter(|sample| keep_sample(sample));
        part.samples = kept
            .map(|sample| Sample { point: new_index[sample.point as usize], ..sample.clone() })
            .collect();
        part
    }
}

/// Whether `set` is among `names`, of which one that ends in `*` stands for all that begin so.
pub fn is_one_of<S: AsRef<str>>(set: &str, names: &[S]) -> bool {
    names.iter().any(|name| match name.as_ref().strip_suffix('*') {
        Some(beginning) => set.starts_with(beginning),
        None => set == name.as_ref(),
    })
}

#[cfg(test)]
mod tests {
    use metaloc_radio::geometry::Position;
    use metaloc_radio::signal::{AccessPointId, RssScan};

    use super::*;
    use crate::survey::SurveyPoint;

    /// Points 0 and 2 on floor 3, point 1 on floor 5.
    fn month() -> Environment {
        let point = |(i, floor): (usize, i32)| SurveyPoint {
            id: format!("p{i}"),
            position: Position::new(i as f64, 0.0, floor),
        };
        let sample = |(id, point, set): (&str, u32, &str)| Sample {
            id: id.into(),
            point,
            device: None,
            time_ms: None,
            set: set.into(),
            scan: RssScan::new(vec![(AccessPointId(point), -50.0)]).unwrap(),
            csi: None,
        };
        let samples = [("a", 0, "trn01"), ("b", 1, "tst01"), ("c", 2, "tst02"), ("d", 2, "trn01")];
        Environment {
            name: "13".into(),
            points: [3, 5, 3].into_iter().enumerate().map(point).collect(),
            samples: samples.into_iter().map(sample).collect(),
        }
    }

    fn places(environment: &Environment) -> Vec<(&str, &str)> {
        let place = |s: &Sample| environment.points[s.point as usize].id.as_str();
        environment.samples.iter().map(|s| (&*s.id, place(s))).collect()
    }

    #[test]
    fn floors_become_environments() {
        let survey = Survey { environments: vec![month()], ..Survey::default() };
        let floors = survey.by_floor();
        let names: Vec<&str> = floors.environments.iter().map(|e| e.name.as_str()).collect();
        assert_eq!(names, ["13/f3", "13/f5"]);
        assert_eq!(places(&floors.environments[0]), [("a", "p0"), ("c", "p2"), ("d", "p2")]);
        assert_eq!(places(&floors.environments[1]), [("b", "p1")]);
        assert_eq!(floors.n_samples(), survey.n_samples());
    }

    #[test]
    fn sets_are_named_whole_or_by_their_beginning() {
        let month = month();
        assert_eq!(places(&month.with_sets(&["tst*"])), [("b", "p1"), ("c", "p2")]);
        assert_eq!(places(&month.with_sets(&["tst02", "trn*"])).len(), 3);
        let one = month.with_sets(&["tst01"]);
        assert_eq!((one.points.len(), one.samples[0].point), (1, 0));
        assert_eq!(month.with_sets(&["*"]), month);
        assert!(month.with_sets(&["tst"]).points.is_empty());
    }
}

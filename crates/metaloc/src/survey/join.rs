//! Two surveys as one.

use metaloc_radio::signal::{AccessPointId, RssScan};

use super::{Sample, Survey, SurveyError};

impl Survey {
    /// Adds the environments of another survey, whose access points get names of their own (`NAME/...`):
    /// nobody hears the same ones. Devices are forgotten; channel state information goes along.
    ///
    /// # Errors
    /// If an environment's name is taken.
    pub fn add_environments(&mut self, more: &Self) -> Result<(), SurveyError> {
        let names = more.access_points.names().iter();
        let ids: Vec<AccessPointId> =
            names.map(|name| self.access_points.intern(&format!("{}/{name}", more.name))).collect();
        let id = |old: AccessPointId| ids[old.0 as usize];
        for environment in &more.environments {
            let refuse = |reason: String| SurveyError::Environment {
                environment: environment.name.clone(),
                reason,
            };
            if self.environment(&environment.name).is_some() {
                return Err(refuse(format!("{} has one of this name too", self.name)));
            }
            let mut added = environment.clone();
            for sample in &mut added.samples {
                let moved = sample.scan.readings().iter().map(|&(old, dbm)| (id(old), dbm));
                let scan = RssScan::new(moved.collect())
                    .map_err(|e| refuse(format!("sample {}: {e}", sample.id)))?;
                let mut csi = sample.csi.clone();
                if let Some(csi) = &mut csi {
                    csi.access_point = id(csi.access_point);
                }
                *sample = Sample { scan, csi, device: None, ..sample.clone() };
            }
            self.environments.push(added);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::survey::Environment;

    fn survey(name: &str, environment: &str) -> Survey {
        let mut survey = Survey { name: name.into(), ..Survey::default() };
        survey.access_points.intern("unheard");
        let id = survey.access_points.intern("a");
        let sample = Sample {
            id: "1".into(),
            point: 0,
            device: Some(0),
            time_ms: None,
            set: Arc::from("training"),
            scan: RssScan::new(vec![(id, -50.0)]).unwrap(),
            csi: None,
        };
        let environment =
            Environment { name: environment.into(), points: Vec::new(), samples: vec![sample] };
        survey.environments.push(environment);
        survey
    }

    #[test]
    fn access_points_of_one_name_stay_apart() {
        let mut all = survey("first", "x");
        all.add_environments(&survey("second", "y")).unwrap();
        assert_eq!(all.access_points.names(), ["unheard", "a", "second/unheard", "second/a"]);
        let heard = |at: usize| all.environments[at].samples[0].scan.readings()[0].0;
        assert_eq!([heard(0).0, heard(1).0], [1, 3]);
        assert_eq!(all.environments[1].samples[0].device, None);
        let refused = all.add_environments(&survey("third", "y")).unwrap_err();
        assert!(refused.to_string().contains("`y`"), "{refused}");
    }
}

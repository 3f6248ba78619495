//! Device and set names, each kept once; and the numbering of what a survey's scans refer to.

use std::collections::HashMap;

use metaloc_radio::RadioError;
use metaloc_radio::signal::{AccessPoints, RssScan};

use super::{SampleSet, Survey};

/// Device names in the order in which they were first met.
#[derive(Debug, Default)]
pub(super) struct Devices {
    pub(super) names: Vec<String>,
    index: HashMap<String, u16>,
}

impl Devices {
    /// The index of a device; `None` for an empty name.
    ///
    /// # Errors
    /// If there are more devices than a survey can hold.
    pub(super) fn intern(&mut self, name: &str) -> Result<Option<u16>, String> {
        if name.is_empty() {
            return Ok(None);
        }
        if let Some(&index) = self.index.get(name) {
            return Ok(Some(index));
        }
        let index = u16::try_from(self.names.len()).map_err(|_| {
            format!("`{name}` is device number 65537, a survey holds 65536; name models of devices")
        })?;
        self.names.push(name.to_owned());
        self.index.insert(name.to_owned(), index);
        Ok(Some(index))
    }
}

/// Set names, each kept once.
#[derive(Debug, Default)]
pub(super) struct Sets(HashMap<String, SampleSet>);

impl Sets {
    pub(super) fn intern(&mut self, name: &str) -> SampleSet {
        if let Some(set) = self.0.get(name) {
            return set.clone();
        }
        let set: SampleSet = name.into();
        self.0.insert(name.to_owned(), set.clone());
        set
    }
}

impl Survey {
    /// The same survey with access points and devices numbered in the order in which its samples
    /// first refer to them; what no sample refers to is left out. A survey that comes from a folder
    /// is numbered so, hence `Survey::read` gives back exactly what a renumbered survey wrote.
    ///
    /// # Errors
    /// Never for scans that are valid.
    pub fn renumbered(mut self) -> Result<Self, RadioError> {
        let mut access_points = AccessPoints::default();
        let mut devices: Vec<String> = Vec::new();
        let mut new_device = vec![None; self.devices.len()];
        for sample in self.environments.iter_mut().flat_map(|e| &mut e.samples) {
            let renumber =
                |&(id, dbm): &(_, f32)| (access_points.intern(self.access_points.name(id)), dbm);
            sample.scan = RssScan::new(sample.scan.readings().iter().map(renumber).collect())?;
            if let Some(csi) = &mut sample.csi {
                let name = self.access_points.name(csi.access_point);
                csi.access_point = access_points.intern(name);
            }
            if let Some(device) = sample.device {
                let old = usize::from(device);
                let new = *new_device[old].get_or_insert_with(|| {
                    devices.push(self.devices[old].clone());
                    (devices.len() - 1) as u16
                });
                sample.device = Some(new);
            }
        }
        self.access_points = access_points;
        self.devices = devices;
        Ok(self)
    }
}

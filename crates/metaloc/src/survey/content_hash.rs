//! One hash of everything that a survey holds, so that a result can say what it was made from.

use sha2::{Digest, Sha256};

use metaloc_radio::signal::CsiRecording;

use super::Survey;

impl Survey {
    /// SHA-256 (hexadecimal) over environments, points, samples and readings, in order; the survey's
    /// name and provenance are not part of it. Access points count by name, so that the order in
    /// which files were read doesn't matter.
    #[must_use]
    pub fn content_hash(&self) -> String {
        let mut hash = Sha256::new();
        let text = |hash: &mut Sha256, text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        for environment in &self.environments {
            text(&mut hash, &environment.name);
            hash.update((environment.points.len() as u64).to_le_bytes());
            for point in &environment.points {
                text(&mut hash, &point.id);
                hash.update(point.position.x_m.to_le_bytes());
                hash.update(point.position.y_m.to_le_bytes());
                hash.update(point.position.floor.to_le_bytes());
            }
            for sample in &environment.samples {
                text(&mut hash, &sample.id);
                text(&mut hash, &sample.set);
                hash.update(sample.point.to_le_bytes());
                hash.update(sample.time_ms.unwrap_or(i64::MIN).to_le_bytes());
                text(&mut hash, sample.device.map_or("", |d| &self.devices[d as usize]));
                let mut readings: Vec<(&str, f32)> = sample
                    .scan
                    .readings()
                    .iter()
                    .map(|&(id, dbm)| (self.access_points.name(id), dbm))
                    .collect();
                readings.sort_unstable_by_key(|&(name, _)| name);
                hash.update((readings.len() as u64).to_le_bytes());
                for (name, dbm) in readings {
                    text(&mut hash, name);
                    hash.update(dbm.to_le_bytes());
                }
                if let Some(csi) = &sample.csi {
                    text(&mut hash, self.access_points.name(csi.access_point));
                    hash_recording(&mut hash, &csi.recording);
                }
            }
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Who sent is no part of it: the access point's name says so.
fn hash_recording(hash: &mut Sha256, recording: &CsiRecording) {
    let kind = (recording.chip, recording.channel, recording.bandwidth_mhz);
    hash.update(format!("{kind:?} {:?} {:?}", recording.subcarriers, recording.streams));
    hash.update((recording.n_frames() as u64).to_le_bytes());
    for time_ns in &recording.time_ns {
        hash.update(time_ns.to_le_bytes());
    }
    for rssi_dbm in &recording.rssi_dbm {
        hash.update(rssi_dbm.unwrap_or(f32::NAN).to_le_bytes());
    }
    let mut bytes = Vec::with_capacity(8 * recording.values.len());
    for value in &recording.values {
        bytes.extend(value.re.to_le_bytes());
        bytes.extend(value.im.to_le_bytes());
    }
    hash.update(bytes);
}

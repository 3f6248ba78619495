//! `csi.safetensors`: the channel state information of an environment's samples.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use metaloc_radio::num_complex::Complex32;
use metaloc_radio::signal::{AccessPoints, Chip, CsiRecording, MacAddress, Stream, Subcarriers};
use safetensors::tensor::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};

use crate::survey::{Environment, Sample, SampleCsi, SurveyError};

/// The key of the list of recordings in the file's metadata.
const RECORDINGS: &str = "metaloc-csi";
/// Which part of a recording a tensor holds.
const PARTS: [&str; 3] = ["values", "time_ns", "rssi_dbm"];

/// A recording without its numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recording {
    sample: String,
    access_point: String,
    chip: Chip,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<MacAddress>,
    channel: Option<u8>,
    bandwidth_mhz: u16,
    streams: Vec<Stream>,
    subcarriers: Subcarriers,
    frames: usize,
}

/// A part of a recording on its way into the file.
struct Part<'a> {
    recording: &'a CsiRecording,
    part: usize,
    shape: Vec<usize>,
}

impl View for Part<'_> {
    fn dtype(&self) -> Dtype {
        if self.part == 1 { Dtype::U64 } else { Dtype::F32 }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let recording = self.recording;
        let bytes: Vec<u8> = match self.part {
            0 => recording
                .values
                .iter()
                .flat_map(|v| [v.re, v.im])
                .flat_map(f32::to_le_bytes)
                .collect(),
            1 => recording.time_ns.iter().flat_map(|time| time.to_le_bytes()).collect(),
            _ => {
                let levels = recording.rssi_dbm.iter().map(|level| level.unwrap_or(f32::NAN));
                levels.flat_map(f32::to_le_bytes).collect()
            }
        };
        bytes.into()
    }

    fn data_len(&self) -> usize {
        self.shape.iter().product::<usize>() * if self.part == 1 { 8 } else { 4 }
    }
}

/// Writes the recordings of an environment's samples; no file if there are none.
pub(super) fn write(
    path: &Path,
    environment: &Environment,
    access_points: &AccessPoints,
) -> Result<(), SurveyError> {
    let mut listed = Vec::new();
    let mut tensors = Vec::new();
    for sample in &environment.samples {
        let Some(csi) = &sample.csi else { continue };
        let recording = &*csi.recording;
        let (frames, streams) = (recording.n_frames(), recording.streams.len());
        let shapes =
            [vec![frames, streams, recording.subcarriers.count(), 2], vec![frames], vec![frames]];
        for (part, (name, shape)) in PARTS.iter().zip(shapes).enumerate() {
            let index = listed.len();
            tensors.push((format!("{index}.{name}"), Part { recording, part, shape }));
        }
        listed.push(Recording {
            sample: sample.id.to_string(),
            access_point: access_points.name(csi.access_point).to_owned(),
            chip: recording.chip,
            source: recording.source,
            channel: recording.channel,
            bandwidth_mhz: recording.bandwidth_mhz,
            streams: recording.streams.clone(),
            subcarriers: recording.subcarriers,
            frames,
        });
    }
    if listed.is_empty() {
        return Ok(());
    }
    let refuse = |e: &dyn std::fmt::Display| SurveyError::format(path, e.to_string());
    let text = serde_json::to_string(&listed).map_err(|e| refuse(&e))?;
    let metadata = HashMap::from([(RECORDINGS.to_owned(), text)]);
    safetensors::serialize_to_file(tensors, Some(metadata), path).map_err(|e| refuse(&e))
}

/// Reads the recordings of an environment's samples, if there is such a file.
pub(super) fn read(
    path: &Path,
    sample_index: &HashMap<String, usize>,
    access_points: &mut AccessPoints,
    samples: &mut [Sample],
) -> Result<(), SurveyError> {
    if !path.exists() {
        return Ok(());
    }
    let bytes = std::fs::read(path).map_err(|e| SurveyError::file(path, e))?;
    let refuse = |reason: String| SurveyError::format(path, reason);
    let damaged = |e: &dyn std::fmt::Display| {
        refuse(format!("not a whole file of recordings ({e}); copy or import it again"))
    };
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| damaged(&e))?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|e| damaged(&e))?;
    let text = header.metadata().as_ref().and_then(|metadata| metadata.get(RECORDINGS));
    let text = text.ok_or_else(|| refuse("it holds no recordings of MetaLoc's".into()))?;
    let listed: Vec<Recording> = serde_json::from_str(text).map_err(|e| damaged(&e))?;
    check_names(&tensors, listed.len()).map_err(refuse)?;
    for (index, recording) in listed.into_iter().enumerate() {
        let sample = recording.sample.clone();
        let &at = sample_index.get(&sample).ok_or_else(|| {
            refuse(format!("sample `{sample}` is not in samples.csv; add it or import again"))
        })?;
        let wrong = |reason: String| {
            refuse(format!("recording {index}, of sample `{sample}`: {reason}; import again"))
        };
        if samples[at].csi.is_some() {
            return Err(wrong("the sample has a recording above already".into()));
        }
        let access_point = access_points.intern(&recording.access_point);
        let numbers = numbers(&tensors, index, recording).map_err(wrong)?;
        check_numbers(&numbers).map_err(wrong)?;
        samples[at].csi = Some(SampleCsi { access_point, recording: Arc::new(numbers) });
    }
    Ok(())
}

/// Refuses tensors of no recording in the list: what they were made of is not known.
fn check_names(tensors: &SafeTensors<'_>, n_listed: usize) -> Result<(), String> {
    let expected: HashSet<String> =
        (0..n_listed).flat_map(|index| PARTS.map(|part| format!("{index}.{part}"))).collect();
    let stray = tensors.names().into_iter().filter(|name| !expected.contains(*name)).min();
    stray.map_or(Ok(()), |name| {
        Err(format!(
            "the tensor `{name}` is of none of the {n_listed} recordings that the metadata lists; \
             import again"
        ))
    })
}

/// Refuses what no capture gives; an RSSI that is no number is one that the capture does not have.
fn check_numbers(recording: &CsiRecording) -> Result<(), String> {
    let frame_len = recording.values.len() / recording.n_frames();
    if let Some(at) = recording.values.iter().position(|value| !value.is_finite()) {
        return Err(format!("a value of frame {} is not finite", at / frame_len));
    }
    if let Some(at) = recording.rssi_dbm.iter().position(|dbm| dbm.is_some_and(f32::is_infinite)) {
        return Err(format!("the RSSI of frame {at} is not finite"));
    }
    match recording.time_ns.windows(2).position(|pair| pair[1] < pair[0]) {
        Some(at) => Err(format!("frame {} has an earlier time than the one before", at + 1)),
        None => Ok(()),
    }
}

fn numbers(
    tensors: &SafeTensors<'_>,
    index: usize,
    described: Recording,
) -> Result<CsiRecording, String> {
    let Recording { chip, source, channel, bandwidth_mhz, streams, subcarriers, frames, .. } =
        described;
    if frames == 0 || streams.is_empty() || subcarriers.count() == 0 {
        return Err("it has no frames, streams or subcarriers".into());
    }
    let part = |part: usize, shape: &[usize], dtype: Dtype| {
        let name = format!("{index}.{}", PARTS[part]);
        let tensor = tensors.tensor(&name).map_err(|_| format!("`{name}` is missing"))?;
        match tensor.shape() == shape && tensor.dtype() == dtype {
            true => Ok(tensor.data().to_vec()),
            false => {
                let (found, has) = (tensor.dtype(), tensor.shape());
                Err(format!("`{name}` is {found:?} {has:?}, not {dtype:?} {shape:?}"))
            }
        }
    };
    let values = part(0, &[frames, streams.len(), subcarriers.count(), 2], Dtype::F32)?;
    let times = part(1, &[frames], Dtype::U64)?;
    let levels = part(2, &[frames], Dtype::F32)?;
    let float = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let floats = |bytes: &[u8]| bytes.chunks_exact(4).map(float).collect::<Vec<f32>>();
    let time = |bytes: &[u8]| bytes.iter().rev().fold(0, |time, &byte| time << 8 | u64::from(byte));
    Ok(CsiRecording {
        chip,
        source,
        channel,
        bandwidth_mhz,
        streams,
        subcarriers,
        time_ns: times.chunks_exact(8).map(time).collect(),
        rssi_dbm: floats(&levels).into_iter().map(|x| (!x.is_nan()).then_some(x)).collect(),
        values: floats(&values).chunks_exact(2).map(|v| Complex32::new(v[0], v[1])).collect(),
    })
}

//! One JSON line for each measurement.

use std::io::Write;

use metaloc::locate::Estimate;
use serde::Serialize;

/// An answer as it goes out.
#[derive(Debug, Serialize)]
struct Answer {
    id: serde_json::Value,
    located: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    x_m: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y_m: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    floor: Option<i32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<CandidateAnswer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct CandidateAnswer {
    point: String,
    x_m: f64,
    y_m: f64,
    floor: i32,
    weight: f64,
}

/// Writes the answer to what is called `id`: a place, or why there is none.
pub(super) fn write(
    out: &mut impl Write,
    id: serde_json::Value,
    estimate: Result<Estimate, String>,
) -> anyhow::Result<()> {
    let answer = match estimate {
        Ok(estimate) => Answer {
            id,
            located: true,
            x_m: Some(millimetres(estimate.position.x_m)),
            y_m: Some(millimetres(estimate.position.y_m)),
            floor: Some(estimate.position.floor),
            candidates: estimate
                .candidates
                .into_iter()
                .map(|candidate| CandidateAnswer {
                    point: candidate.id,
                    x_m: candidate.position.x_m,
                    y_m: candidate.position.y_m,
                    floor: candidate.position.floor,
                    weight: (candidate.weight * 1e4).round() / 1e4,
                })
                .collect(),
            reason: None,
        },
        Err(reason) => Answer {
            id,
            located: false,
            x_m: None,
            y_m: None,
            floor: None,
            candidates: Vec::new(),
            reason: Some(reason),
        },
    };
    writeln!(out, "{}", serde_json::to_string(&answer)?)?;
    Ok(())
}

/// More digits than a millimetre would only look precise.
fn millimetres(metres: f64) -> f64 {
    (metres * 1e3).round() / 1e3
}

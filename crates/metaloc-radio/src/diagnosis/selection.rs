//! Which subcarriers to keep.

use super::subcarriers::{Condition, Finding};
use crate::preprocess::SubcarrierSelection;
use crate::signal::{Chip, FrameFormat, Subcarriers};
use serde::Serialize;

/// The edge subcarriers of 802.11n count as alive from this median amplitude over the level on (dB);
/// what leaks out of legacy frames is weaker.
const ALIVE_DB: f64 = -12.0;
/// The subcarriers of 20 MHz that 802.11n has more than 802.11a and g.
const OUTER: [i16; 4] = [-28, -27, 27, 28];

/// Which subcarriers to keep, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SelectionReport {
    /// The choice.
    pub selection: SubcarrierSelection,
    /// What speaks for it, in words.
    pub reason: &'static str,
    /// What is kept of it: those that are alive.
    pub kept: Vec<i16>,
    /// What is left out of it: those that are not.
    pub left_out: Vec<i16>,
    /// What the default, `auto`, keeps without being told what is bad.
    pub by_default: Vec<i16>,
    /// The format whose roles were expected.
    pub format: FrameFormat,
}

impl SelectionReport {
    pub(super) fn of(
        findings: &[Finding],
        chip: Chip,
        subcarriers: Subcarriers,
        bandwidth_mhz: u16,
    ) -> Self {
        let (selection, reason) = choose(findings, subcarriers, bandwidth_mhz);
        let format = match selection {
            SubcarrierSelection::Legacy => FrameFormat::Legacy,
            _ => FrameFormat::HighThroughput,
        };
        let (mut kept, mut left_out) = (Vec::new(), Vec::new());
        for finding in findings {
            match finding.condition {
                _ if !selection.keeps(finding.subcarrier, chip, subcarriers, bandwidth_mhz) => {}
                Condition::Alive => kept.push(finding.subcarrier),
                _ => left_out.push(finding.subcarrier),
            }
        }
        let auto = SubcarrierSelection::Auto;
        let all = findings.iter().map(|finding| finding.subcarrier);
        let by_default = all.filter(|&at| auto.keeps(at, chip, subcarriers, bandwidth_mhz));
        let by_default = by_default.collect();
        Self { selection, reason, kept, left_out, by_default, format }
    }
}

fn choose(
    findings: &[Finding],
    subcarriers: Subcarriers,
    bandwidth_mhz: u16,
) -> (SubcarrierSelection, &'static str) {
    if findings.is_empty() {
        return (SubcarrierSelection::Auto, "nothing was received");
    }
    match subcarriers {
        Subcarriers::Intel20 | Subcarriers::Intel40 => {
            return (SubcarrierSelection::Auto, "the chip reports only subcarriers that are used");
        }
        // An ESP32 tells of frames of 802.11n only in the estimate from their own preamble.
        Subcarriers::Range { count: 64, .. } => {
            return (SubcarrierSelection::Legacy, "an estimate from the legacy preamble");
        }
        Subcarriers::All(64) if bandwidth_mhz == 20 => {}
        _ => {
            let reason = "all that the standard uses, but for 2, which newer firmware writes over";
            return (SubcarrierSelection::Auto, reason);
        }
    }
    let outer = || findings.iter().filter(|finding| OUTER.contains(&finding.subcarrier));
    let is_alive =
        |finding: &Finding| finding.condition == Condition::Alive && finding.median_db > ALIVE_DB;
    match outer().filter(|finding| is_alive(finding)).count() {
        4 => (SubcarrierSelection::HtData, "27 and 28 carry a signal on both sides"),
        _ if outer().any(|finding| finding.condition == Condition::Junk) => (
            SubcarrierSelection::Legacy,
            "something else is written over 27 or 28, as by newer firmware",
        ),
        0 => (SubcarrierSelection::Legacy, "27 and 28 carry nothing on either side"),
        _ => (SubcarrierSelection::Legacy, "27 and 28 do not carry a signal on both sides"),
    }
}

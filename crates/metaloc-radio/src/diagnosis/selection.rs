//! Which subcarriers to keep.

use super::subcarriers::{Condition, Finding, role};
use crate::signal::{FrameFormat, SubcarrierRole, Subcarriers};
use serde::Serialize;

/// The edge subcarriers of 802.11n count as alive from this median amplitude over the level on (dB);
/// what leaks out of legacy frames is weaker.
const ALIVE_DB: f64 = -12.0;
/// The subcarriers of 20 MHz that 802.11n has more than 802.11a and g.
const OUTER: [i16; 4] = [-28, -27, 27, 28];

/// A choice of subcarriers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// The 52 of 802.11a and g: -26 to 26 without 0, pilots too.
    Legacy52,
    /// The 52 data subcarriers of 802.11n: -28 to 28 without 0 and without pilots.
    HighThroughput52,
    /// All that the format uses.
    Used,
}

impl Selection {
    /// In words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Legacy52 => "the 52 of legacy frames",
            Self::HighThroughput52 => "the 52 data subcarriers of 802.11n",
            Self::Used => "all that carry a signal",
        }
    }
}

/// Which subcarriers to keep, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SelectionReport {
    /// The choice.
    pub selection: Selection,
    /// What speaks for it, in words.
    pub reason: &'static str,
    /// What is kept of it: those that are alive.
    pub kept: Vec<i16>,
    /// What is left out of it: those that are not.
    pub left_out: Vec<i16>,
    /// The format whose roles were expected.
    pub format: FrameFormat,
}

impl SelectionReport {
    pub(super) fn of(findings: &[Finding], subcarriers: Subcarriers, bandwidth_mhz: u16) -> Self {
        let (selection, reason) = choose(findings, subcarriers, bandwidth_mhz);
        let format = match selection {
            Selection::Legacy52 => FrameFormat::Legacy,
            _ => FrameFormat::HighThroughput,
        };
        let (mut kept, mut left_out) = (Vec::new(), Vec::new());
        for finding in findings {
            let role = role(finding.subcarrier, subcarriers, bandwidth_mhz, format);
            let is_chosen = match selection {
                Selection::HighThroughput52 => role == SubcarrierRole::Data,
                _ => role.is_used(),
            };
            match finding.condition {
                _ if !is_chosen => {}
                Condition::Alive => kept.push(finding.subcarrier),
                _ => left_out.push(finding.subcarrier),
            }
        }
        Self { selection, reason, kept, left_out, format }
    }
}

fn choose(
    findings: &[Finding],
    subcarriers: Subcarriers,
    bandwidth_mhz: u16,
) -> (Selection, &'static str) {
    match subcarriers {
        Subcarriers::Intel20 | Subcarriers::Intel40 => {
            return (Selection::Used, "the chip reports only subcarriers that are used");
        }
        // An ESP32 tells of frames of 802.11n only in the estimate from their own preamble.
        Subcarriers::Range { count: 64, .. } => {
            return (Selection::Legacy52, "an estimate from the legacy preamble");
        }
        Subcarriers::All(64) if bandwidth_mhz == 20 => {}
        _ => return (Selection::Used, "no other choice at this width"),
    }
    let outer = || findings.iter().filter(|finding| OUTER.contains(&finding.subcarrier));
    let is_alive =
        |finding: &Finding| finding.condition == Condition::Alive && finding.median_db > ALIVE_DB;
    match outer().filter(|finding| is_alive(finding)).count() {
        4 => (Selection::HighThroughput52, "27 and 28 carry a signal on both sides"),
        _ if outer().any(|finding| finding.condition == Condition::Junk) => {
            (Selection::Legacy52, "something else is written over 27 or 28, as by newer firmware")
        }
        0 => (Selection::Legacy52, "27 and 28 carry nothing on either side"),
        _ => (Selection::Legacy52, "27 and 28 do not carry a signal on both sides"),
    }
}

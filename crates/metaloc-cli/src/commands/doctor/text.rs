//! What was found in a capture, in words.

use metaloc::radio::diagnosis::{Condition, GroupReport};
use metaloc::radio::preprocess::SubcarrierSelection;
use metaloc::radio::signal::{Chip, SubcarrierRole};

use super::Patient;
use super::row::{silent, with};
use crate::output::{runs_as_setting, table};

/// Most groups that are described one by one, and that the table lists.
const MOST_DESCRIBED: usize = 4;
const MOST_LISTED: usize = 20;
/// Share of outliers from which on it is not them that is odd.
const MANY: f64 = 0.2;
/// Frames of an image, as in the paper.
const IMAGE: u64 = 50;

/// All about a capture.
pub(super) fn capture(patient: &Patient) -> String {
    let report = &patient.report;
    let mut lines = vec![format!(
        "{}: {}, {}, {}",
        patient.name,
        patient.format,
        count(report.frames, "frame", "frames"),
        count(patient.n_bytes, "byte", "bytes")
    )];
    if let Some(error) = &patient.error {
        lines.push(format!("  not read to its end: {error}"));
    }
    lines.extend(patient.chip_notes.iter().map(|said| format!("  {said}")));
    for skipped in &report.skipped {
        lines.push(format!(
            "  skipped {}: {} ({}), the first at byte {}",
            skipped.reason,
            count(skipped.parts, "part", "parts"),
            count(skipped.bytes, "byte", "bytes"),
            skipped.first_offset
        ));
    }
    if report.groups.len() > 1 {
        lines.push(String::new());
        lines.push(listed(&report.groups));
        if report.groups.len() > MOST_LISTED {
            lines.push(format!("and {} smaller ones", report.groups.len() - MOST_LISTED));
        }
    }
    if report.ungrouped > 0 {
        let frames = count(report.ungrouped, "frame belongs", "frames belong");
        lines.push(format!("{frames} to still others; there are too many to look at"));
    }
    for group in report.groups.iter().take(MOST_DESCRIBED) {
        lines.push(String::new());
        lines.push(described(group));
    }
    if report.groups.len() > MOST_DESCRIBED {
        let more = count((report.groups.len() - MOST_DESCRIBED) as u64, "group", "groups");
        lines.push(format!("\n{more} more: --json has them all"));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn listed(groups: &[GroupReport]) -> String {
    let headers =
        ["transmitter", "MHz", "channel", "receive/transmit", "frames", "seconds", "frames/s"];
    let cells = groups.iter().take(MOST_LISTED).map(|group| {
        vec![
            transmitter(group),
            group.bandwidth_mhz.to_string(),
            group.channel.map_or_else(|| "-".to_owned(), |channel| channel.to_string()),
            streams(group),
            group.frames.to_string(),
            format!("{:.1}", group.timing.duration_s),
            group.timing.frames_per_s.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}")),
        ]
    });
    table(&headers, &cells.collect::<Vec<_>>())
}

fn described(group: &GroupReport) -> String {
    let channel = group.channel.map_or_else(String::new, |channel| format!("channel {channel}, "));
    let mut lines = vec![format!(
        "{}: {}, {} MHz, {channel}receive/transmit {}, {}",
        transmitter(group),
        group.chip,
        group.bandwidth_mhz,
        streams(group),
        count(group.frames, "frame", "frames")
    )];
    let mut parts = vec![
        ("time", time(group)),
        ("pauses", pauses(group)),
        ("numbers", numbers(group)),
        ("RSS", rss(group)),
    ];
    if group.has_signal() {
        parts.extend(signal(group));
    } else {
        let n = count(group.frames, "frame", "frames");
        parts
            .push(("signal", format!("nothing was received: the used values of {n} are all zero")));
        let all = group.subcarriers.count();
        parts.push(("keep", format!("0 of {all} subcarriers, 0 of {n}")));
    }
    for (label, text) in parts.iter().filter(|(_, text)| !text.is_empty()) {
        lines.push(format!("  {label:<9} {text}"));
    }
    lines.join("\n")
}

/// What is known of the subcarriers, where something was received.
fn signal(group: &GroupReport) -> Vec<(&'static str, String)> {
    vec![
        ("level", level(group)),
        ("width", width(group)),
        ("silent", quiet(group)),
        ("bad", bad(group)),
        ("pilots", pilots(group)),
        ("outliers", outliers(group)),
        ("keep", keep(group)),
    ]
}

fn time(group: &GroupReport) -> String {
    let timing = &group.timing;
    let mut text = match timing.frames_per_s {
        None => "no two frames with different times".to_owned(),
        Some(rate) => {
            let every = timing.median_interval_s.map_or_else(String::new, |interval| {
                format!(", usually {} from frame to frame (median)", seconds(interval))
            });
            let over = match timing.duration_s - timing.active_s {
                paused if paused > 0.0 => {
                    format!(" over the {:.1} s without pauses", timing.active_s)
                }
                _ => String::new(),
            };
            format!("{:.1} s, {rate:.1} frames a second{over}{every}", timing.duration_s)
        }
    };
    if timing.falling > 0 {
        let falling = count(timing.falling, "frame has", "frames have");
        text += &format!("; {falling} an earlier time than the one before: the order is another");
    }
    if timing.same_time > 0 {
        let same = count(timing.same_time, "frame has", "frames have");
        text += &format!("; {same} the time of the one before");
    }
    if timing.clock_jumps > 0 {
        let times = count(timing.clock_jumps, "time", "times");
        text += &format!("; the clock was set {times}, or the device started again");
    }
    text
}

fn pauses(group: &GroupReport) -> String {
    let timing = &group.timing;
    match timing.longest_gaps.first() {
        None if timing.median_interval_s.is_none() => String::new(),
        None => "none of more than ten intervals".to_owned(),
        Some(longest) => format!(
            "{} of more than ten intervals, {} of more than 1 s; the longest {}, before frame {}",
            timing.gaps_10_intervals,
            timing.gaps_1_s,
            seconds(longest.seconds),
            longest.frame
        ),
    }
}

fn numbers(group: &GroupReport) -> String {
    let Some(sequence) = group.sequence else {
        return match group.chip {
            Chip::Esp32 => "the format has no sequence numbers: losses can't be told",
            _ => "sequence numbers don't rise: losses can't be told",
        }
        .to_owned();
    };
    let meaning = match group.chip {
        Chip::Intel5300 => "lost on the way to the log",
        _ => "lost, or sent to others: an upper limit of the loss",
    };
    let mut text = match sequence.missing {
        None => "the numbers are in another order than they were sent in: losses can't be told"
            .to_owned(),
        Some(0) => "no sequence number is missing".to_owned(),
        Some(missing) => format!(
            "{missing} of {} sequence numbers are missing ({}): {meaning}",
            sequence.advanced,
            percent(sequence.missing_share().unwrap_or(0.0))
        ),
    };
    if sequence.repeated > 0 {
        text += &format!("; {} stand again", sequence.repeated);
    }
    if sequence.backward > 0 {
        text += &format!("; {} times they go back", sequence.backward);
    }
    text
}

fn rss(group: &GroupReport) -> String {
    match group.rssi_dbm {
        None => "not in the capture".to_owned(),
        Some([least, mean, greatest]) => {
            format!("{least:.0} to {greatest:.0} dBm, mean {mean:.1}")
        }
    }
}

fn level(group: &GroupReport) -> String {
    let level = &group.level;
    let Some(largest) = level.largest_jump_db else {
        return "no step of more than 3 dB that lasts".to_owned();
    };
    let steps = count(level.jumps, "step", "steps");
    let cause = match (group.rssi_dbm, level.jumps_with_rssi) {
        (None, _) => "gain control, or the signal: there is no RSS to tell".to_owned(),
        (Some(_), 0) => "the RSS moved with none: gain control".to_owned(),
        (Some(_), with) => format!("the RSS moved with {with}, gain control made the others"),
    };
    format!("{steps} of more than 3 dB that last, the largest {largest:+.1} dB; {cause}")
}

/// Which part of the channel frames fill, if not all of it.
fn width(group: &GroupReport) -> String {
    if group.occupied.is_empty() {
        return String::new();
    }
    let parts: Vec<String> =
        group.occupied.iter().map(|[first, last]| format!("{first}..{last}")).collect();
    let mhz = 20 * group.occupied.len();
    format!("frames fill {mhz} of {} MHz only: {}", group.bandwidth_mhz, parts.join(", "))
}

/// The subcarriers on which nothing is expected, and which of them carry something all the same.
fn quiet(group: &GroupReport) -> String {
    let (expected, dead) = (silent(group), with(group, Condition::Dead));
    if expected.is_empty() {
        return "the chip reports no null or guard subcarriers".to_owned();
    }
    let loud: Vec<i16> = expected.iter().copied().filter(|at| !dead.contains(at)).collect();
    let found = match loud.len() {
        0 => "and so they are".to_owned(),
        _ => format!("but something stands on {}", ranges(&loud)),
    };
    format!("null or guard by the standard: {}; {found}", ranges(&expected))
}

/// The subcarriers that should carry a signal and don't.
fn bad(group: &GroupReport) -> String {
    let used = |condition| {
        let all = with(group, condition).into_iter();
        all.filter(|&at| group.expected(at).is_used()).collect::<Vec<i16>>()
    };
    let parts = [
        ("nothing arrives on", used(Condition::Dead)),
        ("always the same on", used(Condition::Constant)),
        ("junk on", used(Condition::Junk)),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(_, subcarriers)| !subcarriers.is_empty())
        .map(|(what, subcarriers)| format!("{what} {}", ranges(subcarriers)))
        .collect();
    let text = match parts.is_empty() {
        true => "every used subcarrier carries a signal".to_owned(),
        false => parts.join("; "),
    };
    if group.frames < 10 { text + "; too few frames to tell junk" } else { text }
}

/// Whether the pilots can be told from their neighbours.
fn pilots(group: &GroupReport) -> String {
    let level = |at: i16| {
        let found = group.findings.iter().find(|finding| finding.subcarrier == at);
        found
            .filter(|finding| finding.condition == Condition::Alive)
            .map(|finding| finding.median_db)
    };
    let pilots: Vec<i16> = group
        .findings
        .iter()
        .map(|finding| finding.subcarrier)
        .filter(|&at| group.expected(at) == SubcarrierRole::Pilot)
        .collect();
    let stand_out: Vec<i16> = pilots
        .iter()
        .copied()
        .filter(|&at| {
            let (Some(own), Some(below), Some(above)) = (level(at), level(at - 1), level(at + 1))
            else {
                return false;
            };
            // Beyond what a slope between the neighbours explains.
            (own - f64::midpoint(below, above)).abs() > 1.5 + (below - above).abs() / 2.0
        })
        .collect();
    match (pilots.len(), stand_out.len()) {
        (0, _) => "none among the subcarriers".to_owned(),
        (_, 0) => format!("{}, as strong as their neighbours", ranges(&pilots)),
        _ => format!("{}; {} differ from their neighbours", ranges(&pilots), ranges(&stand_out)),
    }
}

fn outliers(group: &GroupReport) -> String {
    let outliers = group.outliers;
    let share = outliers.either as f64 / outliers.looked_at.max(1) as f64;
    let mut text = format!(
        "{} of {} looked at ({}): {} by their shape, {} by their norm",
        outliers.either,
        count(outliers.looked_at as u64, "frame", "frames"),
        percent(share),
        outliers.by_shape,
        outliers.by_norm
    );
    if share > MANY {
        text += "; with so many, frames have no common spectrum or strength: the channel or the gain may \
                 have changed, or the values are not what they are read as";
    }
    if group.zero_frames > 0 {
        text += &format!("; {} without a signal", count(group.zero_frames, "frame", "frames"));
    }
    text
}

/// What MetaLoc would keep, and why.
fn keep(group: &GroupReport) -> String {
    let selection = &group.selection;
    let frames = group.frames - group.zero_frames;
    let without = (1.0 - group.dropped_share()) * group.frames as f64;
    let others = match selection.selection {
        SubcarrierSelection::HtData => "; `ht` has the pilots too",
        _ => "",
    };
    let name = match selection.selection {
        SubcarrierSelection::Legacy => "`legacy`",
        SubcarrierSelection::HtData => "`ht-data`",
        _ => "`auto`",
    };
    let scale = match group.rssi_dbm {
        Some(_) => "`gain_control = \"rssi\"`",
        None => "`gain_control = \"packet\"`, as there is no RSS",
    };
    let bad = match selection.left_out.is_empty() {
        true => String::new(),
        false => format!(", with `leave_out = {}`", runs_as_setting(&selection.left_out)),
    };
    let by_default = match selection.by_default == selection.kept {
        true => "as by default".to_owned(),
        false => format!("by default (`auto`) {}", ranges(&selection.by_default)),
    };
    format!(
        "{} of {} subcarriers, {} ({}{others}){bad};\n            {by_default};\n            {frames} of {} ({}); about {without:.0} with `outliers`; {scale}",
        selection.kept.len(),
        group.subcarriers.count(),
        name,
        selection.reason,
        count(group.frames, "frame", "frames"),
        count(frames / IMAGE, "image of 50", "images of 50"),
    )
}

fn transmitter(group: &GroupReport) -> String {
    group.source.map_or_else(|| "unknown transmitter".to_owned(), |source| source.to_string())
}

fn streams(group: &GroupReport) -> String {
    let ways: Vec<String> =
        group.streams.iter().map(|way| format!("{}/{}", way.receive, way.transmit)).collect();
    ways.join(" ")
}

fn count(n: u64, one: &str, more: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { more })
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 0.001 => format!("{:.0} us", s * 1e6),
        s if s < 1.0 => format!("{:.1} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

/// `-32..-27, 0, 27..31`.
fn ranges(numbers: &[i16]) -> String {
    let parts = numbers.chunk_by(|a, b| *b == a + 1).map(|run| match *run {
        [one] => one.to_string(),
        [one, two] => format!("{one}, {two}"),
        [first, .., last] => format!("{first}..{last}"),
        [] => String::new(),
    });
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_become_ranges() {
        assert_eq!(ranges(&[-32, -31, -30, 0, 2, 3, 31]), "-32..-30, 0, 2, 3, 31");
        assert_eq!(ranges(&[]), "");
    }
}

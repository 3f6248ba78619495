//! The amplitudes of captures as a picture.

use metaloc_radio::diagnosis::{CaptureReport, Condition, Finding, GroupReport};

use crate::report::{HeatMapMark, HeatMapPanel, HeatMapPlot, ReportError};

/// Most panels of a picture.
pub const MOST_PANELS: usize = 6;
/// What the strips beside a panel say.
const SILENT: &str = "null or guard, as expected";
const LEAKS: &str = "null or guard, with a signal";
const BAD: &str = "used, but dead or junk";

/// A heat map of the streams with most frames, in the order of `captures` (each with its name), and how
/// many streams it has no panel for; SVG.
///
/// # Errors
/// [`ReportError::Empty`] without any frame.
pub fn draw(captures: &[(&str, &CaptureReport)]) -> Result<(String, usize), ReportError> {
    // The largest group of each capture comes before the second of any.
    let rank = (0..captures.iter().map(|capture| capture.1.groups.len()).max().unwrap_or(0))
        .flat_map(|rank| {
            captures.iter().map(move |(name, report)| (name, report.groups.get(rank)))
        });
    let mut panels = Vec::new();
    let mut left_out = 0;
    for (name, group) in rank.filter_map(|(name, group)| Some((name, group?))) {
        for stream in 0..group.streams.len() {
            match panels.len() < MOST_PANELS && !group.sample.is_empty() {
                true => panels.push(panel(name, group, stream)),
                false => left_out += usize::from(!group.sample.is_empty()),
            }
        }
    }
    let plot = HeatMapPlot {
        scale_label: "amplitude over the usual level [dB]".to_owned(),
        y_label: "subcarrier".to_owned(),
        limits: (-25.0, 15.0),
        panels,
    };
    Ok((plot.to_svg()?, left_out))
}

fn panel(name: &str, group: &GroupReport, stream: usize) -> HeatMapPanel {
    let n_places = group.subcarriers.count();
    let mut levels: Vec<f32> = group.sample.iter().map(|frame| frame.level).collect();
    levels.sort_unstable_by(f32::total_cmp);
    let usual = levels[levels.len() / 2];
    let columns = group.sample.iter().map(|frame| {
        let scale = frame.level / usual;
        let amplitudes = &frame.amplitudes[stream * n_places..(stream + 1) * n_places];
        amplitudes.iter().map(|&amplitude| 20.0 * (amplitude * scale).max(1e-6).log10()).collect()
    });
    let source =
        group.source.map_or_else(|| "unknown transmitter".to_owned(), |mac| mac.to_string());
    let channel = group.channel.map_or_else(String::new, |channel| format!(", channel {channel}"));
    let way = group.streams[stream];
    let gaps = group.timing.longest_gaps.iter().map(|gap| gap.frame as f64).collect();
    let jumps = group.level.jump_frames.iter().map(|&frame| frame as f64).collect();
    HeatMapPanel {
        title: format!(
            "{name}: {source}, {} MHz{channel}, receive {}, transmit {}",
            group.bandwidth_mhz, way.receive, way.transmit
        ),
        x_label: format!("frame, of {} in {:.1} s", group.frames, group.timing.duration_s),
        columns: columns.collect(),
        x_range: (0.0, group.frames as f64),
        rows: (0..n_places)
            .filter_map(|place| group.subcarriers.at(place))
            .map(i32::from)
            .collect(),
        marked_rows: group.findings.iter().filter_map(|finding| mark(group, finding)).collect(),
        marked_columns: vec![
            (HeatMapMark::Neutral, "a pause of over ten intervals".to_owned(), gaps),
            (HeatMapMark::Bad, "a step of over 3 dB".to_owned(), jumps),
        ],
    }
}

/// How a subcarrier is marked beside the panel.
fn mark(group: &GroupReport, finding: &Finding) -> Option<(i32, HeatMapMark, String)> {
    let is_silent = !group.expected(finding.subcarrier).is_used();
    let (mark, meaning) = match (is_silent, finding.condition) {
        (true, Condition::Dead) => (HeatMapMark::Faint, SILENT),
        (true, _) => (HeatMapMark::Neutral, LEAKS),
        (false, Condition::Alive) => return None,
        (false, _) => (HeatMapMark::Bad, BAD),
    };
    Some((i32::from(finding.subcarrier), mark, meaning.to_owned()))
}

//! What can be wrong with a measurement or a radio map.

use thiserror::Error;

/// An error of this crate; the message says what was found and what is expected.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum RadioError {
    /// A signal strength that is not a finite number.
    #[error("RSS of access point {access_point} is {dbm}, not a finite number")]
    NonFiniteRss {
        /// Index of the access point in the survey's list.
        access_point: u32,
        /// The value found (dBm).
        dbm: f32,
    },
    /// A signal strength outside of what a receiver can report.
    #[error(
        "RSS of access point {access_point} is {dbm} dBm; a receiver reports {min} to {max} dBm \
         (leave an access point that was not heard out)",
        min = crate::signal::MIN_RSS_DBM,
        max = crate::signal::MAX_RSS_DBM
    )]
    RssOutOfRange {
        /// Index of the access point in the survey's list.
        access_point: u32,
        /// The value found (dBm).
        dbm: f32,
    },
    /// The same access point twice in one scan.
    #[error("access point {access_point} stands twice in one scan")]
    DuplicateReading {
        /// Index of the access point in the survey's list.
        access_point: u32,
    },
    /// A radio map without reference points.
    #[error("a radio map needs at least one reference point, it has none")]
    EmptyRadioMap,
    /// A fingerprint wants more neighbours than there are reference points.
    #[error(
        "the fingerprint needs {needed} reference points, the environment has {available}; \
         survey more points or choose a smaller K"
    )]
    TooFewReferencePoints {
        /// Neighbours asked for (K, plus one where a sample's own point is left out).
        needed: usize,
        /// Reference points there are.
        available: usize,
    },
    /// A recording without frames.
    #[error("a recording needs at least one frame, it has none")]
    NoFrames,
    /// Frames of several kinds in one recording.
    #[error(
        "frame {index} has other streams, subcarriers, bandwidth or chip than the first one; keep \
         one kind of frame"
    )]
    MixedFrames {
        /// Place of the first one that differs.
        index: usize,
    },
    /// A recording that lacks what the settings ask for.
    #[error("{asked} is not in the recording, which has {found}")]
    NotRecorded {
        /// What the settings ask for.
        asked: String,
        /// What there is.
        found: String,
    },
    /// A recording of one receive antenna, where phase differences are asked for.
    #[error(
        "phase differences need phase-coherent antennas: two receive antennas of one radio, the \
         recording has one"
    )]
    NoCoherentAntennas,
    /// Pictures of amplitudes, where something that they don't show is asked for.
    #[error("needs {lacks}, which pictures of amplitudes do not show; {remedy}")]
    NotInPictures {
        /// What is asked for.
        lacks: &'static str,
        /// The setting that does without.
        remedy: &'static str,
    },
    /// Features that don't fill their rows.
    #[error(
        "{n_values} numbers don't make rows of {n_columns} columns; every row needs as many numbers"
    )]
    UnequalRows {
        /// Numbers found.
        n_values: usize,
        /// Numbers that a row should have.
        n_columns: usize,
    },
    /// A feature that is not a finite number.
    #[error("the feature in row {row}, column {column} is {value}, not a finite number")]
    NonFiniteFeature {
        /// Its row, counted from 0.
        row: usize,
        /// Its column, counted from 0.
        column: usize,
        /// The value found.
        value: f32,
    },
    /// Fewer rows of features than a computation needs.
    #[error("{purpose} needs {needed} rows, found {found}")]
    TooFewRows {
        /// What they are for.
        purpose: &'static str,
        /// Rows needed.
        needed: usize,
        /// Rows there are.
        found: usize,
    },
    /// Rows without a difference.
    #[error("all {n_rows} rows are equal: there is no distance to take a bandwidth from")]
    EqualRows {
        /// How many there are.
        n_rows: usize,
    },
    /// Two things that are compared, and differ in what they must have in common.
    #[error("{property} differ: {left} here, {right} there")]
    NotComparable {
        /// What differs.
        property: &'static str,
        /// One side's.
        left: String,
        /// The other side's.
        right: String,
    },
    /// A face that no wave can meet.
    #[error("face {index} {problem}")]
    Face {
        /// Its place in the scene, counted from 0.
        index: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An element of a floor plan that makes no sense.
    #[error("{element} {problem}; {remedy}")]
    FloorPlan {
        /// The element, by kind and name.
        element: String,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// A scene whose paths would take too long to trace.
    #[error(
        "tracing takes up to {work} tests of images, some {:.0} to {:.0} s on one core, more than {limit}; \
         use fewer faces, points or access points, or a lower order of reflection",
        *work as f64 * 20e-9,
        *work as f64 * 60e-9
    )]
    TooMuchWork {
        /// Tests it would take.
        work: u64,
        /// Most tests.
        limit: u64,
    },
    /// A setting outside its legal range.
    #[error("{setting} is {found}, it must be {expected}")]
    Setting {
        /// Name of the setting.
        setting: &'static str,
        /// Value found.
        found: f64,
        /// Legal range in words.
        expected: &'static str,
    },
}

/// A range, and the same in words.
type InWords = (std::ops::RangeInclusive<f64>, &'static str);

impl RadioError {
    /// Finds the first setting outside its range: name, value, range and the same in words.
    pub(crate) fn check_ranges<const N: usize>(
        settings: [(&'static str, f64, InWords); N],
    ) -> Result<(), Self> {
        let wrong = settings.into_iter().find(|(_, found, (range, _))| !range.contains(found));
        wrong.map_or(Ok(()), |(setting, found, (_, expected))| {
            Err(Self::Setting { setting, found, expected })
        })
    }
}

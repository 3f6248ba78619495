//! Times as people write them: `2016-10-18T17:19:27.336`, in UTC or the place's local time.
//!
//! A survey keeps milliseconds since 1970-01-01 and no time zone: publishers rarely say which one
//! they mean, and learning only asks how far apart two scans are.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// What a reader of an error message is told.
pub(super) const EXPECTED: &str = "a time such as `2026-01-31T14:05:00` or `2026-01-31T14:05:00.250`, milliseconds since \
     1970-01-01, or nothing";

/// Milliseconds since 1970-01-01 of `YYYY-MM-DDTHH:MM:SS[.mmm][Z]` (a space may stand for the `T`)
/// or of a number of milliseconds.
pub(super) fn parse(text: &str) -> Option<i64> {
    let time = text.strip_suffix('Z').unwrap_or(text);
    if !time.contains(['T', ' ']) {
        return text.parse().ok().filter(|&ms| day(ms).is_some());
    }
    // An offset such as +01:00 would be left out of account silently.
    let (_, of_day) = time.split_once(['T', ' '])?;
    if of_day.contains(['+', '-', '[']) {
        return None;
    }
    let moment: DateTime = time.parse().ok()?;
    Some(moment.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

/// The inverse of [`parse`].
pub(super) fn format(time_ms: i64) -> String {
    civil(time_ms).map_or_else(|| time_ms.to_string(), |time| time.to_string())
}

/// The day of a moment, `2016-10-18`; `None` for moments outside of the calendar.
pub(super) fn day(time_ms: i64) -> Option<String> {
    civil(time_ms).map(|time| time.date().to_string())
}

fn civil(time_ms: i64) -> Option<DateTime> {
    Some(TimeZone::UTC.to_datetime(Timestamp::from_millisecond(time_ms).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_agree_with_date_1() {
        // `date -u -d ... +%s` of GNU coreutils 9.
        assert_eq!(parse("2016-10-18T17:19:27.336"), Some(1_476_811_167_336));
        assert_eq!(parse("2000-02-29 00:00:00Z"), Some(951_782_400_000));
        assert_eq!(parse("1476811167336"), Some(1_476_811_167_336));
        assert_eq!(day(1_371_713_733_000).as_deref(), Some("2013-06-20"));
    }

    #[test]
    fn formatting_is_the_inverse() {
        for ms in [0, -1000, 1_476_811_167_336, 951_782_400_000, -7] {
            assert_eq!(parse(&format(ms)), Some(ms), "{}", format(ms));
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        let wrong = [
            "",
            "yesterday",
            "2026-02-29T00:00:00",
            "2026-01-01T25:00:00",
            "2026-01-01T00:00:00+01:00",
            "20160622142229712",
        ];
        for text in wrong {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

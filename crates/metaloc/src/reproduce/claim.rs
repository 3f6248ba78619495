//! What the paper says, and what was measured.

use serde::Serialize;

/// Whether a claim holds here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// All of it.
    Holds,
    /// Some of it.
    HoldsInPart,
    /// None of it.
    DoesNotHold,
}

impl Verdict {
    /// The verdict on a claim of several parts.
    #[must_use]
    pub fn of(parts: &[bool]) -> Self {
        match parts.iter().filter(|part| **part).count() {
            n if n == parts.len() => Self::Holds,
            0 => Self::DoesNotHold,
            _ => Self::HoldsInPart,
        }
    }

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::HoldsInPart => "holds in part",
            Self::DoesNotHold => "does not hold here",
        }
    }
}

/// A claim of the paper beside what was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Claim {
    /// What the paper says, and where.
    pub paper: String,
    /// What was measured, with the numbers.
    pub measured: String,
    /// Whether it holds.
    pub verdict: Verdict,
}

impl Claim {
    /// A claim of several parts, of which these hold.
    pub fn new(paper: impl Into<String>, measured: impl Into<String>, parts: &[bool]) -> Self {
        let verdict = Verdict::of(parts);
        Self { paper: paper.into(), measured: measured.into(), verdict }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_decide() {
        assert_eq!(Verdict::of(&[true, true]), Verdict::Holds);
        assert_eq!(Verdict::of(&[true, false]), Verdict::HoldsInPart);
        assert_eq!(Verdict::of(&[false]), Verdict::DoesNotHold);
    }
}

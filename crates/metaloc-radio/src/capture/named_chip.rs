//! Which chips packets name.

use crate::signal::Chip;
use serde::Serialize;

/// Most numbers that are counted; damaged packets would name ever more.
const MOST: usize = 16;

/// A chip that packets name by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct NamedChip {
    /// The number.
    pub number: u16,
    /// The chip, if the number is known.
    pub chip: Option<Chip>,
    /// How many packets name it.
    pub packets: u64,
}

/// What packets name so far.
#[derive(Debug, Default)]
pub(super) struct NamedChips(Vec<NamedChip>);

impl NamedChips {
    pub(super) fn count(&mut self, number: u16, chip: Option<Chip>) {
        let found = self.0.iter_mut().find(|named| named.number == number);
        if let Some(named) = found {
            named.packets += 1;
        } else if self.0.len() < MOST {
            self.0.push(NamedChip { number, chip, packets: 1 });
        }
    }

    pub(super) fn all(&self) -> &[NamedChip] {
        &self.0
    }
}

/// What to tell about the chips that packets name, a sentence each: that another one was forced, or
/// that a number is not known and a chip may be forced.
#[must_use]
pub fn chip_notes(named: &[NamedChip], forced: Option<Chip>) -> Vec<String> {
    let note = |found: &NamedChip| {
        let say = match found.packets {
            1 => "1 packet says".to_owned(),
            n => format!("{n} packets say"),
        };
        match (found.chip, forced) {
            (Some(chip), Some(forced)) if chip != forced => Some(format!(
                "{say} {chip}, the chip was forced to {forced}: its values are wrong \
                              unless the packets are"
            )),
            (None, None) => Some(format!(
                "{say} chip 0x{:04x}, a number that is not known; if you know the chip, force it \
                 with `--chip`",
                found.number
            )),
            _ => None,
        }
    };
    named.iter().filter_map(note).collect()
}

//! Colours and line styles; one colour for a method in every picture.
//!
//! The colours are those of Okabe and Ito (2008), "Color universal design", yellow darkened to
//! show on white.

/// A colour: red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// As in CSS: `#0072b2`.
    #[must_use]
    pub fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

const BLUE: Rgb = Rgb(0, 114, 178);
const VERMILION: Rgb = Rgb(213, 94, 0);
const GREEN: Rgb = Rgb(0, 158, 115);
const ORANGE: Rgb = Rgb(230, 159, 0);
const SKY: Rgb = Rgb(86, 180, 233);
const PURPLE: Rgb = Rgb(204, 121, 167);
const YELLOW: Rgb = Rgb(166, 148, 0);
const BLACK: Rgb = Rgb(0, 0, 0);
const GREY: Rgb = Rgb(118, 118, 118);

/// Text and axes.
pub(super) const INK: Rgb = Rgb(34, 34, 34);
/// Second lines, less weighty text.
pub(super) const FAINT: Rgb = Rgb(95, 95, 95);
/// Grid lines.
pub(super) const GRID: Rgb = Rgb(226, 226, 226);
/// The ground.
pub(super) const WHITE: Rgb = Rgb(255, 255, 255);

/// A line's pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dash {
    Solid,
    Dashed,
    Dotted,
    Long,
}

impl Dash {
    const ALL: [Self; 4] = [Self::Solid, Self::Dashed, Self::Dotted, Self::Long];

    /// Lengths of a dash and a gap (px); none for a solid line.
    pub(super) fn lengths(self) -> Option<(f64, f64)> {
        match self {
            Self::Solid => None,
            Self::Dashed => Some((6.0, 4.0)),
            Self::Dotted => Some((2.0, 2.5)),
            Self::Long => Some((13.0, 4.0)),
        }
    }
}

/// The colour of a method, the same in every picture.
///
/// A variant after a colon (`maml:attention`) has the colour of its method. Blue, sky and purple are
/// MetaLoc's alone; other methods of one kind share a hue: orange for maps of RSS, green for networks
/// trained conventionally and maps with history, yellow for what compares or regresses channels. Lines of
/// one colour in a picture differ by their pattern. An unknown name always gets the same of the others' colours.
#[must_use]
pub fn method_color(name: &str) -> Rgb {
    let method = name.split(':').next().unwrap_or(name).trim().to_ascii_lowercase();
    match method.as_str() {
        "maml" | "theta-total" | "training" | "train" => BLUE,
        "maml-ts" => SKY,
        "maml-dg" | "theta-2" => PURPLE,
        "auto" => BLACK,
        "tl" | "theta-1" | "validation" => VERMILION,
        "ri" => GREY,
        "knn" | "knn-support" | "wknn" | "wknn-support" | "pwknn-support" | "1nn" => ORANGE,
        "radar-support" | "horus-support" | "dfps-support" | "vivi-like-support" => ORANGE,
        "transloc-like" | "acmu-like" => ORANGE,
        "wknn-full" | "wknn-both" | "wknn-old" => GREEN,
        "confi" | "confi-own" | "cifi" | "deepfi" | "ilcl" | "fidora-like" => GREEN,
        "ridge" | "krr" | "hi-knn" | "theta-3" | "fila-like" | "crisloc-like" | "dafi-like" => {
            YELLOW
        }
        _ => {
            let choices = [ORANGE, YELLOW, GREEN, BLACK];
            choices[(hash(&method) % choices.len() as u64) as usize]
        }
    }
}

/// Colour and pattern of each of `names` in one picture.
///
/// A name's pattern is its own as far as it can: solid for a plain method, by name for a variant;
/// where colour and pattern are taken by an earlier line, the next free pattern.
pub(super) fn line_styles<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<(Rgb, Dash)> {
    let mut styles: Vec<(Rgb, Dash)> = Vec::new();
    for name in names {
        let color = method_color(name);
        let first = match name.split_once(':') {
            None => 0,
            Some((_, variant)) => 1 + (hash(variant) % 3) as usize,
        };
        let dash = (0..Dash::ALL.len())
            .map(|step| Dash::ALL[(first + step) % Dash::ALL.len()])
            .find(|&dash| !styles.contains(&(color, dash)))
            .unwrap_or(Dash::ALL[first]);
        styles.push((color, dash));
    }
    styles
}

/// FNV-1a: the same on every machine and in every version.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_stable() {
        assert_eq!(method_color("maml").hex(), "#0072b2");
        assert_eq!(method_color("tl").hex(), "#d55e00");
        assert_eq!(method_color("ri").hex(), "#767676");
        assert_eq!(method_color("knn-support").hex(), "#e69f00");
        assert_eq!(method_color("wknn-full").hex(), "#009e73");
        assert_eq!(method_color("maml:attention"), method_color("maml"));
        assert_eq!(method_color("MAML"), method_color("maml"));
        assert_eq!(method_color("somebody's own"), method_color("somebody's own"));
    }

    #[test]
    fn lines_of_one_colour_differ_by_pattern() {
        let styles = line_styles(["maml", "maml:a", "maml:b", "maml:c"]);
        for (i, style) in styles.iter().enumerate() {
            assert_eq!(style.0, BLUE);
            assert!(!styles[..i].contains(style), "{styles:?}");
        }
        assert_eq!(line_styles(["maml"])[0].1, Dash::Solid);
        assert_eq!(line_styles(["maml"; 6]).len(), 6);
    }
}

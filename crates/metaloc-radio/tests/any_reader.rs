//! Captures of all formats, told apart by how they begin.
#![allow(clippy::unwrap_used)]

use metaloc_radio::capture::{
    AnyReader, CaptureError, CaptureFormat, CaptureOptions, Esp32Estimate, Esp32Reader, Event,
    IntelReader, NexmonReader,
};
use metaloc_radio::signal::Chip;
use proptest::prelude::*;

const BCM4339: &[u8] = include_bytes!("captures/bcm4339.pcap");
const BCM4358: &[u8] = include_bytes!("captures/bcm4358.pcap");
const INTEL: &[u8] = include_bytes!("captures/intel5300.dat");
const ESP32: &[u8] = include_bytes!("captures/esp32_20MHz.csv");

fn read_any(capture: &[u8], options: CaptureOptions) -> (CaptureFormat, Vec<Event>) {
    let reader = AnyReader::new(capture, &options).unwrap();
    (reader.format(), reader.collect::<Result<_, _>>().unwrap())
}

fn refused(bytes: &[u8], chip: Option<Chip>) -> CaptureError {
    AnyReader::new(bytes, &CaptureOptions { chip, ..CaptureOptions::default() }).err().unwrap()
}

#[test]
fn each_format_is_read_as_by_its_own_reader() {
    let options = CaptureOptions::default();
    let nexmon = NexmonReader::new(BCM4339, None).unwrap().map(Result::unwrap).collect();
    assert_eq!(read_any(BCM4339, options), (CaptureFormat::Nexmon, nexmon));
    let intel: Vec<Event> = IntelReader::new(INTEL, false).unwrap().map(Result::unwrap).collect();
    assert_eq!(read_any(INTEL, options), (CaptureFormat::Intel, intel));
    let esp32 = Esp32Reader::new(ESP32, Esp32Estimate::Legacy).unwrap();
    assert_eq!(
        read_any(ESP32, options),
        (CaptureFormat::Esp32, esp32.map(Result::unwrap).collect())
    );
    // Without column names, and with what the device prints first.
    let first = ESP32.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    assert_eq!(read_any(&ESP32[first..], options).0, CaptureFormat::Esp32);
    let boot = [&[b'.'; 40_000], &b"\nboot\n"[..], ESP32].concat();
    assert_eq!(read_any(&boot, options).0, CaptureFormat::Esp32);
}

#[test]
fn options_reach_the_reader() {
    let forced = CaptureOptions { chip: Some(Chip::Bcm4358), ..CaptureOptions::default() };
    assert!(read_any(BCM4358, forced).1.iter().all(|event| matches!(event, Event::Frame(_))));
    assert!(
        read_any(BCM4358, CaptureOptions::default())
            .1
            .iter()
            .all(|event| matches!(event, Event::Skip(_)))
    );
    let scaled = CaptureOptions { scale_intel: true, ..CaptureOptions::default() };
    let intel: Vec<Event> = IntelReader::new(INTEL, true).unwrap().map(Result::unwrap).collect();
    assert_eq!(read_any(INTEL, scaled).1, intel);
}

#[test]
fn chips_that_packets_name_are_told() {
    let notes = |capture: &[u8], chip| {
        let options = CaptureOptions { chip, ..CaptureOptions::default() };
        let mut reader = AnyReader::new(capture, &options).unwrap();
        reader.by_ref().for_each(|event| drop(event.unwrap()));
        (reader.named_chips().to_vec(), reader.chip_notes())
    };
    let (named, none) = notes(BCM4339, None);
    assert_eq!((named.len(), named[0].chip, none.len()), (1, Some(Chip::Bcm4339), 0));
    let n = frames(BCM4339);
    assert_eq!(named[0].packets, n);
    let (_, said) = notes(BCM4339, Some(Chip::Bcm4366c0));
    let expected = format!("{n} packets say bcm4339, the chip was forced to bcm4366c0");
    assert!(said.len() == 1 && said[0].starts_with(&expected), "{said:?}");
    assert_eq!(notes(BCM4339, Some(Chip::Bcm4339)).1, [""; 0]);
    // A number that nobody knows says nothing against the chip that was forced.
    let (named, said) = notes(BCM4358, None);
    assert_eq!(named[0].chip, None);
    let number = format!("chip 0x{:04x}", named[0].number);
    assert!(said[0].contains(&number) && said[0].contains("`--chip`"), "{said:?}");
    assert_eq!(notes(BCM4358, Some(Chip::Bcm4358)).1, [""; 0]);
    assert_eq!(notes(INTEL, None), (vec![], vec![]));
}

fn frames(capture: &[u8]) -> u64 {
    let events = read_any(capture, CaptureOptions::default()).1;
    events.iter().filter(|event| matches!(event, Event::Frame(_))).count() as u64
}

#[test]
fn what_is_no_capture_is_refused_in_words() {
    assert!(matches!(refused(b"", None), CaptureError::Empty));
    assert_eq!(refused(b"", None).to_string(), "it is empty");
    for bytes in [&b"x"[..], b"a table of numbers", &[0; 100_000], &[0, 213, 0xbb, 1, 2, 3]] {
        let text = refused(bytes, None).to_string();
        assert!(text.contains("Nexmon") && text.contains("ESP32"), "{text}");
    }
    let begins = |bytes: &[u8], as_text: &str| {
        let text = refused(bytes, None).to_string();
        assert!(text.starts_with(&format!("it begins with {as_text}; ")), "{text}");
    };
    begins(b"{\"id\": 1}", "7b 22 69 64 (`{\"id`)");
    begins(&[0, 1, 0xff, 0x20, 3], "00 01 ff 20");
    assert!(refused(&[0x1f, 0x8b, 8, 0, 0], None).to_string().contains("gunzip"));
    assert!(refused(&[0x0a, 0x0d, 0x0d, 0x0a, 0, 0], None).to_string().contains("pcapng"));
    assert!(refused(&BCM4339[..10], None).to_string().contains("24 bytes"));
    assert!(refused(ESP32, Some(Chip::Bcm4339)).to_string().contains("pcap"));
    assert!(refused(BCM4339, Some(Chip::Intel5300)).to_string().contains("bb or c1"));
    assert!(refused(BCM4339, Some(Chip::Esp32)).to_string().contains("CSI_DATA"));
}

proptest! {
    /// Nothing panics, the position rises to the end, and skips stand between positions.
    #[test]
    fn damage_is_accounted_for(
        which in 0..3_usize,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40),
        end in any::<prop::sample::Index>(),
    ) {
        let capture = [BCM4339, INTEL, ESP32][which];
        let mut damaged = capture.to_vec();
        for (place, byte) in damage {
            damaged[place.index(capture.len())] = byte;
        }
        damaged.truncate(end.index(capture.len() + 1));
        if let Ok(mut reader) = AnyReader::new(&damaged[..], &CaptureOptions::default()) {
            let mut before = reader.position();
            while let Some(event) = reader.next_event().unwrap() {
                if let Event::Skip(skip) = event {
                    prop_assert_eq!(skip.offset, before);
                    prop_assert_eq!(skip.offset + skip.n_bytes, reader.position());
                }
                prop_assert!(reader.position() > before);
                before = reader.position();
            }
            prop_assert_eq!(before, damaged.len() as u64);
        }
    }
}

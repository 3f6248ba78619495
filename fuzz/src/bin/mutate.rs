//! Stands in for the fuzzer where there is no nightly compiler: changes captures at random, always in
//! the same way, for some seconds.
//!
//!     mutate SECONDS FOLDER

use std::time::{Duration, Instant};

/// SplitMix64 (G. L. Steele, D. Lea, C. H. Flood, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % n.max(1)
    }
}

/// Some changes: bytes, pieces that are cut out, doubled, or taken from another capture.
fn mutate(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut data = seeds[random.below(seeds.len())].clone();
    for _ in 0..1 + random.below(8) {
        let at = random.below(data.len() + 1);
        let length = random.below(1 + (data.len() - at).min(300));
        match random.below(6) {
            0 => data.truncate(at),
            1 => drop(data.drain(at..at + length)),
            2 => {
                let piece = data[at..at + length].to_vec();
                data.splice(at..at, piece);
            }
            3 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len());
                let piece = &other[from..(from + 1 + length).min(other.len())];
                data.splice(at..at, piece.iter().copied());
            }
            4 => {
                data.iter_mut().skip(at).take(4).for_each(|byte| *byte = [0, 0xff][random.below(2)])
            }
            _ => data.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.below(256) as u8),
        }
    }
    data
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let usage = "usage: mutate SECONDS FOLDER";
    let mut arguments = std::env::args().skip(1);
    let seconds: u64 = arguments.next().ok_or(usage)?.parse()?;
    let mut paths: Vec<_> = std::fs::read_dir(arguments.next().ok_or(usage)?)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.sort();
    let is_capture = |path: &std::path::PathBuf| {
        path.extension().is_some_and(|name| name == "pcap" || name == "dat" || name == "csv")
    };
    let seeds: Vec<Vec<u8>> = paths
        .iter()
        .filter(|path| is_capture(path))
        .map(std::fs::read)
        .collect::<Result<_, _>>()?;
    if seeds.is_empty() {
        return Err("the folder holds no captures".into());
    }
    let (mut random, begin, mut n) = (Random(1), Instant::now(), 0_u64);
    while begin.elapsed() < Duration::from_secs(seconds) {
        let data = mutate(&seeds, &mut random);
        metaloc_fuzz::nexmon(&data);
        metaloc_fuzz::intel(&data);
        metaloc_fuzz::esp32(&data);
        metaloc_fuzz::any(&data);
        n += 1;
    }
    println!("{n} damaged captures, nothing broke");
    Ok(())
}

//! How much memory the process takes.

/// Forgets the peak so far, where the system can.
pub(super) fn reset_peak() {
    if cfg!(target_os = "linux") {
        // Where it is refused, the peak is that of the whole process.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
    }
}

/// The most memory that the process had in use at a time (MB); `None` where the system does not
/// tell.
pub(super) fn peak_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    read_peak_mb(&status)
}

fn read_peak_mb(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found() {
        let peak = read_peak_mb("Name:\tx\nVmHWM:\t  125000 kB\nVmRSS:\t 99 kB\n").unwrap();
        assert!((peak - 128.0).abs() < 1e-9, "{peak}");
        assert!(read_peak_mb("Name:\tx\n").is_none());
        reset_peak();
        assert!(peak_mb().is_none_or(|peak| peak > 1.0));
    }
}

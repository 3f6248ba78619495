//! Windows of consecutive packets.

use super::Packets;

/// Consecutive packets of a recording, cleaned: what a fingerprint is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct CsiWindow {
    /// Packets, subcarriers, streams.
    shape: [usize; 3],
    /// `[packets, subcarriers, streams]`, in the configured quantity.
    pub values: Vec<f32>,
    /// Mean received signal strength (dBm) from each access point, where the capture has it.
    pub rssi_dbm: Vec<Option<f32>>,
}

impl CsiWindow {
    /// A window of these values.
    ///
    /// # Panics
    /// If there are not as many values as the shape says.
    #[must_use]
    pub fn new(shape: [usize; 3], values: Vec<f32>, rssi_dbm: Vec<Option<f32>>) -> Self {
        assert_eq!(values.len(), shape.iter().product::<usize>(), "values and shape");
        Self { shape, values, rssi_dbm }
    }

    /// Numbers of packets, subcarriers and streams.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Windows of several access points side by side: their streams are the channels of one image,
    /// in the order given (the paper's Fig. 1 and 2). `None` for none, or for windows with unlike
    /// numbers of packets or subcarriers.
    #[must_use]
    pub fn joined(windows: &[&Self]) -> Option<Self> {
        let [packets, subcarriers, _] = windows.first()?.shape;
        if windows.iter().any(|window| window.shape[..2] != [packets, subcarriers]) {
            return None;
        }
        let streams = windows.iter().map(|window| window.shape[2]).sum();
        let mut values = Vec::with_capacity(packets * subcarriers * streams);
        for pixel in 0..packets * subcarriers {
            for window in windows {
                let n = window.shape[2];
                values.extend_from_slice(&window.values[pixel * n..(pixel + 1) * n]);
            }
        }
        let rssi_dbm = windows.iter().flat_map(|window| window.rssi_dbm.clone()).collect();
        Some(Self { shape: [packets, subcarriers, streams], values, rssi_dbm })
    }
}

/// What became of a recording's frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowReport {
    /// Frames of the recording.
    pub frames: usize,
    /// Dropped: a value that is not finite, or a stream of zeros.
    pub invalid: usize,
    /// Values that the Hampel filter replaced.
    pub spikes: usize,
    /// Dropped: unlike the others.
    pub outliers: usize,
    /// Good frames in no window: too few before a gap or the end.
    pub left_over: usize,
    /// Windows.
    pub windows: usize,
}

impl std::ops::AddAssign for WindowReport {
    fn add_assign(&mut self, other: Self) {
        self.frames += other.frames;
        self.invalid += other.invalid;
        self.spikes += other.spikes;
        self.outliers += other.outliers;
        self.left_over += other.left_over;
        self.windows += other.windows;
    }
}

/// Cuts consecutive packets into windows that share none; `numbers` are the packets' values.
pub(super) fn cut(
    packets: &Packets,
    numbers: &[f32],
    per_window: usize,
    max_gap_s: Option<f64>,
) -> Vec<CsiWindow> {
    let mut windows = Vec::new();
    let mut first = 0;
    for at in 0..packets.time_ns.len() {
        if let (true, Some(max_gap_s)) = (at > first, max_gap_s) {
            let gap_ns = packets.time_ns[at].saturating_sub(packets.time_ns[at - 1]);
            if gap_ns as f64 > 1e9 * max_gap_s {
                first = at;
            }
        }
        if at + 1 - first == per_window {
            windows.push(window(packets, numbers, first..at + 1));
            first = at + 1;
        }
    }
    windows
}

fn window(packets: &Packets, numbers: &[f32], range: std::ops::Range<usize>) -> CsiWindow {
    let n_streams = packets.n_streams;
    // A quantity may make several numbers of a value.
    let length = numbers.len() / packets.time_ns.len().max(1);
    let n_subcarriers = length / n_streams.max(1);
    let mut values = Vec::with_capacity(range.len() * length);
    for packet in range.clone() {
        let packet = &numbers[packet * length..][..length];
        for k in 0..n_subcarriers {
            values.extend((0..n_streams).map(|stream| packet[stream * n_subcarriers + k]));
        }
    }
    let levels: Vec<f32> = packets.rssi_dbm[range.clone()].iter().copied().flatten().collect();
    let mean = levels.iter().sum::<f32>() / levels.len() as f32;
    let rssi_dbm = vec![(!levels.is_empty()).then_some(mean)];
    CsiWindow { shape: [range.len(), n_subcarriers, n_streams], values, rssi_dbm }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_points_become_channels() {
        let window = |values: &[f32], streams| {
            CsiWindow::new([2, 2, streams], values.to_vec(), vec![Some(values[0])])
        };
        let one = window(&[1.0, 2.0, 3.0, 4.0], 1);
        let two = window(&[10.0, 11.0, 20.0, 21.0, 30.0, 31.0, 40.0, 41.0], 2);
        let joined = CsiWindow::joined(&[&one, &two]).unwrap();
        let expected = [1.0, 10.0, 11.0, 2.0, 20.0, 21.0, 3.0, 30.0, 31.0, 4.0, 40.0, 41.0];
        assert_eq!(
            joined,
            CsiWindow::new([2, 2, 3], expected.to_vec(), vec![Some(1.0), Some(10.0)])
        );
        let longer = CsiWindow::new([3, 2, 1], vec![0.0; 6], vec![None]);
        assert_eq!(CsiWindow::joined(&[&one, &longer]), None);
        assert_eq!(CsiWindow::joined(&[]), None);
    }
}

//! Maps of fewer pixels, for where there is less room.

use super::Map;

impl Map {
    /// The map in `size` pixels, each the mean of those that it stands for; nearest ones where there
    /// are more than the map has. None where none of them has a number.
    pub fn resampled(&self, size: [usize; 2]) -> Vec<Option<f64>> {
        let [width, height] = size;
        let [across, rows] = self.pixels;
        let part = |i: usize, of: usize, pixels: usize| {
            let first = i * pixels / of;
            first..((i + 1) * pixels / of).max(first + 1)
        };
        let mut out = Vec::with_capacity(width.saturating_mul(height));
        for row in 0..height {
            for column in 0..width {
                let (mut sum, mut count) = (0.0, 0_u32);
                for y in part(row, height, rows) {
                    for x in part(column, width, across) {
                        if let Some(value) = self.at([x, y]) {
                            sum += value;
                            count += 1;
                        }
                    }
                }
                out.push((count > 0).then(|| sum / f64::from(count)));
            }
        }
        out
    }

    /// The size with the same shape that fits into so many pixels.
    pub fn fitted(&self, [width, height]: [usize; 2]) -> [usize; 2] {
        let [across, rows] = self.pixels.map(|pixels| pixels.max(1));
        let wide = width.min(height.saturating_mul(across) / rows).max(1);
        let tall = (wide.saturating_mul(rows) / across).clamp(1, height.max(1));
        [wide, tall]
    }

    /// The map with at most so many pixels along the longer side.
    #[must_use]
    pub fn reduced(&self, most: usize) -> Self {
        if self.pixels.iter().all(|pixels| *pixels <= most) {
            return self.clone();
        }
        let size = self.fitted([most; 2]);
        let pixels = self.resampled(size);
        Self {
            pixels: size,
            covered: Some(pixels.iter().map(Option::is_some).collect()),
            values: pixels.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect(),
            ..self.clone()
        }
    }
}

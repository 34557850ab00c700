//! Columns as simulations write them.

use std::fmt;

/// Bytes of a column.
pub(crate) const LEN: usize = 32 << 20;

/// What a column holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Column {
    /// A smooth field with noise down to the last bit.
    Rho,
    /// Cell indices: integers as doubles.
    Cell,
    /// A field that was computed in single precision.
    Single,
    /// Byte planes of [`Single`](Self::Single).
    SingleShuffled,
    /// Byte planes of [`Cell`](Self::Cell).
    CellShuffled,
    /// One number.
    Constant,
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

pub(crate) const ALL: [Column; 6] = [
    Column::Rho,
    Column::Cell,
    Column::Single,
    Column::SingleShuffled,
    Column::CellShuffled,
    Column::Constant,
];

/// The bytes of a column.
pub(crate) fn bytes(column: Column) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let unit = |word: u64| f64::from(u32::try_from(word >> 32).unwrap_or(0)) / 4_294_967_296.0;
    let count = u32::try_from(LEN / 8).unwrap_or(u32::MAX);
    let doubles: Vec<f64> = match column {
        Column::Rho => (0..count)
            .map(|i| (f64::from(i) * 1e-5).sin().mul_add(3.0, 5.0) * (1.0 + 0.01 * unit(noise())))
            .collect(),
        Column::Cell | Column::CellShuffled => {
            let mut cell = 0_u64;
            (0..count)
                .map(|i| {
                    if i % 8 == 0 {
                        cell = (cell + noise() % 5) % 4096;
                    }
                    f64::from(u32::try_from(cell).unwrap_or(0) + (i & 1))
                })
                .collect()
        }
        Column::Single | Column::SingleShuffled => (0..count)
            .map(|i| {
                let value = (f64::from(i) * 1e-5).sin().mul_add(3.0, 5.0);
                let single = value * (1.0 + 0.001 * unit(noise()));
                #[expect(clippy::cast_possible_truncation, reason = "that is the point")]
                f64::from(single as f32)
            })
            .collect(),
        Column::Constant => vec![42.5; count as usize],
    };
    let plain: Vec<u8> = doubles.iter().flat_map(|value| value.to_le_bytes()).collect();
    match column {
        Column::SingleShuffled | Column::CellShuffled => {
            (0..8).flat_map(|k| plain.iter().skip(k).step_by(8).copied()).collect()
        }
        _ => plain,
    }
}

//! Decodes any bytes with any pipeline. The input starts with the pipeline: number of filters,
//! mask, decoded length, one byte for each filter.
#![no_main]

use jldconv::codec::{Filter, decoder, ids};
use jldconv_fuzz::memory;
use libfuzzer_sys::fuzz_target;
use std::io::Read;

/// More is not asked for.
const MOST: u64 = 8 << 20;

fn run(data: &[u8]) -> Option<()> {
    let (&count, rest) = data.split_first()?;
    let (&mask, rest) = rest.split_first()?;
    let (len, rest) = rest.split_first_chunk::<4>()?;
    let (kinds, payload) = rest.split_at_checked(usize::from(count % 5))?;
    let filters: Vec<Filter> = kinds
        .iter()
        .map(|kind| {
            let id = match kind % 8 {
                0 => ids::DEFLATE,
                1 => ids::SHUFFLE,
                2 => ids::BZIP2,
                3 | 4 => ids::LZ4,
                5 | 6 => ids::ZSTD,
                _ => u16::from(*kind),
            };
            Filter::new(id, [u32::from(kind >> 3)], Some("name"))
        })
        .collect();
    let len = u64::from(u32::from_le_bytes(*len));
    // Some lengths are absurd on purpose.
    let len = if mask & 0x80 != 0 { len << 24 } else { len };
    let mut reader = decoder(&filters, u32::from(mask & 0x7f), &payload, len).ok()?;
    let mut total = 0;
    let mut buffer = vec![0; 64 << 10];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => {
                assert_eq!(total, len, "a wrong count is never quiet");
                return Some(());
            }
            Ok(n) => total += n as u64,
            Err(error) => {
                assert!(error.to_string().len() < 2000);
                return None;
            }
        }
        if total > MOST {
            return None;
        }
    }
}

fuzz_target!(|data: &[u8]| {
    memory::bounded(|| run(data));
});

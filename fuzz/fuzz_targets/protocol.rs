//! Takes any bytes as frames of both sides, in pieces of any size.
#![no_main]

use jldconv::protocol::{Decoder, FRAME_MAX, FromWorker, ToWorker, decode, encode};
use jldconv_fuzz::memory;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&step, bytes)) = data.split_first() else { return };
    memory::bounded(|| {
        let mut decoder = Decoder::default();
        'all: for piece in bytes.chunks(usize::from(step).max(1)) {
            decoder.push(piece);
            loop {
                let next = if step & 1 == 0 {
                    decoder.take::<FromWorker>().map(|m| m.map(|m| encode(&m)))
                } else {
                    decoder.take::<ToWorker>().map(|m| m.map(|m| encode(&m)))
                };
                match next {
                    Ok(Some(encoded)) => {
                        let encoded = encoded.unwrap_or_else(|e| panic!("what was read: {e}"));
                        assert!(encoded.len() <= FRAME_MAX as usize + 4);
                    }
                    Ok(None) => break,
                    Err(_) => break 'all,
                }
            }
            assert!(decoder.pending() <= FRAME_MAX as usize + 4 + 255);
        }
        let _ = decode::<FromWorker>(bytes);
        let _ = decode::<ToWorker>(bytes);
    });
});

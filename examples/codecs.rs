//! The codecs alone on the columns of a file, on one thread, from memory to memory: what a rewrite
//! and a check of content are held against by `scripts/bench`. Tells it in one line of JSON.

use anyhow::{Context as _, Result};
use jldconv::codec::LZ4_BLOCK_SIZE;
use jldconv::h5::{Dataset, File, Object, Trace, Visitor};
use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// Datasets behind a filter.
#[derive(Default)]
struct Columns(Vec<Dataset>);

impl Visitor for Columns {
    fn object(&mut self, object: &Object, _: &str) -> jldconv::h5::Result<()> {
        if let Some(d) = object.dataset().filter(|d| d.layout.single_chunk().is_some()) {
            self.0.push(d.clone());
        }
        Ok(())
    }
}

fn timed<T>(spent: &mut Duration, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let begin = Instant::now();
    let made = work();
    *spent += begin.elapsed();
    made
}

fn main() -> Result<()> {
    let path = std::env::args_os().nth(1).context("usage: codecs FILE (with LZ4 frame columns)")?;
    let file = File::open(Path::new(&path))?;
    let mut columns = Columns::default();
    Trace::run(&file, &mut columns)?;
    let [mut decode, mut lz4, mut zstd] = [Duration::ZERO; 3];
    let (mut stored_bytes, mut raw_bytes) = (0, 0);
    for column in &columns.0 {
        let mut stored = Vec::new();
        file.stored(column)?.read_to_end(&mut stored)?;
        stored_bytes += stored.len();
        let mut frame = lz4_flex::frame::FrameDecoder::new(stored.as_slice());
        // Blocks as a rewrite has them at hand: in the cache of the processor.
        let mut block = vec![0; LZ4_BLOCK_SIZE as usize];
        let mut zstd_stream = zstd::Encoder::new(std::io::sink(), 3)?;
        let mut packed = vec![0; lz4_flex::block::get_maximum_output_size(block.len())];
        loop {
            let mut have = 0;
            timed(&mut decode, || {
                while let Some(rest) = block.get_mut(have..).filter(|rest| !rest.is_empty()) {
                    match frame.read(rest)? {
                        0 => break,
                        n => have += n,
                    }
                }
                Ok(())
            })?;
            let Some(bytes) = block.get(..have).filter(|bytes| !bytes.is_empty()) else { break };
            raw_bytes += have;
            timed(&mut lz4, || Ok(black_box(lz4_flex::block::compress_into(bytes, &mut packed)?)))?;
            timed(&mut zstd, || Ok(zstd_stream.write_all(bytes)?))?;
        }
        timed(&mut zstd, || Ok(zstd_stream.finish()?))?;
    }
    let told = serde_json::json!({
        "columns": columns.0.len(),
        "stored_bytes": stored_bytes,
        "raw_bytes": raw_bytes,
        "decode": decode.as_secs_f64(),
        "lz4": lz4.as_secs_f64(),
        "zstd:3": zstd.as_secs_f64(),
    });
    println!("{told}");
    Ok(())
}

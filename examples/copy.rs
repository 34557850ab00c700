//! Copies one file as a conversion does, syncs it, and tells what it took, as one line of JSON.
//! `scripts/bench-copy` holds this against `cp`.

use jldconv::sys::copy::copy_file;
use std::fs::File;
use std::ops::ControlFlow;
use std::time::Instant;

/// Anonymous memory of this process in KiB.
fn rss_anon() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [src, dst] = <[String; 2]>::try_from(std::env::args().skip(1).collect::<Vec<_>>())
        .map_err(|_| "usage: copy SOURCE NEW-FILE")?;
    let begin = Instant::now();
    let src = File::open(src)?;
    let dst = File::options().read(true).write(true).create_new(true).open(dst)?;
    let len = src.metadata()?.len();
    let (mut peak, mut calls) = (rss_anon(), 0_u64);
    let method = copy_file(&src, &dst, len, &mut |_| {
        calls += 1;
        if calls.is_multiple_of(64) {
            peak = peak.max(rss_anon());
        }
        ControlFlow::Continue(())
    })?;
    let copied = begin.elapsed().as_secs_f64();
    dst.sync_all()?;
    let durable = begin.elapsed().as_secs_f64();
    println!(
        "{{\"method\": \"{method:?}\", \"bytes\": {len}, \"copied\": {copied:.4}, \
         \"durable\": {durable:.4}, \"rss_anon_kib\": {peak}}}"
    );
    Ok(())
}

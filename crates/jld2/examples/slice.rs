//! Reads some numbers out of the middle of an array, with the file opened anew each time, and says how
//! long that took and how many bytes of the file were read: `slice FILE DATASET FIRST COUNT ROUNDS`.

use jld2::{Error, File, Result};
use std::time::Instant;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [path, dataset, rest @ ..] = args.as_slice() else {
        return Err(Error::not_found("FILE and DATASET among the arguments"));
    };
    let number = |i: usize, or: u64| rest.get(i).and_then(|n| n.parse().ok()).unwrap_or(or);
    let (first, count, rounds) = (number(0, 0), number(1, 1000), number(2, 5));
    for _ in 0..rounds {
        let start = Instant::now();
        let file = File::open(path)?;
        let some: Vec<f64> = file.dataset(dataset)?.slice(first..first.saturating_add(count))?;
        let took = start.elapsed();
        let read = file.container().source().bytes_read();
        let sum: f64 = some.iter().sum();
        println!("{:.3} ms, {read} bytes read, sum {sum}", took.as_secs_f64() * 1e3);
    }
    Ok(())
}

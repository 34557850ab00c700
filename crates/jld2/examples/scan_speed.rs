//! Tells how fast a column is read: decoded and thrown away, and through `Scan`, summed.
//!
//!     cargo run --release -p jld2 --example scan_speed -- FILE PATH [ROUNDS]
//!
//! PATH is that of an array of Float64. Both are done in turns, on one thread and on all cores; the
//! best of each counts.

use jld2::julia::Column;
use jld2::{Error, File, Scan};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(path), Some(dataset)) = (args.next(), args.next()) else {
        return Err("FILE and PATH are missing".into());
    };
    let rounds: u32 = args.next().map_or(Ok(5), |text| text.parse())?;
    let file = File::open(path)?;
    let [mut decoder, mut one, mut all] = [f64::INFINITY; 3];
    let mut sums = Vec::new();
    for _ in 0..rounds {
        let array = file.dataset(&dataset)?;
        let begin = Instant::now();
        decode(&file, &array)?;
        decoder = decoder.min(begin.elapsed().as_secs_f64());
        for (threads, best) in [(Some(1), &mut one), (None, &mut all)] {
            let mut scan = Scan::over(vec![array.clone()])?;
            if let Some(threads) = threads {
                scan = scan.with_threads(threads);
            }
            let begin = Instant::now();
            sums.push(sum(&scan)?);
            *best = best.min(begin.elapsed().as_secs_f64());
        }
    }
    let bytes = file.dataset(&dataset)?.count::<f64>()? * 8;
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    let rate = |seconds: f64| bytes as f64 / seconds / 1e6;
    println!("decoder        {:8.0} MB/s", rate(decoder));
    println!("scan, 1 thread {:8.0} MB/s, {:.2} of it", rate(one), decoder / one);
    println!("scan, all      {:8.0} MB/s, {:.2} of it", rate(all), decoder / all);
    assert!(sums.windows(2).all(|pair| matches!(pair, [a, b] if a.to_bits() == b.to_bits())));
    Ok(())
}

fn decode(file: &File, array: &jld2::Dataset<'_>) -> Result<(), Error> {
    let Some(data) = array.object().dataset() else { return Ok(()) };
    let datatype = file.container().resolve(&data.datatype)?;
    let column = Column::new(file.container(), data, &datatype)?;
    let mut stream = column.open()?;
    let mut window = vec![0; 256 << 10];
    while stream.left() > 0 {
        let len = usize::try_from(stream.left()).unwrap_or(usize::MAX).min(window.len());
        if let Some(window) = window.get_mut(..len) {
            stream.fill(window)?;
        }
    }
    stream.finish()
}

fn sum(scan: &Scan<'_>) -> Result<f64, Error> {
    let (mut lanes, mut rest) = ([0.0; 8], 0.0);
    scan.run(0..scan.len(), |rows| {
        for column in rows.columns() {
            // Several numbers at a time: one after the other, additions would take longer than reading.
            let (numbers, _) = column.bytes().as_chunks::<8>();
            let (groups, last) = numbers.as_chunks::<8>();
            for group in groups {
                for (lane, number) in lanes.iter_mut().zip(group) {
                    *lane += f64::from_le_bytes(*number);
                }
            }
            rest += last.iter().map(|number| f64::from_le_bytes(*number)).sum::<f64>();
        }
        Ok::<_, Error>(())
    })?;
    Ok(lanes.iter().sum::<f64>() + rest)
}

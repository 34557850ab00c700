//! Makes Mera files of any size for measurements, and files of very many small things:
//!
//! ```text
//! cargo run --release --example generate -- OUT_DIR --files 3 --size 2GiB
//! cargo run --release --example generate -- OUT_DIR --files 2000 --size 100kB
//! cargo run --release --example generate -- OUT_DIR --size 200GiB --codec sparse
//! cargo run --release --example generate -- OUT_DIR --many boxed --count 10000000
//! ```

mod many;
mod mera;

use anyhow::{Context as _, Result};
use bytesize::ByteSize;
use clap::{Parser, ValueEnum as _};
use mera::{Packing, TABLES, Template};
use std::fs;
use std::path::{Path, PathBuf};

/// Makes Mera files of any size, from a small real one and columns that are made up.
#[derive(Debug, Parser)]
struct Args {
    /// Where the files go; `output_00001.jld2` and so on.
    out_dir: PathBuf,
    /// How many.
    #[arg(long, default_value_t = 1)]
    files: u32,
    /// Bytes of each, about.
    #[arg(long, default_value = "100MiB")]
    size: ByteSize,
    /// How columns are compressed.
    #[arg(long, value_enum, default_value = "lz4-frame")]
    codec: Packing,
    /// Which kinds of data a file holds.
    #[arg(long, value_delimiter = ',', default_value = "hydro",
        value_parser = clap::builder::PossibleValuesParser::new(TABLES))]
    columns: Vec<String>,
    /// Seed of the values; each file counts on from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The real file; by default one of the tests' that was written with this codec.
    #[arg(long)]
    template: Option<PathBuf>,
    /// Instead of Mera files: files of very many small things of this kind, named after it.
    #[arg(long, value_enum, conflicts_with_all = ["size", "codec", "columns", "seed", "template"])]
    many: Option<many::Kind>,
    /// How many of them.
    #[arg(long, default_value_t = 1_000_000, requires = "many",
        value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(kind) = args.many {
        return write_many(&args, kind);
    }
    let path = args.template.clone().unwrap_or_else(|| template_of(args.codec));
    let tables: Vec<&str> = args.columns.iter().map(String::as_str).collect();
    let template = Template::read(&path, &tables)?;
    let rows = template.rows_for(args.size.as_u64(), args.codec)?;
    fs::create_dir_all(&args.out_dir)?;
    let mut total = 0;
    for (number, seed) in (1..=args.files).zip(args.seed..) {
        let path = args.out_dir.join(format!("output_{number:05}.jld2"));
        let made = fs::File::create(&path)
            .map_err(Into::into)
            .and_then(|out| template.write(&out, rows, args.codec, seed));
        total += made.with_context(|| path.display().to_string())?;
    }
    println!("{} files, {} bytes, {rows} rows each", args.files, total);
    Ok(())
}

fn write_many(args: &Args, kind: many::Kind) -> Result<()> {
    fs::create_dir_all(&args.out_dir)?;
    let named = kind.to_possible_value().context("a kind without a name")?;
    let mut total = 0;
    for number in 1..=args.files {
        let path = args.out_dir.join(format!("{}_{number:05}.jld2", named.get_name()));
        let made = fs::File::create(&path)
            .map_err(Into::into)
            .and_then(|out| many::write(&out, kind, args.count));
        total += made.with_context(|| path.display().to_string())?;
    }
    println!("{} files, {} bytes, {} of {kind:?} each", args.files, total, args.count);
    Ok(())
}

/// The tests' file for a codec. LZ4 frames and no compression are of the Mera versions that people
/// have most files of.
fn template_of(codec: Packing) -> PathBuf {
    let name = match codec {
        Packing::Lz4Frame => "e4b-lz4/output_00100.jld2",
        Packing::Lz4 => "e8-lz4filter/output_00400.jld2",
        Packing::Deflate => "e0-zlib/output_00007.jld2",
        Packing::None | Packing::Sparse => "e4b-none/output_00021.jld2",
    };
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera").join(name)
}

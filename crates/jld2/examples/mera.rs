//! Reads a file of Mera: a column, a part of it, a struct and a dictionary: `mera [FILE]`.

use jld2::{Error, File, Result, Value};

fn main() -> Result<()> {
    let path = std::env::args_os().nth(1).unwrap_or("tests/data/indexed_table.jld2".into());
    let file = File::open(path)?;

    let table = file.dataset("hydro/data")?.table_in("data")?;
    let table = table.ok_or_else(|| Error::not_found("table").in_object("/hydro/data"))?;
    let rho: Vec<f64> = table.column("rho")?.read()?;
    let some: Vec<f64> = table.column("rho")?.slice(0..table.len().min(3))?;
    println!("{} rows, the last {:?}, the first {some:?}", table.len(), rho.last());

    let info = file.dataset("hydro/info")?.value()?;
    for (name, number) in info.fields().filter_map(|(name, v)| Some((name, v.as_f64()?))) {
        println!("{name} = {number}");
    }
    let kpc = info.field("scale").and_then(|scale| scale.field("kpc")).and_then(Value::as_f64);

    let storage = file.dataset("hydro/information/storage")?.value()?;
    storage.pairs().for_each(|(key, value)| println!("{key} => {value}"));
    println!("kpc: {kpc:?}, snapshot: {:?}", storage.get("snapshot").and_then(Value::as_i64));
    Ok(())
}

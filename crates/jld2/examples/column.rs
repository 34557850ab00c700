//! Reads and slices a column of a table: `column FILE DATASET FIELD COLUMN`.

use jld2::{Error, File, Result};

fn main() -> Result<()> {
    let defaults = ["tests/data/indexed_table.jld2", "hydro/data", "data", "rho"];
    let mut args = std::env::args().skip(1);
    let [path, dataset, field, column] = defaults.map(|or| args.next().unwrap_or(or.to_owned()));

    let file = File::open(path)?;
    let table = file.dataset(&dataset)?.table_in(&field)?;
    let table = table.ok_or_else(|| Error::not_found("table").in_object(&dataset))?;
    println!("{} rows of {}", table.len(), table.names().collect::<Vec<_>>().join(", "));

    let column = table.column(&column)?;
    let values: Vec<f64> = column.read()?;
    println!("{}: sum {}", column.path(), values.iter().sum::<f64>());

    let some: Vec<f64> = column.slice(0..table.len().min(5))?;
    println!("the first: {some:?}");
    Ok(())
}

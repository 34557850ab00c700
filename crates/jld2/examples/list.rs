//! Lists the datasets of a file with their types and shapes: `list FILE`.

use jld2::{File, Group, Item, Result};

fn list(group: &Group<'_>, depth: usize) -> Result<()> {
    for item in group.iter() {
        let item = item?;
        let name = item.path().rsplit('/').next().unwrap_or_default();
        let indent = "  ".repeat(depth);
        match &item {
            Item::Group(inner) => {
                println!("{indent}{name}/");
                list(inner, depth + 1)?;
            }
            Item::Dataset(data) => {
                println!("{indent}{name}: {} {:?}", data.julia_type()?, data.dims()?);
            }
            _ => println!("{indent}{name} (a type)"),
        }
    }
    Ok(())
}

fn main() -> Result<()> {
    let path = std::env::args_os().nth(1).unwrap_or("tests/data/dicts.jld2".into());
    list(&File::open(path)?.root(), 0)
}

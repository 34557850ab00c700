//! Walks through a struct and a Dict by name: `walk`.

use jld2::{File, Result, Value};

fn show(name: &str, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Struct(s) => {
            println!("{indent}{name}: {}", s.julia_type);
            value.fields().for_each(|(field, value)| show(field, value, depth + 1));
        }
        Value::Dict(dict) => {
            println!("{indent}{name}: {}", dict.julia_type);
            value.pairs().for_each(|(key, value)| show(&key.to_string(), value, depth + 1));
        }
        other => println!("{indent}{name} = {other}"),
    }
}

fn main() -> Result<()> {
    let structs = File::open("tests/data/structs.jld2")?;
    show("added", &structs.dataset("added")?.value()?, 0);

    let holder = File::open("tests/data/dicts.jld2")?.dataset("holder")?.value()?;
    show("holder", &holder, 0);
    let a = holder.field("d").and_then(|d| d.get("a")).and_then(Value::as_i64);
    println!("holder.d[\"a\"] is {a:?}");
    Ok(())
}

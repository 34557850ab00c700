//! Data frames that contradict themselves, or claim very much.

use crate::h5::{Datatype, Error, Extent, RelAddr};
use crate::julia::sample::World;
use crate::julia::{Columns, Record, TableKind, TypeTable};

type Found = Result<Option<Columns>, Error>;

fn references(world: &mut World, to: &[RelAddr]) -> RelAddr {
    let bytes: Vec<u8> = to.iter().flat_map(|a| a.0.to_le_bytes()).collect();
    world.plain(&Datatype::reference(), Extent::Simple, &[to.len() as u64], &bytes)
}

/// A data frame with these columns and this vector of names.
fn frame(mut world: World, columns: &[RelAddr], names: RelAddr) -> Found {
    let columns = references(&mut world, columns);
    let two = |a: &str, b: &str| {
        Datatype::record([(a.into(), Datatype::reference()), (b.into(), Datatype::reference())])
    };
    let index = world.commit("DataFrames.Index", &[], &two("lookup", "names"), &[]);
    let both = |a: RelAddr, b: RelAddr| [a.0.to_le_bytes(), b.0.to_le_bytes()].concat();
    let index = world.scalar(index, &both(RelAddr::NULL, names));
    let t = world.commit("DataFrames.DataFrame", &[], &two("columns", "colindex"), &[]);
    let addr = world.scalar(t, &both(columns, index));
    let file = world.finish(&[("df", addr)]);
    let types = TypeTable::new(&file);
    Columns::of(&Record::at(&types, addr)?.unwrap())
}

fn named(world: &mut World, names: &[&str]) -> RelAddr {
    let bytes: Vec<u8> = names.iter().flat_map(|name| world.text(name)).collect();
    world.plain(&Datatype::vlen_string(), Extent::Simple, &[names.len() as u64], &bytes)
}

fn column(world: &mut World) -> RelAddr {
    world.plain(&Datatype::integer(8, true), Extent::Simple, &[1], &[7; 8])
}

#[test]
fn columns_go_by_their_names_in_order() {
    let mut world = World::new();
    let (a, b) = (column(&mut world), column(&mut world));
    let names = named(&mut world, &["b", "a"]);
    let found = frame(world, &[b, a], names).unwrap().unwrap();
    assert_eq!(found.kind, TableKind::DataFrame);
    assert_eq!(found.columns, [("b".to_owned(), b), ("a".to_owned(), a)]);
}

#[test]
fn names_and_columns_must_agree() {
    let mut world = World::new();
    let a = column(&mut world);
    let names = named(&mut world, &["a", "b"]);
    let said = frame(world, &[a], names).unwrap_err().to_string();
    assert!(said.ends_with("data frame: expected 1 names of columns, found 2"), "{said}");

    let mut world = World::new();
    let names = named(&mut world, &["a"]);
    let said = frame(world, &[RelAddr::NULL], names).unwrap_err().to_string();
    assert!(said.ends_with("expected a column, found none"), "{said}");

    let mut world = World::new();
    let a = column(&mut world);
    let names = references(&mut world, &[a]);
    let said = frame(world, &[a], names).unwrap_err().to_string();
    assert!(said.contains("name of a column: expected a symbol"), "{said}");
}

#[test]
fn what_is_not_made_of_vectors_is_not_a_data_frame() {
    let mut world = World::new();
    let a = column(&mut world);
    assert_eq!(frame(world, &[a], a).unwrap(), None);
}

#[test]
fn one_long_name_for_all_columns_does_not_take_memory_without_end() {
    let mut world = World::new();
    let a = column(&mut world);
    let long = world.text(&"n".repeat(1 << 20));
    let bytes = long.repeat(1000);
    let names = world.plain(&Datatype::vlen_string(), Extent::Simple, &[1000], &bytes);
    let said = frame(world, &[a; 1000], names).unwrap_err().to_string();
    assert!(said.contains("takes more than") || said.contains("endlessly repeated"), "{said}");
}

//! Honest values.

use crate::h5::{Datatype, Extent, File, RelAddr};
use crate::julia::sample::World;
use crate::julia::{Digest, Dumper, TypeTable, datasets};

fn dump(file: &File) -> serde_json::Value {
    let types = TypeTable::new(file);
    let mut out = Vec::new();
    Dumper::new(&types, Digest::Sha256).all(&datasets(file).unwrap(), &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn a_long_string_is_streamed() {
    let mut world = World::new();
    let long = "Grüße, 🦀! ".repeat(30_000);
    let d = Datatype::new(crate::h5::Class::String, u32::try_from(long.len()).unwrap());
    let top = world.plain(&d, Extent::Scalar, &[], long.as_bytes());
    let n = long.len() as u64;
    let old = world.plain(&d, Extent::Simple, &[n], long.as_bytes());
    let vlen = world.text(&long);
    let field = world.plain(&Datatype::vlen_string(), Extent::Simple, &[1], &vlen);
    let dumped = dump(&world.finish(&[("top", top), ("old", old), ("field", field)]));
    assert_eq!(dumped["/top"]["v"], long);
    assert_eq!(dumped["/top"]["t"], "Core.String");
    assert_eq!(dumped["/old"]["v"], long, "as JLD2 0.1.12 to 0.3.1 declared it");
    assert_eq!(dumped["/field"]["items"][0]["v"], long);
}

#[test]
fn long_lists_are_followed() {
    let mut world = World::new();
    let node = Datatype::record([("next".into(), Datatype::reference())]);
    let node = world.commit("Main.Node", &[], &node, &[]);
    let mut next = RelAddr::NULL;
    for _ in 0..2999 {
        next = world.scalar(node, &next.0.to_le_bytes());
    }
    let dumped = {
        let file = world.finish(&[("list", next)]);
        let types = TypeTable::new(&file);
        let mut out = Vec::new();
        Dumper::new(&types, Digest::Sha256).node(next, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(dumped.matches("Main.Node").count(), 2999);
    assert!(dumped.contains("{\"next\":null}"));
}

#[test]
fn a_list_that_ends_in_itself_is_told_by_a_reference() {
    let mut world = World::new();
    let node = Datatype::record([("next".into(), Datatype::reference())]);
    let node = world.commit("Main.Node", &[], &node, &[]);
    let here = world.sample.next();
    let list = world.scalar(node, &here.0.to_le_bytes());
    assert_eq!(list, here);
    let dumped = dump(&world.finish(&[("list", list)]));
    assert_eq!(dumped["/list"]["fields"]["next"]["ref"], dumped["/list"]["id"]);
}

#[test]
fn tuples_leave_elements_without_data_out() {
    let mut world = World::new();
    let nothing = world.commit_empty("Core.Nothing");
    let int = world.type_object("Core.Int64", &[]);
    let layout = Datatype::record([
        ("1".into(), Datatype::integer(8, true)),
        ("3".into(), Datatype::integer(8, true)),
    ]);
    let tuple = world.commit("Core.Tuple", &[int, nothing, int], &layout, &[]);
    let data: Vec<u8> = [5_i64, -7].iter().flat_map(|i| i.to_le_bytes()).collect();
    let t = world.scalar(tuple, &data);
    let items = &dump(&world.finish(&[("t", t)]))["/t"]["items"];
    assert_eq!((&items[0]["v"], &items[2]["v"]), (&5.into(), &(-7).into()));
    assert_eq!(items[1]["t"], "Core.Nothing");
}

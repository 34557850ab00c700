//! Values and types that contain themselves, or double with each level.

use crate::h5::{Class, Datatype, Extent, File, Member, RelAddr};
use crate::julia::sample::World;
use crate::julia::{Digest, Dumper, TypeTable, datasets};
use std::io;

/// What the dump of the file says; it ends, whatever is in the file.
fn say(file: &File) -> String {
    let types = TypeTable::new(file);
    let listed = datasets(file).unwrap();
    match Dumper::new(&types, Digest::Xxh3).all(&listed, &mut io::sink()) {
        Ok(()) => "fine".into(),
        Err(error) => error.to_string(),
    }
}

fn reference() -> Datatype {
    Datatype::record([("x".into(), Datatype::reference())])
}

#[test]
fn a_list_without_end_is_cut() {
    // On a small stack, like that of a test or of a worker's thread.
    let mut world = World::new();
    let node = world.commit("Main.Node", &[], &reference(), &[]);
    let mut next = RelAddr::NULL;
    for _ in 0..100_000 {
        next = world.scalar(node, &next.0.to_le_bytes());
    }
    let file = world.finish(&[("list", next)]);
    let said = std::thread::scope(|s| {
        let small = std::thread::Builder::new().stack_size(1 << 20);
        small.spawn_scoped(s, || say(&file)).unwrap().join().unwrap()
    });
    assert!(said.starts_with("/list: ") && said.contains("10000 levels"), "{said}");
}

#[test]
fn a_record_that_contains_itself_is_cut() {
    let mut world = World::new();
    // A compound of the same size, as far as the enclosing type says.
    let part = Datatype::record([("x".into(), Datatype::new(Class::Opaque, 8))]);
    let member = |name: &str| Member { name: name.into(), offset: 0, datatype: part.clone() };
    let layout = Datatype::new(Class::Compound(vec![member("a"), member("b")]), 8);
    let value = world.type_value("Main.Self", &[]);
    let here = world.sample.next();
    let _ = value;
    // The type's address is known once its name is in a heap: commit it after a dry run.
    let probe = world.commit("Main.Self", &[], &layout, &[here, here]);
    let length = world.sample.next().0 - probe.0;
    let heap = probe.0 - here.0;
    let next = RelAddr(world.sample.next().0.next_multiple_of(8) + heap);
    let t = world.commit("Main.Self", &[], &layout, &[next, next]);
    assert_eq!((t, world.sample.next().0 - t.0), (next, length));
    let d = world.scalar(t, &[0; 8]);
    let said = say(&world.finish(&[("d", d)]));
    assert!(said.contains("64 levels of records"), "{said}");
}

#[test]
fn an_object_written_as_itself_is_cut() {
    let mut world = World::new();
    let long = world.commit("Main.Long", &[], &Datatype::reference(), &[]);
    let here = world.sample.next();
    let d = world.scalar(long, &here.0.to_le_bytes());
    assert_eq!(d, here);
    let said = say(&world.finish(&[("d", d)]));
    assert!(said.contains("10000 levels"), "{said}");
}

#[test]
fn a_pair_that_refers_to_itself_is_cut() {
    let mut world = World::new();
    let pair = world.commit("Main.Twin", &[], &Datatype::reference(), &[]);
    let here = world.sample.next();
    let looped = world.scalar(pair, &here.0.to_le_bytes());
    let pairs = world.plain(&Datatype::reference(), Extent::Simple, &[1], &looped.0.to_le_bytes());
    let written = world.type_value("JLD2.SerializedDict", &[]);
    let written = world.julia_type("written_type", &written);
    let value = world.type_value("Base.Dict", &[]);
    let value = world.julia_type("julia_type", &value);
    let layout = crate::h5::encode::datatype(&reference());
    let layout = crate::h5::encode::NewMessage::new(crate::h5::kind::DATATYPE, 0x40, layout);
    let dict = world.sample.object(&[layout, value, written]);
    let d = world.scalar(dict, &pairs.0.to_le_bytes());
    let said = say(&world.finish(&[("d", d)]));
    assert!(said.contains("10000 levels"), "{said}");
}

#[test]
fn tuples_that_share_their_parts_do_not_double_without_end() {
    let mut world = World::new();
    let any = world.type_object("Core.Any", &[]);
    let layout = Datatype::record([
        ("1".into(), Datatype::reference()),
        ("2".into(), Datatype::reference()),
    ]);
    let tuple = world.commit("Core.Tuple", &[any, any], &layout, &[]);
    let mut below = RelAddr::NULL;
    for _ in 0..64 {
        below = world.scalar(tuple, &[below.0.to_le_bytes(), below.0.to_le_bytes()].concat());
    }
    let said = say(&world.finish(&[("t", below)]));
    assert!(said.contains("overlapping or endlessly repeated"), "{said}");
}

#[test]
fn types_that_share_their_parts_do_not_double_without_end() {
    // As values, which are read anew each time, and as committed types, which are remembered.
    let mut world = World::new();
    let mut t = world.type_object("Core.Int64", &[]);
    for _ in 0..20 {
        t = world.type_object("Core.Pair", &[t, t]);
    }
    let said = say(&world.finish(&[("t", t)]));
    assert!(said.contains("parts"), "{said}");

    let mut world = World::new();
    let int = Datatype::integer(8, true);
    let mut t = world.commit("Main.Int", &[], &int, &[]);
    for _ in 0..20 {
        t = world.commit("Main.Pair", &[t, t], &int, &[]);
    }
    let d = world.scalar(t, &[0; 8]);
    let said = say(&world.finish(&[("d", d)]));
    assert!(said.contains("parts"), "{said}");
}

#[test]
fn a_type_that_is_its_own_parameter_is_cut() {
    let mut world = World::new();
    // name's heap, parameters' heap, then the object.
    let here = world.sample.next().0.next_multiple_of(8);
    let heap = 16 + 4096;
    let own = RelAddr(here + 2 * heap);
    let t = world.type_object("Main.Self", &[own]);
    assert_eq!(t, own);
    let said = say(&world.finish(&[("t", t)]));
    assert!(said.contains("at most 200 steps"), "{said}");
}

#[test]
fn tuples_of_tuples_are_not_spelled_without_end() {
    let mut world = World::new();
    let n = world.plain(&Datatype::integer(8, true), Extent::Scalar, &[], &4096_i64.to_le_bytes());
    let mut t = world.type_object("Core.Int64", &[]);
    for _ in 0..5 {
        t = world.type_object("NTuple", &[n, t]);
    }
    let said = say(&world.finish(&[("t", t)]));
    assert!(said.contains("written out"), "{said}");
}

#[test]
fn long_names_that_many_parts_share_are_not_repeated_without_end() {
    let mut world = World::new();
    let long = world.text(&"x".repeat(100_000));
    let layout = (1..=300).map(|i| (i.to_string(), Datatype::vlen_string()));
    let symbol = world.type_object("Core.Symbol", &[]);
    let names = world.commit("Core.Tuple", &[symbol], &Datatype::record(layout), &[]);
    let names = world.scalar(names, &long.repeat(300));
    let t = world.type_object("Core.NamedTuple", &[names]);
    let said = say(&world.finish(&[("t", t)]));
    assert!(said.contains("bytes of names"), "{said}");
}

#[test]
fn elements_without_data_are_counted() {
    let mut world = World::new();
    let nothing = world.commit_empty("Core.Nothing");
    let count: u64 = 1 << 40;
    let mut messages = World::messages(nothing, Extent::Null, &[], &[]);
    let int = crate::h5::encode::datatype(&Datatype::integer(8, true));
    let space = crate::h5::encode::dataspace(Extent::Simple, &[1]);
    let body =
        crate::h5::encode::attribute("dimensions", false, &int, &space, &count.to_le_bytes());
    messages.insert(2, crate::h5::encode::NewMessage::new(crate::h5::kind::ATTRIBUTE, 0, body));
    let d = world.sample.object(&messages);
    let said = say(&world.finish(&[("d", d)]));
    assert!(said.contains("2^24"), "{said}");
}

#[test]
fn groups_by_many_names_are_listed_once() {
    // Each level links to the next one twice: 2^60 paths.
    let mut world = World::new();
    let mut below = world.plain(&Datatype::float64(), Extent::Scalar, &[], &[0; 8]);
    for _ in 0..60 {
        below = world.sample.group(&[("a", below), ("b", below)]);
    }
    let file = world.finish(&[("g", below)]);
    assert_eq!(datasets(&file).unwrap().len(), 2);
}

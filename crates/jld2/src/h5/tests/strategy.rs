//! Random datatypes as JLD2 writes them.

use crate::h5::{ByteOrder, Class, Datatype};
use proptest::collection::vec;
use proptest::prelude::*;

fn array(dims: Vec<u32>, base: Datatype) -> Datatype {
    let size = dims.iter().product::<u32>() * base.size;
    Datatype::new(Class::Array { dims, base: Box::new(base) }, size)
}

/// `Float16`.
fn float16() -> Datatype {
    let properties = [0, 0, 0x10, 0, 0x0a, 5, 0, 0x0a, 0x0f, 0, 0, 0];
    Datatype::new(Class::Float { order: ByteOrder::Little, properties }, 2)
}

/// Any type, some of them records of records.
pub(super) fn datatype() -> impl Strategy<Value = Datatype> {
    let leaf = prop_oneof![
        (0_u32..5, any::<bool>()).prop_map(|(n, signed)| Datatype::integer(1 << n, signed)),
        Just(float16()),
        Just(Datatype::float32()),
        Just(Datatype::float64()),
        Just(Datatype::boolean()),
        Just(Datatype::reference()),
        Just(Datatype::vlen_string()),
        Just(Datatype::vlen_references()),
        (0_u32..70_000).prop_map(|n| Datatype::new(Class::String, n)),
        (0_u32..300).prop_map(|n| Datatype::new(Class::Opaque, n)),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            4 => vec(("[a-zäλ!_0-9]{0,9}", inner.clone()), 0..6).prop_map(Datatype::record),
            1 => inner.clone().prop_map(|base| {
                Datatype::new(Class::Vlen { string: false, base: Box::new(base) }, 16)
            }),
            1 => (vec(0_u32..4, 0..4), inner).prop_map(|(dims, base)| array(dims, base)),
        ]
    })
}

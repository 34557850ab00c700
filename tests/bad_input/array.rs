//! The smallest JLD2 file with a compressed array.

use jldconv::h5::checksum::lookup3;
use jldconv::h5::encode::{self, NewMessage};
use jldconv::h5::{Datatype, Extent, FilterEntry, RelAddr, kind};

/// A file with the array `/x` of `count` numbers, whose chunk holds `payload`.
pub(crate) fn file(filter: u16, count: u64, payload: &[u8]) -> Vec<u8> {
    let mut out =
        b"HDF5-based Julia Data Format, version 0.2.0\0 (Julia 1.12.6 64-bit LE)".to_vec();
    out.resize(560, 0);
    let place = |out: &Vec<u8>| RelAddr(out.len() as u64 - 512);
    let chunk = place(&out);
    out.extend(payload);
    let x = place(&out);
    let size = payload.len() as u64;
    let name = (filter > 255).then(|| "a codec".to_owned());
    let filters = [FilterEntry { id: filter, name, flags: 0, client: Vec::new() }];
    let messages = [
        NewMessage::fill_value(),
        NewMessage::new(kind::DATASPACE, 0, encode::dataspace(Extent::Simple, &[count])),
        NewMessage::new(kind::DATATYPE, 1, encode::datatype(&Datatype::integer(8, true))),
        NewMessage::new(kind::FILTER_PIPELINE, 0, encode::filter_pipeline(&filters)),
        NewMessage::new(kind::LAYOUT, 0, encode::single_chunk(&[count], 8, size, 0, chunk)),
        NewMessage::placeholder(),
    ];
    out.extend(encode::object_header(&messages).bytes);
    let root = place(&out);
    out.extend(encode::object_header(&encode::group(&[("x".to_owned(), x)])).bytes);
    let mut block = b"\x89HDF\r\n\x1a\n\x02\x08\x08\x00".to_vec();
    for word in [512, u64::MAX, out.len() as u64, root.0] {
        block.extend(word.to_le_bytes());
    }
    block.extend(lookup3(&block).to_le_bytes());
    for (to, from) in out.iter_mut().skip(512).zip(block) {
        *to = from;
    }
    out
}

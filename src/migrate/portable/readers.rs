//! What readers that are built on HDF5 make of a file.

use crate::codec::{Lz4Format, ids, sniff_lz4};
use crate::h5::encode::smallest_width;
use crate::h5::{
    ChunkIndex, Class, Dataset, File, HDF5_1_CHUNK_MAX, Layout, Object, Result, chunk_width,
};
use crate::text;
use serde::{Deserialize, Serialize};

/// What readers that are built on HDF5 make of a file: how much of it they cannot read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Readers {
    /// Compressed arrays that HDF5 2, and with it h5py from 3.16 on, cannot open: the dimensions of
    /// their chunk take more bytes than they need, as JLD2 writes them.
    pub hdf5_2: u64,
    /// Arrays in chunks of 4 GiB or more, which HDF5 1, and with it h5py before 3.16, cannot open.
    pub hdf5_1: u64,
    /// Arrays in LZ4 frames: opened, but not decoded by the LZ4 filter of HDF5.
    pub lz4_frames: u64,
    /// Full heap collections, in which HDF5 from 1.14 on finds no string and no list.
    pub heaps: u64,
    /// Strings of JLD2 0.1.12 to 0.3.1, which are declared as more than they are.
    pub strings: u64,
    /// Empty strings, whose datatype has no size: HDF5 from 1.14 on cannot open them.
    pub empty_strings: u64,
}

impl Readers {
    /// Counts a dataset.
    ///
    /// # Errors
    /// If the beginning of its data cannot be read.
    pub fn look(&mut self, file: &File, object: &Object, dataset: &Dataset) -> Result<()> {
        let datatype = file.resolve(&dataset.datatype)?;
        if datatype.size == 0 && matches!(datatype.class, Class::String) {
            self.empty_strings += 1;
        }
        let Layout::Chunked(chunked) = &dataset.layout else { return Ok(()) };
        if chunked.chunk_bytes().is_none_or(|bytes| bytes > HDF5_1_CHUNK_MAX) {
            self.hdf5_1 += 1;
        }
        let single = matches!(chunked.index, ChunkIndex::Single { .. });
        if let (Some(width), true) = (chunk_width(&object.header), single)
            && width != smallest_width(&chunked.dims, chunked.element_size)
        {
            self.hdf5_2 += 1;
        }
        // Only the last filter's output lies in the file.
        if dataset.filters.last().is_some_and(|filter| filter.id == ids::LZ4)
            && let Some((at, chunk)) = file.first_chunk(dataset)?
            && chunk.size >= 4
            && let Some(first) = file.source().read(at, 4, "chunk")?.first_chunk::<4>()
            && sniff_lz4(*first) == Lz4Format::Frame
        {
            self.lz4_frames += 1;
        }
        Ok(())
    }

    /// Counts what another file has, too.
    pub fn add(&mut self, other: &Self) {
        for (sum, n) in [
            (&mut self.hdf5_2, other.hdf5_2),
            (&mut self.hdf5_1, other.hdf5_1),
            (&mut self.lz4_frames, other.lz4_frames),
            (&mut self.heaps, other.heaps),
            (&mut self.strings, other.strings),
            (&mut self.empty_strings, other.empty_strings),
        ] {
            *sum = sum.saturating_add(n);
        }
    }

    /// What cannot be read, in words: by whom, and what helps. With `repaired`, what
    /// `--portable` can do has been done.
    pub fn told(&self, repaired: bool) -> Vec<String> {
        let mend = if repaired { "" } else { ": --portable mends that" };
        let lines = [
            (
                self.hdf5_2,
                "compressed array",
                format!(
                    "cannot be opened by h5py from 3.16 on, which has HDF5 2, as their chunk \
                     dimensions take more bytes than they need{mend}"
                ),
            ),
            (
                self.hdf5_1,
                "compressed array",
                "of 4 GiB or more can be opened by HDF5 2 only (h5py from 3.16 on): --compress none \
                 suits both"
                    .to_owned(),
            ),
            (
                self.lz4_frames,
                "compressed array",
                "in LZ4 frames can be opened but not decoded by h5py: --compress lz4, zstd or \
                 deflate suits it"
                    .to_owned(),
            ),
            (
                self.heaps,
                "full heap",
                format!("of strings and lists cannot be read by HDF5 from 1.14 on{mend}"),
            ),
            (
                self.strings,
                "string",
                format!("of JLD2 0.1.12 to 0.3.1 cannot be read by HDF5{mend}"),
            ),
            (
                self.empty_strings,
                "empty string",
                "cannot be opened by HDF5 from 1.14 on, as its type has no size: --repack mends that".to_owned(),
            ),
        ];
        let lines = lines.into_iter().filter(|(count, ..)| *count > 0);
        lines.map(|(count, what, fate)| format!("{} {fate}", text::count(count, what))).collect()
    }
}

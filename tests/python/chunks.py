"""Files of datasets in chunks, and what h5py reads of them.

chunks.py write DIR      makes DIR/NAME.h5 and NAME.truth.json, one of each kind of chunk index
chunks.py seeds DIR      makes small files of which fuzz/examples/chunk_seeds makes seeds
chunks.py check FILE TRUTH [FILE TRUTH ...]
                         reads all arrays of FILE, and compares them with TRUTH

TRUTH has shape and SHA-256 of the little-endian bytes of each array, by path. The files in
tests/data/chunks were written by h5py 3.15.1 on HDF5 1.14.6, layout5 by h5py 3.16.0 on HDF5 2.0.0.
"""

import ctypes
import hashlib
import json
import sys
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  (registers LZ4 and Zstandard)
import numpy as np

# Versions of the format between which libhdf5 may choose.
FORMS = {
    # Superblock 2, and version 1 B-trees.
    "btree1": ("v108", "v108"),
    # Superblock 3, and the indexes of version 4 layouts.
    "arrays": ("v110", "v110"),
}
if h5py.version.hdf5_version_tuple >= (2,):
    # Version 5 layouts, in which filtered chunks have sizes of eight bytes.
    FORMS = {"layout5": ("v200", "v200")}


class Groups:
    """Four datasets a group, so that its links stay in its header."""

    def __init__(self, file):
        self.file = file
        self.count = 0

    def dataset(self, name, **how):
        group = self.file.require_group(f"g{self.count // 16}/h{self.count // 4 % 4}")
        self.count += 1
        return group.create_dataset(name, **how)


def fill(file):
    random = np.random.default_rng(1)
    made = Groups(file)
    made.dataset("line", data=np.arange(400, dtype="i8"), chunks=(100,))
    made.dataset("edge", data=np.arange(437, dtype="i8"), chunks=(100,))
    made.dataset("deflate", data=np.arange(1000, dtype="f8"), chunks=(128,), compression="gzip")
    made.dataset("shuffled", data=random.integers(0, 50, 1000).astype("i4"), chunks=(128,),
                 compression="gzip", shuffle=True)
    two = np.arange(30 * 40, dtype="f4").reshape(30, 40)
    made.dataset("two", data=two, chunks=(8, 9))
    made.dataset("rows", data=two, chunks=(8, 40), compression="gzip")
    made.dataset("two_deflate", data=two, chunks=(8, 9), compression="gzip")
    made.dataset("three", data=random.random((5, 6, 7)), chunks=(2, 5, 6), compression="gzip")
    made.dataset("four", data=random.random((3, 4, 5, 6)), chunks=(2, 4, 3, 6))
    sparse = made.dataset("sparse", shape=(10000,), dtype="f8", chunks=(64,), fillvalue=3.5)
    sparse[1000:1100] = 1
    sparse[9990:] = 2
    sparse = made.dataset("sparse_two", shape=(100, 100), dtype="i2", chunks=(7, 9),
                          compression="gzip")
    sparse[20:30, 50:60] = 5
    sparse[99, 99] = 9
    made.dataset("never_written", shape=(100, 100), dtype="i2", chunks=(7, 9), fillvalue=-4)
    made.dataset("empty", shape=(0, 100), maxshape=(None, 100), dtype="i2", chunks=(7, 9))
    grown = made.dataset("grown", shape=(10,), maxshape=(None,), dtype="i8", chunks=(16,))
    grown[:] = np.arange(10)
    grown.resize((100,))
    grown[50:] = np.arange(50, 100)
    grown = made.dataset("grown_last", shape=(6, 10), maxshape=(6, None), dtype="i2",
                         chunks=(4, 4), compression="gzip")
    grown[:] = np.arange(60).reshape(6, 10)
    grown.resize((6, 33))
    grown[2:, 25:] = 8
    grown = made.dataset("grown_two", shape=(10, 10), maxshape=(None, None), dtype="i8",
                         chunks=(3, 4))
    grown[:] = np.arange(100).reshape(10, 10)
    grown.resize((17, 23))
    grown[12:, 20:] = 7
    grown.resize((9, 23))
    many = made.dataset("many", shape=(2000,), dtype="i4", chunks=(3,))
    many[:] = np.arange(2000)
    room = made.dataset("room", shape=(10, 20), maxshape=(30, 40), dtype="i4", chunks=(4, 6))
    room[:] = np.arange(200).reshape(10, 20)
    room = made.dataset("one_chunk", shape=(10,), maxshape=(30,), dtype="i4", chunks=(30,),
                        compression="gzip")
    room[:] = np.arange(10)
    one = made.dataset("one_plain", data=np.arange(30, dtype="i4"), chunks=(30,))
    one.attrs["note"] = 1
    made.dataset("one_deflate", data=np.arange(60, dtype="i4").reshape(6, 10), chunks=(6, 10),
                 compression="gzip")
    tree = made.dataset("grown_deflate", shape=(9, 8), maxshape=(None, None), dtype="i4",
                        chunks=(3, 4), compression="gzip")
    tree[:] = np.arange(72).reshape(9, 8)
    text = made.dataset("text", shape=(10,), maxshape=(None,), chunks=(4,),
                        dtype=h5py.string_dtype())
    text[:] = ["a%d" % i * i for i in range(10)]
    text.resize((13,))
    text = made.dataset("text_two", shape=(5, 6), maxshape=(None, None), chunks=(2, 4),
                        dtype=h5py.string_dtype())
    text[:] = np.array([f"b{i}" for i in range(30)], dtype=object).reshape(5, 6)
    # Chunks that the filter did not make smaller, and one that was written past it.
    masked = made.dataset("masked", shape=(48,), dtype="i4", chunks=(16,), compression="gzip")
    masked[:] = np.arange(48)
    masked.id.write_direct_chunk((16,), np.arange(16, dtype="<i4").tobytes(), filter_mask=1)


def edges_unfiltered(properties):
    """H5Pset_chunk_opts, which h5py does not have."""
    libraries = Path(h5py.__file__).parents[1].glob("h5py.libs/libhdf5-*.so*")
    library = ctypes.CDLL(str(next(libraries)))
    library.H5Pset_chunk_opts.argtypes = [ctypes.c_int64, ctypes.c_uint]
    assert library.H5Pset_chunk_opts(properties.id, 2) >= 0


def create(group, name, shape, kind, chunks, maxshape=None, early=False, edges=False, level=None):
    """A dataset with properties that h5py has no words for."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk(chunks)
    if level is not None:
        properties.set_deflate(level)
    if early:
        properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    if edges:
        edges_unfiltered(properties)
    limits = tuple(h5py.h5s.UNLIMITED if m is None else m for m in maxshape or shape)
    space = h5py.h5s.create_simple(shape, limits)
    kind = h5py.h5t.py_create(np.dtype(kind))
    return h5py.Dataset(h5py.h5d.create(group.id, name.encode(), kind, space, properties))


def fill_more(file):
    """What only the indexes of version 4 layouts have."""
    group = file.require_group("more/implicit")
    data = create(group, "line", (437,), "i4", (100,), early=True)
    data[:] = np.arange(437)
    data = create(group, "room", (9, 11), "i2", (4, 3), maxshape=(20, 30), early=True)
    data[:] = np.arange(99).reshape(9, 11)
    group = file.require_group("more/fixed")
    # More entries than a page has, and pages without any.
    data = create(group, "pages", (5000,), "i1", (1,))
    data[100:110] = 5
    data[3000:3010] = 6
    data[4990:] = 7
    data = create(group, "filtered_pages", (60, 80), "i4", (2, 2), level=1)
    data[30:35, 40:50] = 9
    group = file.require_group("more/extensible")
    data = create(group, "filtered", (300, 7), "i4", (2, 3), maxshape=(None, 7), level=1)
    data[:] = np.arange(2100).reshape(300, 7)
    # Data blocks that have pages come behind 131,000 entries.
    data = create(group, "pages", (140000,), "i1", (1,), maxshape=(None,))
    data[3] = 1
    data[700:720] = 2
    data[132000:132050] = 3
    data[139999] = 4
    data = create(group, "last_grows", (5, 4, 200), "i2", (2, 3, 4), maxshape=(7, 9, None))
    data[:] = np.arange(4000).reshape(5, 4, 200)
    group = file.require_group("more/tree")
    data = create(group, "deep", (90, 90), "i2", (2, 2), maxshape=(None, None))
    data[:] = np.arange(8100).reshape(90, 90)
    data = create(group, "filtered", (50, 40), "f8", (3, 4), maxshape=(None, None), level=1)
    data[10:, 5:] = np.arange(1400).reshape(40, 35)
    group = file.require_group("more/edges")
    for name, maxshape in [("fixed", (10, 11)), ("extensible", (None, 11)), ("tree", (None, None))]:
        data = create(group, name, (10, 11), "i4", (4, 5), maxshape=maxshape, edges=True, level=1)
        data[:] = np.arange(110).reshape(10, 11)


def seeds(directory):
    """A small file of each index and filter, from which seeds for the fuzzer are made."""
    kinds = [("fixed", (12, 9), (4, 3), (20, 9)), ("extensible", (60,), (4,), (None,)),
             ("last", (4, 30), (2, 4), (8, None)), ("tree", (24, 24), (2, 2), (None, None))]
    for libver, name in [("v108", "btree1"), ("v110", "arrays")]:
        for kind, shape, chunks, limits in kinds:
            for level in [None, 1]:
                path = Path(directory) / f"{name}-{kind}-{level}.h5"
                with h5py.File(path, "w", libver=(libver, libver)) as file:
                    data = create(file, "d", shape, "i2", chunks, maxshape=limits, level=level,
                                  edges=libver == "v110" and kind == "last" and level is not None)
                    data[...] = np.arange(np.prod(shape)).reshape(shape)
    with h5py.File(Path(directory) / "implicit.h5", "w", libver=("v110", "v110")) as file:
        data = create(file, "d", (9, 11), "i2", (4, 3), early=True)
        data[...] = np.arange(99).reshape(9, 11)
    with h5py.File(Path(directory) / "pages.h5", "w", libver=("v110", "v110")) as file:
        create(file, "d", (1100,), "i1", (1,))[5:9] = 1


def arrays(file):
    found = {}

    def visit(path, thing):
        if isinstance(thing, h5py.Dataset) and thing.dtype.kind in "iuf":
            values = thing[()]
            data = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"))).tobytes()
            digest = hashlib.sha256(data).hexdigest()
            found["/" + path] = {"dims": list(values.shape), "sha256": digest}
        elif isinstance(thing, h5py.Dataset) and h5py.check_string_dtype(thing.dtype):
            values = thing.asstr()[()]
            found["/" + path] = {"dims": list(values.shape), "texts": values.flatten().tolist()}

    file.visititems(visit)
    return found


def write(directory):
    for name, libver in FORMS.items():
        path = Path(directory) / f"{name}.h5"
        with h5py.File(path, "w", libver=libver) as file:
            fill(file)
            if name == "arrays":
                fill_more(file)
        with h5py.File(path) as file:
            truth = arrays(file)
        path.with_suffix(".truth.json").write_text(json.dumps(truth, indent=1) + "\n")


def check(pairs):
    for path, truth in zip(pairs[::2], pairs[1::2]):
        wanted = json.loads(Path(truth).read_text())
        with h5py.File(path) as file:
            found = arrays(file)
        assert len(wanted) > 10, truth
        for name, array in wanted.items():
            assert found.get(name) == array, (path, name, found.get(name), array)
        print(path, len(wanted))


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(sys.argv[2])
    elif sys.argv[1] == "seeds":
        seeds(sys.argv[2])
    else:
        check(sys.argv[2:])

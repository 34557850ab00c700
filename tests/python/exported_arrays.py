"""Arrays of HDF5 files, read by h5py and, as they were exported, by NumPy.

exported_arrays.py make FILE           writes a file with arrays of all types and several shapes
exported_arrays.py list FILE           prints the paths of all arrays of numbers
exported_arrays.py check FILE DIR      DIR has N.npy for the Nth of them

Exported arrays have the indices of Julia: h5py's in the other order.
"""

import json
import os
import sys

import h5py
import hdf5plugin  # noqa: F401  (registers LZ4 and Zstandard)
import numpy as np


def make(path):
    random = np.random.default_rng(3)
    with h5py.File(path, "w", libver="v110") as file:
        for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", ">f8", ">i4"):
            data = random.integers(0, 100, (3, 4)).astype(kind)
            file[f"matrix/{kind.replace('>', 'big-')}"] = data
        file["cube"] = random.random((2, 3, 4))
        file["odd"] = np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324, 0.1, 1 / 3, 1e300])
        file["extreme"] = np.array([2**63 - 1, -2**63, 0, -1])
        file["unsigned"] = np.array([2**64 - 1, 0, 2**53 + 1], dtype="u8")
        file["nothing"] = np.zeros(0)
        file.create_dataset("chunks", data=random.random((50, 60)), chunks=(16, 16),
                            compression="gzip", shuffle=True)


def arrays(path):
    found = []

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "iuf" and item.shape:
            found.append(name)

    with h5py.File(path) as file:
        file.visititems(visit)
    return sorted(found)


def check(path, folder):
    with h5py.File(path) as file:
        for i, name in enumerate(arrays(path)):
            wanted = file[name][()].T
            array = np.load(os.path.join(folder, f"{i}.npy"))
            assert array.shape == wanted.shape, (name, array.shape, wanted.shape)
            assert array.dtype == wanted.dtype.newbyteorder("="), (name, array.dtype)
            assert array.tobytes() == wanted.astype(array.dtype).tobytes(), name
    print(len(arrays(path)))


what, path, *rest = sys.argv[1:]
if what == "make":
    make(path)
elif what == "list":
    print(json.dumps(arrays(path)))
else:
    check(path, *rest)

"""What h5py reads of a file: a line for each linked dataset, with a digest of its values.

digests.py FILE
"""

import hashlib
import sys

import h5py
import hdf5plugin  # noqa: F401  (registers LZ4 and Zstandard)
import numpy as np


def digest(dataset):
    if dataset.shape is None:
        return "nothing"
    values = dataset[()]
    if dataset.dtype.hasobject:
        # References and strings of variable length: what they lead to, where that is a string.
        if isinstance(values, bytes):
            return repr(values[:40])
        return "objects of shape " + str(np.shape(values))
    return hashlib.sha256(np.asarray(values).tobytes()).hexdigest()


def visit(group, path):
    for name in sorted(group):
        if name == "_types":
            continue
        where = path + name
        try:
            item = group[name]
            if isinstance(item, h5py.Group):
                visit(item, where + "/")
                continue
            print(where, item.shape, digest(item))
        except Exception:  # versions of HDF5 word it differently
            print(where, "cannot be read")


with h5py.File(sys.argv[1], "r") as f:
    visit(f, "/")

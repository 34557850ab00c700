"""Every numeric column of a file, read by h5py, against what Julia read from the original.

columns.py FILE TRUTH [FILE TRUTH...]

TRUTH is the *.truth.json of the original: shape and SHA-256 of each column's little-endian bytes.
Columns are found through the references of their table, and by name in a group beside it.
"""

import hashlib
import json
import sys

import h5py
import hdf5plugin  # noqa: F401  (registers LZ4 and Zstandard)
import numpy as np


def truth_tables(truth):
    """Path of each linked table, and its columns."""
    for path, node in truth.items():
        data = node.get("fields", {}).get("data", {})
        columns = data.get("fields", {}).get("columns", {})
        arrays = columns.get("fields", {}).get("fieldarrays")
        if arrays is not None:
            yield path, arrays["fields"]


def check(path, name, dataset, wanted):
    values = dataset[()]
    where = f"{path}: {name}"
    assert list(values.shape) == wanted["dims"][::-1], (where, values.shape, wanted["dims"])
    assert values.dtype.kind in "iuf" and values.dtype.byteorder in "=<|", (where, values.dtype)
    digest = hashlib.sha256(values.tobytes()).hexdigest()
    assert digest == wanted["sha256"], (where, "holds other values")
    rows = len(values)
    # Slices come out as they are in the whole, over block borders too.
    for part in (slice(0, 1), slice(0, 1000), slice(rows // 3, rows // 3 + 700), slice(-5, None),
                 slice(0, rows, 97), slice(rows, rows)):
        assert np.array_equal(dataset[part], values[part], equal_nan=values.dtype.kind == "f"), \
            (where, part)


def check_file(file, truth):
    with open(truth) as text:
        truth = json.load(text)
    count = 0
    with h5py.File(file, "r") as f:
        for path, columns in truth_tables(truth):
            table = f[f[path][()]["data"]]
            arrays = table[()]["columns"]["fieldarrays"]
            assert list(table.dtype["columns"]["fieldarrays"].names) == list(columns), path
            group = f[path.rsplit("/", 1)[0] + "/columns"]
            assert sorted(group) == sorted(columns), (path, list(group))
            for name, wanted in columns.items():
                column = f[arrays[name]]
                assert group[name] == column, (path, name, "leads to another object")
                if "sha256" in wanted:
                    check(path, name, column, wanted)
                    count += 1
    assert count > 8, (file, count)
    return count


pairs = sys.argv[1:]
assert pairs and len(pairs) % 2 == 0
total = sum(check_file(file, truth) for file, truth in zip(pairs[::2], pairs[1::2]))
print(f"{total} columns")

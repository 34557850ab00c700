"""Whatever h5py reads of an original, it reads of the converted file too.

readable.py ORIGINAL CONVERTED [ORIGINAL CONVERTED...]
"""

import sys

import h5py
import hdf5plugin  # noqa: F401
import numpy as np


def readings(path):
    """What reading each linked dataset gives: its value, or the exception."""
    out = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            try:
                out[name] = item[()]
            except Exception as error:  # whatever it is, the other file must not have it anew
                out[name] = error

    with h5py.File(path, "r") as f:
        f.visititems(visit)
    return out


def check(original, converted):
    before, after = readings(original), readings(converted)
    assert set(before) <= set(after), set(before) - set(after)
    numbers = 0
    for name, old in before.items():
        new = after[name]
        if isinstance(old, Exception):
            continue
        assert not isinstance(new, Exception), (name, new)
        # Versions, types and scales may change; plain numbers may not.
        if isinstance(old, (np.number, np.ndarray)) and np.asarray(old).dtype.kind in "iuf":
            assert np.array_equal(old, new, equal_nan=np.asarray(old).dtype.kind == "f"), name
            numbers += 1
    assert numbers > 0 and len(before) > 5, (numbers, len(before))
    return len(before)


pairs = sys.argv[1:]
assert pairs and len(pairs) % 2 == 0
total = sum(check(old, new) for old, new in zip(pairs[::2], pairs[1::2]))
print(f"{total} datasets")

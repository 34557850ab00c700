"""Every dataset of ORIGINAL, which is not compressed, as h5py reads it from each OUTPUT.

chunked.py ORIGINAL OUTPUT...

Prints the chunks of each dataset of the last output, and how many datasets were equal.
"""

import sys

import h5py
import hdf5plugin  # noqa: F401  (registers LZ4 and Zstandard)
import numpy as np

original, *outputs = sys.argv[1:]
assert outputs
count, shapes = 0, {}
with h5py.File(original, "r") as f:
    for name, wanted in f.items():
        if not isinstance(wanted, h5py.Dataset):
            continue
        values = wanted[()]
        for output in outputs:
            with h5py.File(output, "r") as g:
                found = g[name]
                where = (output, name)
                assert found.shape == wanted.shape and found.dtype == wanted.dtype, where
                assert found[()].tobytes() == values.tobytes(), where
                if found.ndim == 0:
                    continue
                # Parts come out as they are in the whole, over chunks' edges too.
                rows = found.shape[0]
                for part in (slice(0, 1), slice(rows // 3, rows // 3 + 700), slice(-5, None),
                             slice(0, rows, 97), slice(rows, rows)):
                    assert found[part].tobytes() == values[part].tobytes(), (where, part)
                shapes[name] = found.chunks
                count += 1
for name, chunks in sorted(shapes.items()):
    print(name, chunks)
print(f"{count} equal")

"""Reads every object that is linked in a file, types too, and prints the attributes of `/b` if it has any.

whole.py FILE...
"""

import sys

import h5py
import hdf5plugin  # noqa: F401

for path in sys.argv[1:]:
    with h5py.File(path, "r") as f:
        count = 0

        def visit(name, item):
            global count
            count += 1
            if isinstance(item, h5py.Group):
                return
            item.dtype
            if isinstance(item, h5py.Dataset):
                dict(item.attrs)
                try:
                    item[()]
                except TypeError as error:  # h5py has no values for sequences of references
                    assert "reference" in str(error), (path, name, error)

        f.visititems(visit)
        assert count > 2, path
        if "b" in f:
            for name, value in sorted(f["b"].attrs.items()):
                print(f"{name} = {value}")

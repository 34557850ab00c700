"""h5py: everything that has a name, and everything that references lead to."""

import h5py
import hdf5plugin  # noqa: F401  (registers LZ4 and Zstandard)
import numpy as np

from arrays import run


def references(value):
    """The object references in a value, however deep in its records and arrays."""
    if isinstance(value, h5py.Reference):
        if value:
            yield value
    elif isinstance(value, (np.ndarray, np.void)) and value.dtype.names:
        for name in value.dtype.names:
            yield from references(value[name])
    elif isinstance(value, np.ndarray) and value.dtype.kind == "O":
        for item in value.ravel():
            yield from references(item)


def read(found, path, _):
    with h5py.File(path, "r") as file:
        pending, met = [("/", file)], set()

        def follow(name, open_object):
            try:
                pending.append((name, open_object()))
            except Exception as error:
                found.fail(name, error)

        while pending:
            name, item = pending.pop()
            address = h5py.h5o.get_info(item.id).addr
            if address in met or name == "/_types":
                continue
            met.add(address)
            if isinstance(item, h5py.Group):
                for child in item:
                    follow(f"{name.rstrip('/')}/{child}", lambda: item[child])
            elif isinstance(item, h5py.Dataset):
                try:
                    value = item[()]
                except Exception as error:
                    found.fail(name, error)
                    continue
                found.take(value)
                for reference in references(value):
                    follow(f"{name} (a reference in it)", lambda: file[reference])


run(read)

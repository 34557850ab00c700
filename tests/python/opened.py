"""Opens every object that a name leads to, with its type and the names of its attributes, in each
FILE; prints what cannot be opened, and how many empty strings of their own it has.

opened.py FILE...
"""

import sys

import h5py

for name in sys.argv[1:]:
    empty = 0

    def walk(group, path):
        global empty
        for key in group:
            at = f"{path}/{key}"
            try:
                found = group[key]
                list(found.attrs)
            except Exception as error:
                print("closed", at, error)
                continue
            if isinstance(found, h5py.Group):
                walk(found, at)
            elif isinstance(found, h5py.Dataset) and found.shape == ():
                kind = found.id.get_type()
                if isinstance(kind, h5py.h5t.TypeStringID) and found[()] in ("", b""):
                    empty += 1

    with h5py.File(name, "r") as file:
        walk(file, "")
    print("empty", empty)

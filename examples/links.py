#!/usr/bin/env python3
"""Files of HDF5 with very many links in one group, outside its header, for measurements:

python examples/links.py old|dense|tracked numbered|random COUNT FILE [OBJECTS]

old       a symbol table: the oldest version of the format that the library may write
dense     a fractal heap and an index by name: the newest one
tracked   the same with the order of creation
numbered  names x00000000, x00000001 and so on
random    names of 20 characters that say nothing of one another
OBJECTS   how many integers the links lead to, one after the other; one for each link by default
"""

import sys

import h5py
import numpy as np
from h5py import h5d, h5f, h5g, h5o, h5p, h5s, h5t

ALPHABET = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz012345", np.uint8)


def names(kind, count):
    """All of them, in the order in which they are made."""
    if kind == "numbered":
        for i in range(count):
            yield b"x%08d" % i
        return
    random, left = np.random.default_rng(1), count
    while left > 0:
        some = ALPHABET[random.integers(0, 32, (min(left, 1 << 16), 20))]
        for name in some:
            yield name.tobytes()
        left -= len(some)


def main(where, kind, count, path, objects=None):
    """Writes the file."""
    count = int(count)
    objects = int(objects or count)
    access = h5p.create(h5p.FILE_ACCESS)
    latest = h5f.LIBVER_LATEST
    access.set_libver_bounds(h5f.LIBVER_EARLIEST if where == "old" else latest, latest)
    made = h5p.create(h5p.FILE_CREATE)
    file = h5f.create(path.encode(), h5f.ACC_TRUNC, fcpl=made, fapl=access)
    how = h5p.create(h5p.GROUP_CREATE)
    if where == "tracked":
        how.set_link_creation_order(h5p.CRT_ORDER_TRACKED | h5p.CRT_ORDER_INDEXED)
    group = h5g.create(file, b"g", gcpl=how)
    scalar, compact = h5s.create(h5s.SCALAR), h5p.create(h5p.DATASET_CREATE)
    compact.set_layout(h5d.COMPACT)
    compact.set_fill_time(h5d.FILL_TIME_NEVER)
    compact.set_obj_track_times(False)
    first = []
    for i, name in enumerate(names(kind, count)):
        if i < objects:
            data = h5d.create(group, name, h5t.NATIVE_INT64, scalar, compact)
            if objects < count:
                first.append(data)
        else:
            h5o.link(first[i % objects], group, name)
    del first
    file.close()


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    main(*sys.argv[1:])

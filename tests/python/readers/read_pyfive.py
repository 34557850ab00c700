"""pyfive, which is HDF5 in Python alone: each array that has a name. Of records, such as JLD2 has
beside its arrays, it does not give the references."""

import pyfive

from arrays import run


def read(found, path, names):
    with pyfive.File(path) as file:
        for name in names:
            try:
                found.take(file[name][()], name)
            except Exception as error:
                found.fail(name, error)


run(read)

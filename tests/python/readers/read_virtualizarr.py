"""VirtualiZarr: a group of a file as a virtual store, from which zarr reads each array."""

import os
import warnings

import hdf5plugin  # noqa: F401
import zarr
from obspec_utils.registry import ObjectStoreRegistry
from obstore.store import LocalStore
from virtualizarr.parsers import HDFParser

from arrays import run

warnings.simplefilter("ignore")


def read(found, path, names):
    path = os.path.abspath(path)
    registry = ObjectStoreRegistry({"file://": LocalStore()})
    for name in names:
        group, _, leaf = name.rpartition("/")
        try:
            store = HDFParser(group=group or "/")(url=f"file://{path}", registry=registry)
            found.take(zarr.open_group(store, mode="r", zarr_format=3)[leaf][...], name)
        except Exception as error:
            found.fail(name, error)


run(read)

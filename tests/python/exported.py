"""What NumPy and Python's csv module read from exported files.

exported.py FILE [FILE ...]

Prints a JSON object: for each file its columns in order, each with NumPy's name of its type, its
shape, and the SHA-256 of its numbers, in Julia's order, the lowest byte first. Columns of a .csv
have the types of the .npz of the same name beside it.
"""

import csv
import hashlib
import json
import sys
import zipfile

import numpy as np


def described(array):
    assert array.dtype.byteorder in "=<|", array.dtype
    data = array.tobytes(order="F")
    return [str(array.dtype), list(array.shape), hashlib.sha256(data).hexdigest()]


def read_npz(path):
    with np.load(path) as file:
        columns = {name: file[name] for name in file.files}
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        json.loads(archive.comment)
    return columns


def read_npy(path):
    array = np.load(path)
    if array.dtype.names is None:
        return {"": array}
    # As a program reads it that maps it into memory.
    mapped = np.load(path, mmap_mode="r")
    assert np.array_equal(mapped.view(np.uint8), array.view(np.uint8))
    return {name: np.ascontiguousarray(array[name]) for name in array.dtype.names}


def read_csv(path):
    types = [column.dtype for column in read_npz(path[:-3] + "npz").values()]
    with open(path, newline="") as text:
        rows = csv.reader(text)
        names = next(rows)
        columns = list(zip(*rows)) or [()] * len(names)
    assert len(names) == len(columns) == len(types), (names, len(columns))

    def number(kind, text):
        if kind.kind == "f":
            return kind.type(float(text))
        return text == "true" if kind.kind == "b" else kind.type(int(text))

    return {name: np.array([number(kind, text) for text in column], dtype=kind)
            for name, kind, column in zip(names, types, columns)}


readers = {"npz": read_npz, "npy": read_npy, "csv": read_csv}
told = {}
for path in sys.argv[1:]:
    columns = readers[path.rsplit(".", 1)[1]](path)
    told[path] = [[name, *described(column)] for name, column in columns.items()]
print(json.dumps(told))

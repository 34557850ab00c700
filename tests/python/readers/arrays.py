"""What a reader found in a file: arrays of numbers by shape and digest, and what it failed on.

Every reader here is a script with the arguments NAMES FILE...: NAMES is a JSON file from each FILE to
the paths of arrays in it, for readers that only find what they are told. It prints a line of JSON for
each file: `arrays` has "SHAPE SHA256" (little-endian bytes, shape as HDF5 has it), `given` the same by
path, for readers that are told paths, `errors` a message for each object that could not be read,
`failed` why the file could not be opened at all.
"""

import hashlib
import json
import sys

import numpy as np


class Found:
    def __init__(self):
        self.arrays = set()
        self.given = {}
        self.errors = {}

    def take(self, values, name=None):
        """Notes an array of numbers; anything else is left alone."""
        values = np.asarray(values)
        if values.ndim > 0 and values.size > 0 and values.dtype.kind in "biuf":
            values = np.ascontiguousarray(values)
            little = values.astype(values.dtype.newbyteorder("<"), copy=False)
            shape = "x".join(str(n) for n in values.shape)
            told = f"{shape} {hashlib.sha256(little.tobytes()).hexdigest()}"
            self.arrays.add(told)
            if name is not None:
                self.given[name] = told

    def fail(self, name, error):
        text = str(error).strip().splitlines() or [""]
        self.errors[name] = f"{type(error).__name__}: {text[-1] if len(text) > 8 else text[0]}"


def run(read):
    """Calls `read(found, file, names)` for each file and prints what was found."""
    with open(sys.argv[1]) as file:
        names = json.load(file)
    for file in sys.argv[2:]:
        found, failed = Found(), None
        try:
            read(found, file, names[file])
        except Exception as error:  # a reader may fail with anything
            failed = f"{type(error).__name__}: {error}"
        print(json.dumps({
            "file": file, "arrays": sorted(found.arrays), "given": found.given,
            "errors": found.errors, "failed": failed,
        }), flush=True)

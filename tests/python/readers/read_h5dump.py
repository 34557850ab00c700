"""h5dump, as the system has it: the bytes of each array that has a name."""

import os
import re
import subprocess
import tempfile

import numpy as np

from arrays import run

KINDS = {"F32": "f4", "F64": "f8", "F16": "f2"}


def dtype(header):
    """The numpy type of H5T_STD_I64LE, H5T_IEEE_F64LE and the like."""
    found = re.search(r"DATATYPE\s+H5T_(?:STD|IEEE)_([IUFB])(\d+)[LB]E", header)
    if not found:
        return None
    kind, bits = found.groups()
    return np.dtype(f"<{'u' if kind == 'B' else kind.lower()}{int(bits) // 8}")


def dump(path, name, *more):
    command = ["h5dump", "-d", name.replace("\\", "\\\\"), *more, path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if "error" in line or "unable" in line]
        raise OSError((said or ["h5dump failed"])[0])
    return done.stdout


def read(found, path, names):
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "bytes")
            try:
                header = dump(path, name, "-H")
                shape = re.search(r"DATASPACE\s+SIMPLE\s+\{\s*\(\s*([\d, ]+)\)", header)
                kind = dtype(header)
                if kind is None or shape is None:
                    raise TypeError("not an array of numbers for h5dump")
                dump(path, name, "-b", "LE", "-o", out)
                values = np.fromfile(out, kind)
                found.take(values.reshape([int(n) for n in shape.group(1).split(",")]), name)
            except Exception as error:
                found.fail(name, error)


run(read)

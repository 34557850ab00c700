"""All files that there are, held against h5py."""

import json
import os
import pathlib

import pytest
from conftest import files
from h5 import Comparison

import jldconv

h5py = pytest.importorskip("h5py")
pytest.importorskip("hdf5plugin")

FILES = files(".jld2")


def walks(path):
    """Whether HDF5 finds its way through all of a file."""
    try:
        with h5py.File(path, "r") as file:
            file.visititems(lambda name, item: None)
    except (OSError, RuntimeError, KeyError):
        return False
    return True


def test_every_dataset_is_what_h5py_reads():
    told = ("files", "arrays and strings equal", "other values compared", "not read by h5py", "damaged")
    counts, differences, refused = dict.fromkeys(told, 0), [], []
    for path in FILES:
        try:
            with h5py.File(path, "r"), jldconv.open(path):
                pass
            found = Comparison(path).run()
        except (jldconv.Error, OSError, RuntimeError, KeyError) as error:
            # Files of JLD1, whose container is not JLD2's, and damaged ones: HDF5 does not walk them.
            known = isinstance(error, (jldconv.NotJLD2Error, OSError, KeyError)) or not walks(path)
            assert known or {"failing", "rescue"} & set(path.parts), f"{path}: {error!r}"
            refused.append(f"{path.name}: {error}")
            continue
        counts["files"] += 1
        counts["arrays and strings equal"] += found.equal
        counts["other values compared"] += found.values
        counts["not read by h5py"] += found.unread
        counts["damaged"] += found.damaged
        differences += [f"{path.name}: {text}" for text in found.differences]
    counts["differences"] = len(differences)
    keep = os.environ.get("JLDCONV_COUNTS")
    if keep:
        kept = {**counts, "refused": refused, "told": differences}
        pathlib.Path(keep).write_text(json.dumps(kept, indent=1))
    assert not differences, "\n".join(differences[:30])
    assert counts["files"] > 30 and counts["arrays and strings equal"] > 500

"""Where the test data are."""

import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"


@pytest.fixture(scope="session")
def data():
    """The small files that the repository has."""
    return DATA


def shared():
    """The folder of shared test data, if there is one."""
    folder = pathlib.Path(os.environ.get("JLDCONV_SHARED", ROOT.parent / "shared"))
    return folder if (folder / "mera").is_dir() else None


def files(*endings):
    """All files with these endings that there are to be read: the repository's, and the shared ones."""
    roots = [DATA, ROOT / "crates" / "jld2" / "tests" / "data"]
    if shared() is not None:
        roots.append(shared())
    return sorted(p for root in roots for end in endings for p in root.rglob(f"*{end}") if p.is_file())

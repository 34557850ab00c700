"""Conversion, inspection and comparison."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from conftest import DATA

import jldconv

OLD = DATA / "mera" / "e4b-lz4" / "output_00100.jld2"


def test_a_file_is_converted(tmp_path):
    new = tmp_path / "new.jld2"
    report = jldconv.convert(OLD, new)
    assert report["outcome"] == "converted" and report["mode"] == "patch"
    assert report["bytes_out"] == new.stat().st_size and report["findings"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new.jld2"], "nothing else is left"
    compared = jldconv.verify(OLD, new)
    assert compared["equal"] and compared["verdict"] == "explained" and compared["explained"] > 0
    assert not jldconv.verify(OLD, new, strict=True)["equal"]
    assert jldconv.inspect(OLD)["action"]["do"] == "patch"
    seen = jldconv.inspect(new)
    assert seen["action"]["do"] == "nothing" and seen["kind"] == "mera"
    with jldconv.mera.load(OLD) as a, jldconv.mera.load(new) as b:
        assert np.array_equal(a.hydro["rho"], b.hydro["rho"])


def test_the_flags_are_the_commands(tmp_path):
    report = jldconv.convert(
        OLD, tmp_path, compress="zstd:3", shuffle=True, chunk="16KiB", flat_links=True, threads=1
    )
    assert report["mode"] == "rewrite" and report["verify"] == "content"
    new = tmp_path / OLD.name
    with jldconv.open(new) as f:
        rho = f["hydro/columns/rho"]
        assert rho.chunks == (2000,) and any("zstd" in text.lower() for text in rho.filters)
        with jldconv.open(OLD) as old:
            assert np.array_equal(rho[()], old["hydro/data"].table("data")["rho"])


def test_nothing_is_replaced_unless_asked(tmp_path):
    new = tmp_path / "new.jld2"
    new.write_text("something else")
    with pytest.raises(jldconv.ConflictError, match="force=True"):
        jldconv.convert(OLD, new)
    with pytest.raises(FileExistsError):
        jldconv.convert(OLD, new)
    assert new.read_text() == "something else"
    report = jldconv.convert(OLD, new, force=True)
    kept = pathlib.Path(report["set_aside"])
    assert any(
        p.is_file() and p.read_text() == "something else" for p in [kept, *kept.rglob("*")] if p.is_file()
    )
    # What it made itself is no loss.
    assert "set_aside" not in jldconv.convert(OLD, new, force=True)


def test_in_place(tmp_path):
    file = tmp_path / "output_00100.jld2"
    shutil.copy2(OLD, file)
    report = jldconv.convert(file, mode="in-place")
    assert report["mode"] == "in-place" and jldconv.inspect(file)["action"]["do"] == "nothing"
    assert len(list(tmp_path.iterdir())) == 2, "the file and its undo file"
    with pytest.raises(ValueError, match="no output is named"):
        jldconv.convert(file, tmp_path / "x.jld2", mode="in-place")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"compress": "zip"}, "zip"),
        ({"mode": "fast"}, "fast"),
        ({"mode": "patch", "compress": "lz4"}, "--compress"),
        ({"target": "mera-9"}, "mera-9"),
        ({"threads": 0}, "threads"),
        ({"discard_replaced": True}, "--force"),
    ],
    ids=str,
)
def test_what_is_no_setting_is_told(tmp_path, flags, says):
    with pytest.raises((ValueError, jldconv.Error), match=says) as error:
        jldconv.convert(OLD, tmp_path / "new.jld2", **flags)
    assert "Usage" not in str(error.value) and "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_inputs_that_cannot_be_converted(tmp_path):
    new = tmp_path / "new.jld2"
    with pytest.raises(FileNotFoundError):
        jldconv.convert(tmp_path / "none.jld2", new)
    with pytest.raises(ValueError, match="where does the output go"):
        jldconv.convert(OLD)
    text = tmp_path / "text.jld2"
    text.write_text("no file of Julia's")
    with pytest.raises(jldconv.DamagedError, match="not a JLD2 file"):
        jldconv.convert(text, new)
    with pytest.raises(jldconv.NotJLD2Error):
        jldconv.inspect(text)
    with pytest.raises(FileNotFoundError):
        jldconv.inspect(tmp_path / "none.jld2")
    with pytest.raises(FileNotFoundError):
        jldconv.verify(OLD, tmp_path / "none.jld2")
    with pytest.raises(ValueError, match="strict"):
        jldconv.verify(OLD, OLD, strict=True, target="mera-1.9")
    with pytest.raises(jldconv.DamagedError):
        jldconv.inspect(DATA / "failing" / "killed-writer-small.jld2")
    assert not new.exists()


#: A conversion that goes on until it is told to stop: its progress is heard, then Ctrl-C is pressed.
INTERRUPTED = """
import os, signal, sys
import jldconv

heard = []

def progress(phase, done, total):
    heard.append(phase)
    os.kill(os.getpid(), signal.SIGINT)

try:
    while True:
        jldconv.convert(sys.argv[1], sys.argv[2], compress="zstd:19", force=True, progress=progress)
except KeyboardInterrupt:
    print("interrupted", bool(heard))
"""


def test_ctrl_c_ends_a_conversion_and_leaves_nothing_behind(tmp_path):
    new = tmp_path / "new.jld2"
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(OLD), str(new)],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "interrupted True\n"
    left = {p.name for p in tmp_path.iterdir()}
    assert left <= {"new.jld2"}, f"nothing but a whole output is left: {left}"
    if new.exists():
        assert jldconv.verify(OLD, new)["equal"]


def test_an_exception_of_progress_ends_it(tmp_path):
    def progress(phase, done, total):
        raise RuntimeError(f"enough of {phase}")

    new = tmp_path / "new.jld2"
    with pytest.raises(RuntimeError, match="enough of"):
        while True:
            # Until one takes long enough for its progress to be told.
            jldconv.convert(OLD, new, compress="zstd:19", force=True, progress=progress)
    assert {p.name for p in tmp_path.iterdir()} <= {"new.jld2"}


def test_other_threads_run_meanwhile(tmp_path):
    """While a conversion holds the thread, another one of Python's goes on: the lock is free."""
    beats, stop = [], threading.Event()

    def count():
        while not stop.is_set():
            beats.append(None)
            time.sleep(0)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        told = []
        while not told:
            before = len(beats)
            jldconv.convert(
                OLD,
                tmp_path / "new.jld2",
                compress="zstd:19",
                force=True,
                progress=lambda *_: told.append(len(beats) - before),
            )
        assert any(count > 0 for count in told)
    finally:
        stop.set()
        thread.join()


def test_paths_of_any_bytes(tmp_path):
    name = os.fsdecode(b"not utf-8 \xff.jld2")
    odd = tmp_path / name
    try:
        shutil.copy2(OLD, odd)
    except OSError:
        pytest.skip("the file system has names of UTF-8 only")
    with jldconv.open(odd) as f:
        assert "hydro" in f
    assert jldconv.convert(odd, tmp_path / os.fsdecode(b"new \xfe.jld2"))["outcome"] == "converted"


def test_signals_are_as_they_were():
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

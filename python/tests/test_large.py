"""Arrays that take their time, or more memory than there is."""

import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import jldconv

h5py = pytest.importorskip("h5py")

BYTES = 192 << 20


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A small file that is large when it is decoded, and one that says it is larger than any machine."""
    path = tmp_path_factory.mktemp("large") / "large.jld2"
    with h5py.File(path, "w", libver="latest") as file:
        chunks = (1 << 20,)
        file.create_dataset("zeros", data=np.zeros(BYTES, "u1"), chunks=chunks, compression="gzip")
        file.create_dataset("endless", shape=(1 << 50,), dtype="<f8")
        file.create_dataset("long", shape=(1 << 32,), dtype="<f8")
        file.create_dataset("flat", shape=(1 << 16, 1 << 16), dtype="<f8")
    assert path.stat().st_size < 1 << 20
    return path


def test_what_is_larger_than_the_machine_is_refused(large):
    with jldconv.open(large) as file:
        endless = file["endless"]
        assert endless.shape == (1 << 50,)
        with pytest.raises(jldconv.TooLargeError, match="do not fit in memory; take a part of it"):
            endless[()]
        with pytest.raises(MemoryError):
            endless[::2]
        # Of 32 GiB some bytes can be had on any machine.
        long = file["long"]
        assert long[(1 << 32) - 3 :].tolist() == [0.0] * 3 and long[1 << 31] == 0.0
        assert file["flat"][5, 1 << 15] == 0.0 and file["flat"][-2:, 7:9].shape == (2, 2)


class Alarm(Exception):
    pass


def test_a_signal_ends_reading(large):
    def ring(*_):
        raise Alarm

    before = signal.signal(signal.SIGALRM, ring)
    try:
        with jldconv.open(large, cache=0) as file:
            zeros = file["zeros"]

            def pieces():
                return file._native.cache_usage()[1]

            assert not zeros[()].any()
            whole = pieces()
            parts = []
            for _ in range(100):
                met = pieces()
                signal.setitimer(signal.ITIMER_REAL, 0.01)
                try:
                    zeros[()]
                except Alarm:
                    parts.append(pieces() - met)
                signal.setitimer(signal.ITIMER_REAL, 0)
                if any(0 < part < whole for part in parts):
                    return
        pytest.fail(f"none of {len(parts)} readings of {whole} pieces was ended on the way: {parts}")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_other_threads_run_while_one_reads(large):
    beats, stop = [0], threading.Event()

    def count():
        while not stop.is_set():
            beats[0] += 1
            time.sleep(0)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        with jldconv.open(large, cache=0) as file:
            native, place = file._native, ("/zeros", None, None)
            for _ in range(100):
                # Between these two lines nothing but the native call could let the other thread run.
                start = beats[0]
                native.read(place, [0], [BYTES])
                # Some turns may come before and after the call; while it lasts there are many.
                if beats[0] - start > 20:
                    return
        pytest.fail("no other thread ran")
    finally:
        stop.set()
        thread.join()


MEASURED = """
import sys
import jldconv

def peak():
    # What getrusage tells begins with the parent's.
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) << 10

with jldconv.open(sys.argv[1], cache=0) as file:
    file["zeros"][:10]
    before = peak()
    array = file["zeros"][()]
    print(array.nbytes, peak() - before)
"""


def test_a_column_is_read_in_little_more_than_it_takes(large):
    done = subprocess.run([sys.executable, "-c", MEASURED, str(large)], capture_output=True, check=True)
    nbytes, more = map(int, done.stdout.split())
    assert nbytes == BYTES
    # A copy would be as much again; pieces on their way and what decoders take are some 50 MiB.
    assert more < BYTES + (96 << 20)

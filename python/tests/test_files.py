"""Files, groups, and what is said where something is wrong."""

import gc
import threading

import numpy as np
import pytest
from conftest import DATA, ROOT

import jldconv

CRATE = ROOT / "crates" / "jld2" / "tests" / "data"
MERA = DATA / "mera" / "e4b-lz4" / "output_00100.jld2"


def test_a_file_is_a_mapping():
    with jldconv.open(MERA) as f:
        assert "hydro" in f and "/hydro/data" in f and "hydro/none" not in f and 5 not in f
        assert list(f) == list(f.keys()) and len(f) == len(list(f))
        assert f.get("nothing here") is None and f.get("hydro") == f["hydro"]
        hydro = f["hydro"]
        assert hydro.name == "/hydro" and hydro["data"].name == "/hydro/data" == f["hydro/data"].name
        assert hydro["/hydro/data"].name == "/hydro/data"
        assert dict(hydro.items()).keys() == set(hydro.keys())
        assert f["/"] is f and hydro.file is f
        assert "_types" not in list(f) and isinstance(f["_types"], jldconv.Group)
        seen = []
        f.visititems(lambda path, item: seen.append(path))
        assert "hydro/data" in seen and "hydro" in seen
        assert f.visititems(lambda path, item: path if path.endswith("data") else None).endswith("data")
        assert "members" in repr(f) and "group" in repr(hydro)
    assert "closed" in repr(f)


def test_what_is_not_there_is_told_with_what_is_near():
    with jldconv.open(MERA) as f:
        with pytest.raises(KeyError, match="/hydro has no dat; did you mean data"):
            f["hydro/dat"]
        with pytest.raises(KeyError, match="/ has no hidro; did you mean hydro"):
            f["hidro/data"]
        with pytest.raises(KeyError, match="is a dataset and has no x"):
            f["hydro/data/x"]
        with pytest.raises(TypeError, match="names are strings"):
            f[0]


def test_files_that_cannot_be_opened(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        jldconv.open(tmp_path / "none.jld2")
    assert error.value.filename.endswith("none.jld2")
    with pytest.raises(jldconv.NotJLD2Error):
        jldconv.open(tmp_path)
    text = tmp_path / "text.jld2"
    text.write_text("not a file of Julia's")
    with pytest.raises(jldconv.NotJLD2Error, match="not a JLD2 file"):
        jldconv.open(text)
    with pytest.raises(ValueError, match="not an order"):
        jldconv.open(MERA, order="C")


def test_damage_is_told_with_its_place(tmp_path):
    whole = MERA.read_bytes()
    cut = tmp_path / "cut.jld2"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(jldconv.DamagedError, match="byte"), jldconv.open(cut) as f:
        for _, item in sorted(f.items()):
            [part.value for part in item.values()] if isinstance(item, jldconv.Group) else item.value


def with_wrong_checksum(whole):
    """The same file with another checksum of its first object header that has one chunk."""
    at = whole.index(b"OHDR")
    flags = whole[at + 5]
    width = 1 << (flags & 3)
    start = at + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    end = start + width + int.from_bytes(whole[start : start + width], "little")
    return whole[:end] + bytes(b ^ 0xFF for b in whole[end : end + 4]) + whole[end + 4 :]


def test_checksums_decide_unless_asked_not_to(tmp_path):
    path = tmp_path / "sum.jld2"
    path.write_bytes(with_wrong_checksum((CRATE / "dicts.jld2").read_bytes()))

    def read(**how):
        with jldconv.open(path, **how) as f:
            return [item.value for item in f.values() if isinstance(item, jldconv.Dataset)]

    with pytest.raises(jldconv.DamagedError, match="checksum"):
        read()
    assert len(read(trust_checksums=False)) > 2


def test_a_file_that_shrinks_raises_and_does_not_kill(tmp_path):
    path = tmp_path / "shrinks.jld2"
    path.write_bytes((DATA / "mera" / "e4b-none" / "output_00021.jld2").read_bytes())
    mera = jldconv.mera.load(path)
    with open(path, "r+b") as file:
        file.truncate(8192)
    with pytest.raises((jldconv.Error, OSError)):
        mera.hydro["rho"]
        mera.hydro.column("vx")[()]


def test_a_closed_file_says_so():
    f = jldconv.open(MERA)
    data = f["hydro/data"]
    array = data.table("data")["rho"]
    f.close()
    assert f.closed and len(array) == 8000
    f.close()
    for use in (lambda: data.value, lambda: list(f), lambda: f["hydro"], lambda: data.table("data")):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_arrays_outlive_the_file():
    def read():
        with jldconv.open(CRATE / "dicts.jld2") as f:
            return f["plain"][()]

    array = read()
    gc.collect()
    assert array.tolist() == [1, 2]
    array[0] = 7
    assert array.flags.writeable and array[0] == 7


def test_many_threads_read_one_file():
    with jldconv.open(MERA) as f:
        table = f["hydro/data"].table("data")
        names = table.columns
        wanted = {name: table[name] for name in names}
        wrong = []

        def read():
            for name in names:
                if not np.array_equal(table[name], wanted[name]):
                    wrong.append(name)
                if f["hydro/data"].julia_type.short_name != "HydroDataType":
                    wrong.append("type")

        threads = [threading.Thread(target=read) for _ in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert not wrong


def test_attributes():
    with jldconv.open(CRATE / "struct_arrays.jld2") as f:
        assert f["vector_any"].attrs == {"julia_type": jldconv.Type("Core.Any")}
        assert f.attrs == {} and f.links == {}


def test_a_dataset_tells_of_itself():
    with jldconv.open(MERA) as f:
        rho = f["hydro/data"].table("data").column("rho")
        assert rho.shape == (8000,) and rho.dtype == np.float64 and rho.nbytes == 64000
        assert rho.julia_type == "Core.Array{Core.Float64,1}" and rho.julia_type.parameters[1] == 1
        assert rho.filters and rho.stored_bytes > 0 and rho.chunks == (8000,)
        assert rho.name == "/hydro/data.data.rho" and "Core.Array" in repr(rho)
        info = f["hydro/info"]
        assert not info.is_array and info.shape == () and info.dtype == object
        with pytest.raises(TypeError, match=r"read it with \[\(\)\]"):
            info[0]
        with pytest.raises(TypeError, match="no length"):
            len(info)


def test_what_keys_tell_can_be_read():
    """HDF5 has no names with a slash in them; a file that was cut out of another one has."""
    with jldconv.open(DATA / "small" / "0.6.5-none-obj-point.jld2") as f:
        assert list(f) == ["obj/point"] and f["obj/point"].value.x == 1.0
        assert [item.name for item in f.values()] == ["/obj/point"] and "obj" not in f

"""Arrays: shapes, orders, and parts of them."""

import numpy as np
import pytest
from conftest import DATA, ROOT

import jldconv

ZOO = DATA / "zoo" / "jld2-0.6.5-zstd.jld2"
CRATE = ROOT / "crates" / "jld2" / "tests" / "data"


@pytest.fixture(scope="module")
def zoo():
    with jldconv.open(ZOO) as file:
        yield file


def test_dimensions_are_julias(zoo):
    m = zoo["arr/m23"]
    assert m.shape == (2, 3) and m[()].flags.f_contiguous
    with jldconv.open(ZOO, order="hdf5") as other:
        t = other["arr/m23"]
        assert t.shape == (3, 2) and t[()].flags.c_contiguous
        assert np.array_equal(t[()], m[()].T)
        assert np.array_equal(t[1], m[:, 1]) and t[2, 1] == m[1, 2]
        big = other["arr/big3d"]
        assert np.array_equal(big[3:9, 1, ::7], zoo["arr/big3d"][::7, 1, 3:9].T)


KEYS = [
    (),
    Ellipsis,
    0,
    -1,
    slice(2, 9),
    slice(None, None, -3),
    slice(15, 3, -2),
    slice(5, 5),
    (slice(None), 3),
    (4, Ellipsis, 7),
    (Ellipsis, slice(10, 20)),
    (slice(1, 19, 4), slice(None), slice(30, None, 5)),
    (1, 2, 3),
    ([3, 1, 1, -2], slice(2, 5), 7),
    (slice(None), np.arange(30) % 4 == 0, slice(0, 3)),
    (0, []),
    np.int64(7),
]


@pytest.mark.parametrize("key", KEYS, ids=repr)
@pytest.mark.parametrize("order", ["julia", "hdf5"])
def test_parts_are_what_numpy_takes(key, order):
    with jldconv.open(ZOO, order=order) as file:
        data = file["arr/big3d"]
        whole = data[()]
        assert whole.shape == ((20, 30, 40) if order == "julia" else (40, 30, 20))
        wanted, found = whole[key], data[key]
        assert type(wanted) is type(found) and np.array_equal(wanted, found)
        assert np.shape(wanted) == np.shape(found)


def test_masks(zoo):
    data = zoo["arr/big3d"]
    whole = data[()]
    mask = whole > np.median(whole)
    assert np.array_equal(data[mask], whole[mask])
    column = zoo["arr/Int32"]
    odd = column[()] % 2 == 1
    assert np.array_equal(column[odd], column[()][odd])


@pytest.mark.parametrize(
    ("key", "error", "says"),
    [
        (20, IndexError, "index 20 is outside of axis 0, which has 20"),
        ((0, -31), IndexError, "outside of axis 1"),
        ((0, 0, 0, 0), IndexError, "4 indices for 3 dimensions"),
        ((Ellipsis, Ellipsis), IndexError, "at most one ellipsis"),
        (None, IndexError, "no new axis"),
        (([0], [1]), IndexError, "only one axis can have a list"),
        (np.ones(3, dtype=bool), IndexError, "a mask of 3 for axis 0"),
        (np.ones((2, 2), dtype=bool), IndexError, "a mask of shape"),
        ([0.5], IndexError, "holds integers"),
        ([99], IndexError, "outside of axis 0"),
        (1.5, TypeError, "not an index"),
    ],
    ids=lambda part: str(part)[:30],
)
def test_what_is_no_index_is_told(zoo, key, error, says):
    with pytest.raises(error, match=says):
        zoo["arr/big3d"][key]


def test_kinds_of_numbers(zoo):
    for name in ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"):
        data = zoo[f"arr/{name}"]
        assert data.dtype == np.dtype(name.lower()) and data[3:5].dtype == data.dtype
    assert zoo["arr/Float16"].dtype == np.float16 and zoo["arr/bools"].dtype == bool
    assert zoo["arr/complex"].dtype == np.complex128 and zoo["arr/complex"][0] == 1 + 2j
    assert zoo["arr/zerodim"].shape == () and zoo["arr/zerodim"][()].shape == ()
    assert zoo["arr/empty2"][()].shape == (0, 5)


def test_structs_of_numbers_are_records(zoo):
    points = zoo["arr/points"]
    assert points.dtype.names == ("x", "y") and points.dtype["y"] == np.float32
    assert points[1:3]["x"].shape == (2,) and points["x"].shape == points.shape
    cells = zoo["arr/cells"]
    assert cells.dtype["p"].names == ("x", "y") and cells.dtype["flag"].kind == "b"
    assert np.asarray(points)["x"][0] == points[0]["x"] == 1.0


def test_other_elements_are_objects(zoo):
    strings = zoo["arr/strings"]
    assert strings.dtype == object and strings[1] == "a" and strings[1:3].tolist() == ["a", "ünïcode"]
    values = zoo["arr/missing"].value
    assert values.tolist() == [1.0, jldconv.missing, 3.0]
    assert [len(part) for part in zoo["arr/nested"].value] == [2, 1, 0] or zoo["arr/nested"].shape == (3,)


def test_a_part_does_not_keep_the_whole(zoo):
    part = zoo["arr/big3d"][::10, ::10, ::10]
    base = part
    while getattr(base, "base", None) is not None and isinstance(base.base, np.ndarray):
        base = base.base
    assert base.nbytes <= 2 * part.nbytes


def test_what_was_decoded_is_kept():
    with jldconv.open(ZOO) as file:
        data = file["arr/Float64"]
        data[10:20], data[10:20]
        hits, misses, kept, pieces = file._native.cache_usage()
        assert hits >= 1 and misses >= 1 and kept > 0 and pieces > 0
    with jldconv.open(ZOO, cache=0) as file:
        file["arr/Float64"][10:20], file["arr/Float64"][10:20]
        assert file._native.cache_usage()[2] == 0


def test_tables_of_other_packages():
    with jldconv.open(CRATE / "data_frames.jld2") as file:
        table = file["alone"].table()
        assert table.columns == ("i", "x", "s") and len(table) == 3
        assert table["x"].tolist() == [1.5, -2.0, 0.0] and table["s"].tolist() == ["a", "bc", ""]
        assert table.select("x < 1")["i"].tolist() == table["i"][table["x"] < 1].tolist()
        with pytest.raises(jldconv.Error, match="s holds no numbers"):
            table.select("x < 1")["s"]
        with pytest.raises(jldconv.QueryError, match="not a table of Mera"):
            table["x", "kpc"]
        with pytest.raises(jldconv.NoTableError, match="no table"):
            file["alone"].table("x")
    with jldconv.open(CRATE / "struct_arrays.jld2") as file:
        assert file["holder"].table("s").columns == ("x", "n")


def test_tables_for_other_libraries():
    pandas = pytest.importorskip("pandas")
    pyarrow = pytest.importorskip("pyarrow")
    with jldconv.open(CRATE / "data_frames.jld2") as file:
        table = file["alone"].table()
        frame = table.to_pandas()
        assert isinstance(frame, pandas.DataFrame) and list(frame["s"]) == ["a", "bc", ""]
        arrow = table.to_arrow(["s", "x"])
        assert isinstance(arrow, pyarrow.Table) and arrow.column_names == ["s", "x"]
        assert arrow["x"].to_pylist() == [1.5, -2.0, 0.0]


def test_missing_and_dates_for_other_libraries():
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    with jldconv.open(DATA / "packages" / "DataFrames" / "old-1.3.6.jld2") as file:
        table = file["types"].table()
        frame = table.to_pandas()
        assert frame["m"][0] == 1.0 and frame["m"][1] is pandas.NA
        assert str(frame["d"][1].date()) == "2021-03-04"
        arrow = table.to_arrow()
        assert arrow["m"].to_pylist() == [1.0, None, 3.0] and arrow["m"].null_count == 1
        assert [str(day) for day in arrow["d"].to_pylist()][:2] == ["2020-01-02", "2021-03-04"]
        with pytest.raises(jldconv.Error, match="inner is nothing that Arrow can have"):
            file["nested"].table().to_arrow()

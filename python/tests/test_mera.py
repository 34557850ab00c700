"""Mera files, held against what real Mera computed of them."""

import hashlib
import json
import math
import struct
import sys
import threading

import numpy as np
import pytest
from conftest import DATA, shared

import jldconv

LZ4 = DATA / "mera" / "e4b-lz4" / "output_00100.jld2"


def quantities():
    roots = [shared() / "mera"] if shared() else [DATA / "mera"]
    return sorted(p for root in roots for p in root.rglob("*.quantities.json"))


#: Where the default is the right value and not Mera's (docs/numbers.md).
MERA_IS_WRONG = {"gravitational_redshift", "lr_cylinder"}


def number(told):
    return struct.unpack(">d", bytes.fromhex(told[2:]))[0] if isinstance(told, str) else float(told)


@pytest.fixture(scope="module")
def mera():
    with jldconv.mera.load(LZ4) as file:
        yield file


@pytest.mark.parametrize("path", quantities(), ids=lambda p: f"{p.parent.name}/{p.name}")
def test_quantities_are_what_mera_computed(path):
    told = json.loads(path.read_text())
    compared = exact = 0
    with jldconv.mera.load(str(path)[: -len(".quantities.json")]) as mera:
        for name, table in mera.tables.items():
            of = told[name]
            assert len(table) == of["n"] and mera[name] is table
            for column, wanted in of["columns"].items():
                if "sha256" in wanted:
                    assert hashlib.sha256(table[column].tobytes()).hexdigest() == wanted["sha256"]
                    compared += 1
            for key, wanted in of["getvar"].items():
                if "sha256" not in wanted:
                    continue
                quantity, unit = key.split(":")
                if quantity in MERA_IS_WRONG:
                    continue
                try:
                    values = table.get(quantity, None if unit == "standard" else unit).astype(float)
                except jldconv.QueryError:
                    continue
                compared += 1
                if hashlib.sha256(values.tobytes()).hexdigest() == wanted["sha256"]:
                    exact += 1
                    continue
                # What takes an arctangent, a logarithm or a power depends on the last bits of a library.
                scale = np.abs(values[np.isfinite(values)]).sum() or 1.0
                assert abs(np.nansum(values) - number(wanted["sum"])) <= 1e-9 * scale, key
            for unit in ("Myr", "Gyr"):
                wanted = number(of[f"time_{unit}"])
                if math.isfinite(wanted):
                    assert mera.time(unit) == pytest.approx(wanted, rel=1e-12)
            if "levels" in of:
                assert table.levels() == {int(level): rows for level, rows in of["levels"].items()}
    assert compared > 20 and exact > 20


def test_columns_and_units(mera):
    hydro = mera.hydro
    assert hydro.columns[:4] == ("level", "cx", "cy", "cz") and "rho" in hydro and len(hydro) == 8000
    rho = hydro["rho"]
    assert np.array_equal(hydro["rho", "nH"], rho * mera.scale("nH"))
    assert np.array_equal(hydro.get("rho", unit="nH"), hydro["rho", "nH"])
    both = hydro[["rho", "level"]]
    assert list(both) == ["rho", "level"] and np.array_equal(both["rho"], rho)
    assert hydro.dtypes["level"] == np.int64 and hydro.column("rho")[5] == rho[5]
    assert "8,000 rows" in repr(mera) and "of 8,000 rows" in repr(hydro)


def test_rows_are_chosen(mera):
    hydro = mera.hydro
    level, rho = hydro["level"], hydro["rho", "nH"]
    chosen = hydro.select("level == 10 && rho[nH] > 1e-3")
    mask = (level == 10) & (rho > 1e-3)
    assert len(chosen) == mask.sum() and np.array_equal(chosen["rho", "nH"], rho[mask])
    further = chosen.select("vx > 0")
    assert np.array_equal(further["rho", "nH"], rho[mask & (hydro["vx"] > 0)])
    assert np.array_equal(hydro.select(rows=slice(10, 20))["rho"], hydro["rho"][10:20])
    assert len(hydro.select(rows=(10, 20))) == 10
    # Choosing makes a new table; the old one has all rows.
    assert len(hydro) == 8000 and chosen.mass("Msol") < hydro.mass("Msol")


def test_regions(mera):
    hydro = mera.hydro
    inside = hydro.select(xrange=(-8, 8), yrange=(None, 4), center="bc", unit="kpc")
    assert 0 < len(inside) < len(hydro)
    x = inside["x", "kpc"]
    edge = hydro["cellsize", "kpc"].max()
    assert np.all(np.abs(x) <= 8 + edge), "counted from the middle of the box"
    particles = mera.particles.select(xrange=(0.25, 0.75))
    wanted = mera.particles["x"] / mera.info.boxlen
    assert len(particles) == np.count_nonzero((wanted >= 0.25) & (wanted <= 0.75))
    with pytest.raises(ValueError, match="choose all of it at once"):
        inside.select(zrange=(0, 1))
    for wrong in ({"xrange": 5}, {"xrange": (0, math.nan)}, {"center": "left"}, {"center": (1, 2)}):
        with pytest.raises(ValueError):
            hydro.select(**wrong)


def test_sums(mera):
    hydro = mera.hydro
    mass = hydro["mass", "Msol"]
    assert hydro.mass("Msol") == pytest.approx(math.fsum(mass), rel=1e-12)
    x = math.fsum(mass * hydro["x", "kpc"]) / math.fsum(mass)
    assert hydro.center_of_mass("kpc")[0] == pytest.approx(x, rel=1e-12)
    assert hydro.bulk_velocity("km_s").shape == (3,)
    told = hydro.statistics("rho", "nH", percentiles=[50], bins=0)
    rho = hydro["rho", "nH"]
    assert told["count"] == 8000 and told["max"] == rho.max()
    assert told["percentiles"] == [[50.0, pytest.approx(np.median(rho))]]
    assert mera.clumps.levels() is None


def test_what_is_said_of_the_run(mera):
    info = mera.info
    assert info.boxlen == 48.0 and info.levelmax == 10 and info.unit_l > 1e20
    assert info.time_myr == pytest.approx(mera.time("Myr")) and info["redshift"] is None
    with pytest.raises(AttributeError, match="did you mean boxlen"):
        info.boxlem
    seen = mera.overview(scan=True)
    assert [table["name"] for table in seen["tables"]] == list(mera.tables)
    assert seen["tables"][0]["mass_msol"] == pytest.approx(mera.hydro.mass("Msol"), rel=1e-12)
    assert mera.time("standard") == info.time


def test_for_other_libraries(mera):
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = mera.hydro.select("level == 10").to_pandas(["rho", "x", "T"], units={"rho": "nH", "x": "kpc"})
    assert list(frame.columns) == ["rho", "x", "T"] and frame["rho"].dtype == np.float64
    assert np.array_equal(frame["rho"], mera.hydro.select("level == 10")["rho", "nH"])
    whole = mera.particles.to_pandas()
    assert tuple(whole.columns) == mera.particles.columns and whole["id"].dtype == np.int32
    arrow = mera.clumps.to_arrow()
    assert arrow.num_rows == len(mera.clumps) and arrow["lev"].to_pylist() == mera.clumps["lev"].tolist()


def test_what_is_wrong_is_told(mera):
    with pytest.raises(jldconv.QueryError, match="rhoo is neither a column of hydro nor a quantity"):
        mera.hydro["rhoo"]
    with pytest.raises(jldconv.QueryError, match="lightyears is not a unit"):
        mera.hydro["x", "lightyears"]
    with pytest.raises(jldconv.QueryError, match="compare with =="):
        len(mera.hydro.select("level = 10"))
    with pytest.raises(ValueError):
        mera.hydro.select("level >")["rho"]
    with pytest.raises(AttributeError, match="the file has no rt; its tables: hydro, gravity"):
        mera.rt
    with pytest.raises(AttributeError, match="no attribute 'hidro'"):
        mera.hidro
    with pytest.raises(KeyError, match="a unit for rho, which is not asked for"):
        mera.hydro.to_dict(["vx"], units={"rho": "nH"})
    with pytest.raises(KeyError, match="did you mean rho"):
        mera.hydro.column("rh")
    with pytest.raises(TypeError, match=r"table\['rho'\]"):
        mera.hydro[5]
    with pytest.raises(jldconv.Error, match="not a file of Mera"):
        jldconv.mera.load(DATA / "zoo" / "jld2-0.6.5-zstd.jld2")
    with pytest.raises(FileNotFoundError):
        jldconv.mera.load("none.jld2")


def test_other_threads_run_while_a_file_is_read(mera):
    # With so long an interval another thread runs only when this one lets go of the interpreter.
    interval, ran, go = sys.getswitchinterval(), [], threading.Lock()
    go.acquire()
    other = threading.Thread(target=lambda: (go.acquire(), ran.append(True)))
    other.start()
    sys.setswitchinterval(1000)
    try:
        go.release()
        for _ in range(10_000):
            sum(range(10))
        assert not ran, "nobody let go of it"
        for _ in range(10_000):
            mera.hydro.statistics("rho")
            if ran:
                break
        assert ran
    finally:
        sys.setswitchinterval(interval)
        other.join()

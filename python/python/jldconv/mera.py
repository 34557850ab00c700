"""Mera files: tables with units, quantities, regions, and what they say of the run.

>>> import jldconv
>>> mera = jldconv.mera.load("output_00100.jld2")  # doctest: +SKIP
>>> mera.hydro["rho", "nH"]  # doctest: +SKIP
"""

import json
import math

from . import _native
from ._errors import Error
from ._file import CACHE, File
from ._table import Table
from ._values import near

__all__ = ["Info", "Mera", "load"]

_NAMES = ("hydro", "gravity", "particles", "clumps", "rt")


def load(path, *, cache=CACHE, trust_checksums=True):
    """Opens a Mera file; no rows are read. See :func:`jldconv.open` for the other arguments."""
    return Mera(path, cache=cache, trust_checksums=trust_checksums)


class Info:
    """What a Mera file says of its run, by name: ``info.boxlen``, ``info.unit_l`` ...; ``vars(info)``
    has all of it."""

    def __init__(self, told):
        self.__dict__.update(told)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(f"nothing is known of {name}{near(name, self.__dict__)}")

    def __getitem__(self, name):
        return self.__dict__[name]

    def __repr__(self):
        told = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"Info({told})"


class Mera:
    """An open Mera file: its tables are attributes (``hydro``, ``gravity``, ``particles``, ``clumps``,
    ``rt``)."""

    def __init__(self, path, *, cache=CACHE, trust_checksums=True):
        self._file = File(path, cache=cache, trust_checksums=trust_checksums)
        try:
            found = _native.mera_tables(self._file._native)
            if not found:
                raise Error(f"{path}: not a file of Mera: it has none of the tables {', '.join(_NAMES)}")
        except BaseException:
            self._file.close()
            raise
        self._tables = {
            name: Table(self._file, (name, None, True), names, rows, (f"/{name}/data", "data"))
            for name, names, rows in found
        }
        self._info = None

    @property
    def file(self):
        """The file, as :func:`jldconv.open` gives it."""
        return self._file

    @property
    def tables(self):
        """The tables by name."""
        return dict(self._tables)

    def __getattr__(self, name):
        tables = self.__dict__.get("_tables", {})
        if name in tables:
            return tables[name]
        if name in _NAMES:
            raise AttributeError(f"the file has no {name}; its tables: {', '.join(tables)}")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __getitem__(self, name):
        try:
            return self._tables[name]
        except KeyError:
            raise KeyError(f"there is no {name}; there are {', '.join(self._tables)}") from None

    def __dir__(self):
        return [*super().__dir__(), *self._tables]

    @property
    def info(self):
        """What the file says of the run, and what follows from it: ``output``, ``boxlen``, ``time``,
        ``levelmin``, ``levelmax``, ``unit_l`` (cm), ``unit_d`` ..., ``time_myr``, ``box_kpc``,
        ``cosmological``, ``redshift`` (``None`` of a box that does not expand)."""
        if self._info is None:
            told = self.overview()
            own = {name: _float(name, value) for name, value in told["info"].items()}
            rest = ("time_myr", "box_kpc", "cosmological", "redshift")
            self._info = Info({**own, **{name: told[name] for name in rest}})
        return self._info

    def overview(self, scan=False):
        """What ``jldconv info --json`` tells, as a dictionary: tables, columns and their units; with
        ``scan`` extremes, levels and masses, for which all rows are read."""
        return json.loads(_native.mera_overview(self._file._native, scan))

    def time(self, unit="Myr"):
        """The time of the output in a unit, as Mera's ``gettime`` tells it; ``"standard"`` is code
        units."""
        return _native.mera_time(self._file._native, unit)

    def scale(self, unit):
        """What numbers in code units are multiplied by to be in a unit of Mera's."""
        return _native.mera_scale(self._file._native, unit)

    def close(self):
        """Lets go of the file. Arrays that were read stay."""
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __repr__(self):
        if self._file.closed:
            return f'<jldconv Mera file "{self._file.filename}" (closed)>'
        rows = ", ".join(f"{name}: {table._rows:,} rows" for name, table in self._tables.items())
        return f'<jldconv Mera file "{self._file.filename}" ({rows})>'


def _float(name, value):
    """JSON has no NaN: what it says of one is null."""
    texts = ("output", "simcode", "ndim", "ncpu")
    return math.nan if value is None and name not in texts else value

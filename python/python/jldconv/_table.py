"""Tables: columns of one length by name, and what Mera computes of them."""

import json
import math

import numpy as np

from . import _native
from ._errors import Error, NoTableError
from ._values import Struct, missing, near, undef

#: Columns that are read side by side, at most.
_AT_ONCE = 200
_ALL = ((None, None), (None, None), (None, None))


class Table:
    """A table, or some of its rows: columns by name. No rows are read before they are asked for.

    ``table["rho"]`` is a column as a NumPy array, ``table["rho", "nH"]`` in a unit. Of Mera's tables, names
    may be those of quantities, too: what Mera's ``getvar`` computes (``mass``, ``T``, ``cellsize`` ...).
    ``table[["rho", "level"]]`` are several by name, as a dictionary.
    """

    def __init__(self, file, which, names, rows, dataset=None):
        self._file = file
        self._which = which
        self._dataset = dataset
        self._names = tuple(names)
        self._rows = rows
        # Condition, ranges, centre, unit, rows: what the native half takes.
        self._chosen = (None, _ALL, None, None, None)
        self._count = rows

    @classmethod
    def _of(cls, file, path, field):
        found = file._native.table(path, field)
        if found is None:
            inside = f" in its field {field}" if field else ""
            raise NoTableError(f"{path}: there is no table{inside}")
        _, names, rows = found
        return cls(file, (path, field, False), names, rows, (path, field))

    @property
    def name(self):
        """Mera's name for the table, or the path of the dataset."""
        return self._which[0]

    @property
    def columns(self):
        """The names of the columns, in order."""
        return self._names

    def keys(self):
        """The names of the columns, in order."""
        return self._names

    def __iter__(self):
        return iter(self._names)

    def __contains__(self, name):
        return name in self._names

    def __len__(self):
        """How many rows are chosen; where a condition or region chooses, they are counted."""
        if self._count is None:
            self._count = _native.count(self._file._native, self._which, self._chosen)
        return self._count

    def __bool__(self):
        return True

    def __repr__(self):
        rows = "some" if self._count is None else f"{self._count:,}"
        return f"<jldconv table {self.name}: {rows} of {self._rows:,} rows, {', '.join(self._names)}>"

    def _ipython_key_completions_(self):
        return list(self._names)

    def __getitem__(self, key):
        if isinstance(key, str):
            return self.get(key)
        if isinstance(key, tuple) and len(key) == 2 and all(isinstance(part, str) for part in key):
            return self.get(*key)
        if isinstance(key, list):
            return self.to_dict(key)
        raise TypeError(
            "ask for a column: table['rho'], table['rho', 'nH'] in a unit, table[['rho', 'level']]"
        )

    def get(self, name, unit=None):
        """A column or quantity of the chosen rows as an array, in a unit of Mera's or in code units."""
        return self.to_dict([name], units={name: unit} if unit else None)[name]

    def column(self, name):
        """A column as a :class:`Dataset`, whatever rows are chosen: shape, dtype, slices."""
        if name not in self._names:
            raise KeyError(f"{self.name} has no column {name}{near(name, self._names)}")
        path, field = self._dataset
        return self._file._column(path, field, name)

    def select(
        self,
        where=None,
        *,
        xrange=None,
        yrange=None,
        zrange=None,
        center=None,
        unit=None,
        rows=None,
    ):
        """The table with some of the rows, nothing of which is read yet.

        ``where`` is a condition, as ``"level == 10 && rho[nH] > 1e-3"``; several calls add up. Of Mera's
        tables ``xrange``, ``yrange`` and ``zrange`` are first and last (``None``: no bound) along an axis,
        from ``center`` (``"bc"``: the middle of the box; or three numbers or ``"bc"``), in ``unit``
        (without one, parts of the box); quantities are counted from this centre, too. ``rows`` is a
        ``slice`` or a pair of first row and the row behind the last.
        """
        old_where, ranges, old_center, old_unit, old_rows = self._chosen
        if where is not None and old_where is not None:
            where = f"({old_where}) && ({where})"
        elif where is None:
            where = old_where
        told = [xrange, yrange, zrange]
        if any(side is not None for side in (*told, center, unit)):
            if ranges != _ALL or old_center is not None:
                raise ValueError("the rows were chosen by a region before: choose all of it at once")
            ranges = tuple(_sides(side, axis) for side, axis in zip(told, "xyz"))
            old_center, old_unit = _center(center), unit
        if rows is not None:
            if old_rows is not None:
                raise ValueError("rows were chosen before: choose all of them at once")
            old_rows = _rows(rows, self._rows)
        table = Table(self._file, self._which, self._names, self._rows, self._dataset)
        table._chosen = (where, ranges, old_center, old_unit, old_rows)
        simple = where is None and ranges == _ALL
        table._count = (old_rows[1] - old_rows[0] if old_rows else self._rows) if simple else None
        return table

    @property
    def dtypes(self):
        """The dtype of each column, by name."""
        return {name: self.column(name).dtype for name in self._names}

    def _ask(self, asked):
        """Arrays of columns and quantities that are numbers."""
        out = []
        for i in range(0, len(asked), _AT_ONCE):
            part = asked[i : i + _AT_ONCE]
            read = _native.query(self._file._native, self._which, part, self._chosen)
            out += [array.view(code) for code, array in read]
        return out

    def _is_numbers(self, name):
        return name not in self._names or (
            self.column(name).dtype.kind in "biuf" and self.column(name).is_array
        )

    def _other(self, name):
        """A column that is not made of numbers; only rows by their place can be chosen of it."""
        where, ranges, _, _, rows = self._chosen
        if where is not None or ranges != _ALL:
            raise Error(f"{name} holds no numbers: rows of it cannot be chosen by a condition or region")
        value = _decoded(self.column(name)[()])
        if not isinstance(value, np.ndarray):
            return value
        flat = value.reshape(-1, order="C" if self._file._reversed else "F")
        return flat if rows is None else flat[slice(*rows)]

    def to_dict(self, columns=None, units=None):
        """Columns and quantities by name, as arrays; all columns if nothing is said.

        ``units`` gives a unit to some of them. All that are numbers are read in one go.
        """
        columns = list(self._names) if columns is None else list(columns)
        units = dict(units or {})
        for name in units:
            if name not in columns:
                raise KeyError(f"a unit for {name}, which is not asked for{near(name, columns)}")
        numbers = [name for name in dict.fromkeys(columns) if self._is_numbers(name)]
        read = dict(zip(numbers, self._ask([(name, units.get(name)) for name in numbers])))
        out = {}
        for name in columns:
            if name not in read:
                if units.get(name) is not None:
                    raise Error(f"{name} holds no numbers: it has no unit")
                read[name] = self._other(name)
            out[name] = read[name]
        return out

    def to_pandas(self, columns=None, units=None):
        """The same as a ``pandas.DataFrame``; ``missing`` is ``pandas.NA`` in it."""
        import pandas

        return pandas.DataFrame(self._plain(columns, units, pandas.NA))

    def to_arrow(self, columns=None, units=None):
        """The same as a ``pyarrow.Table``; ``missing`` and ``nothing`` are null in it."""
        import pyarrow

        plain, arrays = self._plain(columns, units, None), []
        for name, values in plain.items():
            try:
                arrays.append(pyarrow.array(values.tolist() if values.dtype == object else values))
            except pyarrow.ArrowException as error:
                told = str(error).splitlines()[0][:200]
                raise Error(f"{name} is nothing that Arrow can have: {told}") from None
        return pyarrow.Table.from_arrays(arrays, names=list(plain))

    def _plain(self, columns, units, null):
        """Columns by name, as other libraries have them."""
        out = {}
        for name, values in self.to_dict(columns, units).items():
            element = None
            if name in self._names and isinstance(values, np.ndarray) and values.dtype.names:
                element = self.column(name).julia_type.parameters[0]
            out[name] = _plain(values, name, element, null)
        return out

    def statistics(self, name, unit=None, *, percentiles=None, bins=20, scale="auto"):
        """What ``jldconv stats --json`` tells of a column or quantity: count, NaN, min, max, mean, sum,
        percentiles, histogram."""
        text = _native.statistics(
            self._file._native, self._which, name, unit, self._chosen, percentiles, bins, scale
        )
        return json.loads(text)

    def mass(self, unit=None):
        """The mass of the chosen rows (Mera's ``msum``)."""
        return _native.mass(self._file._native, self._which, unit, self._chosen)

    def center_of_mass(self, unit=None):
        """The centre of mass of the chosen rows, from the box's corner."""
        return np.array(_native.center(self._file._native, self._which, unit, self._chosen, False))

    def bulk_velocity(self, unit=None):
        """The mean velocity of the chosen rows, weighted with mass."""
        return np.array(_native.center(self._file._native, self._which, unit, self._chosen, True))

    def levels(self):
        """Chosen rows by level; ``None`` where the table has no levels."""
        return _native.by_level(self._file._native, self._which, self._chosen)


def _decoded(value):
    """What stands in place of a pooled column (of CategoricalArrays, of PooledArrays): the elements."""
    if not isinstance(value, Struct) or "refs" not in value or "pool" not in value:
        return value
    pool = value["pool"]
    levels = pool["levels"] if isinstance(pool, Struct) and "levels" in pool else pool
    refs = value["refs"]
    if not isinstance(levels, np.ndarray) or not isinstance(refs, np.ndarray):
        return value
    if refs.dtype.kind not in "iu" or (refs.size and not 0 <= refs.min() <= refs.max() <= len(levels)):
        return value
    # Number 0 is a missing one.
    known = np.full(len(levels) + 1, missing, dtype=object)
    for i, level in enumerate(levels.tolist() if levels.dtype != object else levels):
        known[i + 1] = level
    return known[refs]


#: Days from Julia's day 0 to 1970-01-01.
_EPOCH = 719_163
#: Types that count time since then: NumPy's unit, and how many are a day.
_TIMES = {"Dates.Date": ("D", 1), "Dates.DateTime": ("ms", 86_400_000)}


def _plain(values, name, element, null):
    """What pandas and pyarrow can have: times as their own, `missing` as theirs, records as tuples."""
    if not isinstance(values, np.ndarray):
        raise Error(
            f"{name} is one value and no array ({type(values).__name__}): name the columns that are wanted"
        )
    if values.dtype.names is not None:
        if element in _TIMES:
            return _since_1970(values["instant"]["periods"]["value"], element)
        out = np.empty(len(values), dtype=object)
        out[:] = values.tolist()
        return out
    if values.dtype != object:
        return values
    out = values.copy()
    for i, value in enumerate(values):
        if value is missing or value is None or value is undef:
            out[i] = null
        elif isinstance(value, Struct):
            time = _time(value)
            out[i] = value if time is None else time
    return out


def _time(value):
    """A date or time of Julia's as NumPy's."""
    if value.__julia_type__ not in _TIMES:
        return None
    return _since_1970(np.int64(value["instant"]["periods"]["value"]), value.__julia_type__)


def _since_1970(numbers, element):
    unit, per_day = _TIMES[element]
    return (numbers - _EPOCH * per_day).astype(f"datetime64[{unit}]")


def _number(value, what):
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{what}: {value!r} is not a place")
    return number


def _sides(sides, axis):
    if sides is None:
        return (None, None)
    try:
        first, last = sides
    except (TypeError, ValueError):
        raise ValueError(f"{axis}range is a pair of first and last, not {sides!r}") from None
    what = f"{axis}range"
    return tuple(None if side is None else _number(side, what) for side in (first, last))


def _center(center):
    if center is None:
        return None
    if isinstance(center, str):
        center = (center,) * 3
    middle = ("bc", "boxcenter", ":bc", ":boxcenter")
    told = tuple(center)
    if len(told) != 3 or any(isinstance(at, str) and at not in middle for at in told):
        raise ValueError(f"a centre is 'bc' or three numbers, not {center!r}")
    return tuple(None if isinstance(at, str) else _number(at, "center") for at in told)


def _rows(rows, count):
    if isinstance(rows, slice):
        first, last, step = rows.indices(count)
        if step != 1:
            raise ValueError("rows are chosen without a step")
        return (first, max(first, last))
    first, last = (int(row) for row in rows)
    if not 0 <= first <= last:
        raise ValueError(f"rows are chosen from one on and up to another, not {rows!r}")
    return (first, last)

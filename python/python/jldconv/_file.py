"""Files, groups and datasets, much as h5py has them."""

import os
from collections.abc import Mapping

import numpy as np

from . import _native
from ._table import Table
from ._values import dtype_of, near

#: What a value may take, unless something else is said.
LIMIT = 256 << 20
#: Decoded chunks that are kept, in bytes, unless something else is said.
CACHE = 256 << 20

ORDERS = ("julia", "hdf5")


def open(path, *, order="julia", limit=LIMIT, cache=CACHE, trust_checksums=True):
    """Opens a JLD2 file for reading; nothing but its header is read.

    ``order`` is the order of the dimensions of arrays: ``"julia"`` as in Julia, so that ``a[i, j]`` is
    Julia's ``a[i+1, j+1]`` (such arrays are in Fortran order), ``"hdf5"`` the opposite one, as h5py has
    them (C order). ``limit`` is what a value that is no array of numbers may take in memory while it is
    read, in bytes. ``cache`` are the bytes of decoded chunks that are kept for those who read them
    again. With ``trust_checksums=False`` a wrong checksum of metadata does not count as damage.
    """
    return File(path, order=order, limit=limit, cache=cache, trust_checksums=trust_checksums)


class Group(Mapping):
    """A group: names that lead to datasets and to other groups.

    A mapping, so that ``keys()``, ``items()``, ``values()``, ``get()``, ``in`` and ``len()`` are as of a
    dictionary. Names may be paths: ``f["hydro/data"]``.
    """

    def __init__(self, file, name):
        self._file = file
        #: The path.
        self.name = name

    @property
    def file(self):
        """The file that it is in."""
        return self._file

    def _path(self, name):
        if not isinstance(name, str):
            raise TypeError(f"names are strings, not {type(name).__name__}")
        return f"{'' if name.startswith('/') else self.name.rstrip('/')}/{name.strip('/')}"

    def __getitem__(self, name):
        path = self._path(name)
        item = self._file._item(path)
        if item is None:
            raise KeyError(self._missing(path))
        return item

    def _missing(self, path):
        """Why nothing is at a path, in words."""
        native = self._file._native
        at, _, rest = "/", None, path.strip("/")
        while rest:
            name, _, rest = rest.partition("/")
            below = f"{at.rstrip('/')}/{name}"
            kind = native.kind(below)
            if kind == "group":
                at = below
                continue
            if kind is not None:
                return f"{below} is a {kind} and has no {rest}"
            to = dict(native.links(at)).get(name)
            if to is not None:
                return f"{below} is a link to {to}, which is not followed"
            return f"{at} has no {name}{near(name, native.keys(at))}"
        return f"there is nothing at {path}"

    def __iter__(self):
        return iter(self._file._native.keys(self.name))

    def __len__(self):
        return len(self._file._native.keys(self.name))

    def __contains__(self, name):
        return isinstance(name, str) and self._file._native.kind(self._path(name)) is not None

    # Groups are told apart by where they are, not by what is in them.

    def __eq__(self, other):
        if not isinstance(other, Group):
            return NotImplemented
        return self._file is other._file and self.name == other.name

    def __hash__(self):
        return hash((id(self._file), self.name))

    def __repr__(self):
        return f'<jldconv group "{self.name}" ({len(self)} members)>'

    def _ipython_key_completions_(self):
        return list(self)

    @property
    def attrs(self):
        """Its attributes, by name. JLD2 writes none on groups; HDF5 can."""
        return self._file._native.attributes((self.name, None, None), self._file._reversed)

    @property
    def links(self):
        """Soft and external links by name, and where they lead. They are not among its keys."""
        return dict(self._file._native.links(self.name))

    def visititems(self, function):
        """Calls ``function(name, item)`` for all that is below, until it returns something else than
        ``None``, which is returned."""
        for path, item in self._below(""):
            found = function(path, item)
            if found is not None:
                return found
        return None

    def _below(self, prefix):
        for name, item in self.items():
            yield prefix + name, item
            if isinstance(item, Group):
                yield from item._below(f"{prefix}{name}/")


class File(Group):
    """An open file: its root group, and a context manager. See :func:`open`."""

    def __init__(self, path, *, order="julia", limit=LIMIT, cache=CACHE, trust_checksums=True):
        if order not in ORDERS:
            raise ValueError(f"{order!r} is not an order of dimensions: {' or '.join(ORDERS)}")
        self._native = _native.File(os.fspath(path), cache, trust_checksums)
        self._limit = limit
        #: The order of dimensions.
        self.order = order
        self._reversed = order == "hdf5"
        #: The path of the file.
        self.filename = os.fspath(path)
        super().__init__(self, "/")

    def _item(self, path):
        kind = self._native.kind(path)
        if kind == "group":
            return Group(self, path) if path != "/" else self
        if kind == "dataset":
            return Dataset(self, path)
        if kind == "type":
            return CommittedType(path)
        return None

    def _column(self, path, field, name):
        # Tables make their columns here, so that they need not know what a file is made of.
        return Dataset(self, path, field, name)

    def close(self):
        """Lets go of the file. Arrays that were read stay."""
        self._native.close()

    @property
    def closed(self):
        """Whether it was closed."""
        return self._native.closed

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __repr__(self):
        state = "closed" if self.closed else f"{len(self)} members"
        return f'<jldconv file "{self.filename}" ({state})>'


class CommittedType:
    """A committed datatype: what JLD2 keeps in ``/_types``."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return f'<jldconv committed type "{self.name}">'


class Dataset:
    """A dataset: one value of Julia's. Nothing of its data is read before it is asked for.

    ``d[()]`` is the whole value. Of arrays ``d[2:5]``, ``d[..., 0]``, ``d[::10]``, ``d[[1, 5, 7]]`` and
    ``d[mask]`` are parts as NumPy has them: of arrays of numbers only what lies between the first and the
    last of the wanted elements is read, and of chunks only those that hold some of it.
    """

    def __init__(self, file, name, field=None, column=None):
        self._file = file
        self._place = (name, field, column)
        inside = "".join(f".{part}" for part in (field, column) if part is not None)
        #: The path; of a column of a table, with the field and the column's name behind dots.
        self.name = name + inside
        self._told = None

    def _describe(self):
        if self._told is None:
            self._told = self._file._native.describe(self._place)
        return self._told

    @property
    def file(self):
        """The file that it is in."""
        return self._file

    @property
    def julia_type(self):
        """The type of the value, a :class:`Type`."""
        return self._describe()[0]

    @property
    def is_array(self):
        """Whether it is an array."""
        return self._describe()[1] is not None

    @property
    def shape(self):
        """The dimensions of an array in the file's order; ``()`` of any other value."""
        shape = self._describe()[1] or ()
        return shape if not self._file._reversed else shape[::-1]

    @property
    def ndim(self):
        """How many dimensions there are."""
        return len(self.shape)

    @property
    def size(self):
        """How many elements there are; 1 of what is no array."""
        size = 1
        for dim in self.shape:
            size *= dim
        return size

    @property
    def dtype(self):
        """The dtype of the elements, ``object`` where they are not made of numbers."""
        dtype = self._describe()[2]
        return np.dtype(object) if dtype is None else dtype_of(dtype)

    @property
    def nbytes(self):
        """Bytes of the elements in memory."""
        return self.size * self.dtype.itemsize

    @property
    def stored_bytes(self):
        """Bytes of the data in the file."""
        return self._describe()[5]

    @property
    def filters(self):
        """What the data were encoded with, in words; empty if nothing."""
        return self._describe()[3]

    @property
    def chunks(self):
        """The shape of a chunk in the file's order; ``None`` where data are not in chunks."""
        chunks = self._describe()[4]
        return chunks if chunks is None or not self._file._reversed else chunks[::-1]

    @property
    def attrs(self):
        """Its attributes, by name. JLD2 keeps types and shapes in some."""
        return self._file._native.attributes(self._place, self._file._reversed)

    @property
    def value(self):
        """The whole value, the same as ``d[()]``."""
        return self[()]

    def read(self, limit=None):
        """The whole value; what is no array of numbers may take ``limit`` bytes while it is read."""
        told = self._describe()
        if told[1] is not None and told[2] is not None:
            return self[()]
        limit = self._file._limit if limit is None else limit
        return self._file._native.value(self._place, limit, self._file._reversed)

    def table(self, field=None):
        """The table that the value is, or has in a field: a ``DataFrame``, ``StructArray``,
        ``IndexedTable``, or named tuple of vectors. Raises :class:`NoTableError` if there is none."""
        return Table._of(self._file, self._place[0], field)

    def __len__(self):
        if not self.is_array or not self.shape:
            raise TypeError(f"{self.name} has no length: {self.julia_type}")
        return self.shape[0]

    def __bool__(self):
        return True

    def __iter__(self):
        if not self.is_array or not self.shape:
            raise TypeError(f"{self.name} cannot be iterated over: {self.julia_type}")
        return iter(self[()])

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError("data of a file cannot be an array without being read")
        return np.asarray(self[()], dtype=dtype)

    def __repr__(self):
        shape = f"{self.shape} " if self.is_array else ""
        return f'<jldconv dataset "{self.name}": {shape}{self.julia_type}>'

    def __getitem__(self, key):
        _, shape, dtype, *_ = self._describe()
        if shape is None:
            if key == () or key is Ellipsis:
                return self.read()
            raise TypeError(f"{self.name} is no array but {self.julia_type}: read it with [()]")
        if dtype is None:
            value = self.read()
            return value if isinstance(key, tuple) and key == () else value[key]
        if isinstance(key, str):
            return self[()][key]
        starts, counts, inside = _slab(key, self.shape)
        flip = self._file._reversed
        if flip:
            starts, counts = starts[::-1], counts[::-1]
        read = self._file._native.read(self._place, list(starts), list(counts))
        array = read.view(dtype_of(dtype)).reshape(counts, order="F")
        if flip:
            array = array.T
        if inside is None:
            return array
        part = array[inside]
        # A few elements must not keep all memory that lay between them.
        if isinstance(part, np.ndarray) and part.size * 2 < array.size:
            return part.copy(order="K")
        return part


def _slab(key, shape):
    """First element and number of elements along each axis that hold all that ``key`` asks for, and the
    index inside of these; ``None`` for all of it."""
    key = key if isinstance(key, tuple) else (key,)
    if len(key) == 1 and _is_mask(key[0]) and np.ndim(key[0]) > 1:
        return _masked(np.asarray(key[0]), shape)
    dots = [i for i, part in enumerate(key) if part is Ellipsis]
    if len(dots) > 1:
        raise IndexError("an index has at most one ellipsis")
    if any(part is None for part in key):
        raise IndexError("no new axis can be asked of a file: index the array that is read")
    given = len(key) - len(dots)
    if given > len(shape):
        raise IndexError(f"{given} indices for {len(shape)} dimensions")
    missing = (slice(None),) * (len(shape) - given)
    at = dots[0] if dots else len(key)
    key = key[:at] + missing + key[at + 1 :]
    if sum(not isinstance(part, slice) and np.ndim(part) > 0 for part in key) > 1:
        raise IndexError("only one axis can have a list: index the array that is read")
    starts, counts, inside = [], [], []
    for axis, (part, length) in enumerate(zip(key, shape)):
        start, count, rest = _along(part, length, axis)
        starts.append(start)
        counts.append(count)
        inside.append(rest)
    if all(rest == slice(None) for rest in inside if isinstance(rest, slice)) and not any(
        not isinstance(rest, slice) for rest in inside
    ):
        # Of an array without dimensions [()] is the array, as of all others.
        return starts, counts, None
    return starts, counts, tuple(inside)


def _is_mask(part):
    return not isinstance(part, slice) and np.asarray(part).dtype == bool


def _masked(mask, shape):
    if mask.shape != tuple(shape):
        raise IndexError(f"a mask of shape {mask.shape} for an array of shape {tuple(shape)}")
    return [0] * len(shape), list(shape), mask


def _along(part, length, axis):
    """The same along one axis."""
    if isinstance(part, slice):
        picked = range(*part.indices(length))
        if not picked:
            return 0, 0, slice(None)
        low, high = min(picked[0], picked[-1]), max(picked[0], picked[-1])
        step = picked.step
        rest = slice(None) if step == 1 else slice(None, None, step)
        return low, high - low + 1, rest
    if np.ndim(part) == 0 and not isinstance(part, (bool, np.bool_)):
        index = part.__index__() if hasattr(part, "__index__") else None
        if index is None:
            raise TypeError(f"{part!r} is not an index")
        if not -length <= index < length:
            raise IndexError(f"index {index} is outside of axis {axis}, which has {length}")
        return index % length, 1, 0
    picked = np.asarray(part)
    if picked.ndim != 1:
        raise IndexError("a list of indices has one dimension")
    if picked.dtype == bool:
        if len(picked) != length:
            raise IndexError(f"a mask of {len(picked)} for axis {axis}, which has {length}")
        picked = np.flatnonzero(picked)
    elif picked.size == 0:
        picked = picked.astype(np.intp)
    elif picked.dtype.kind not in "iu":
        raise IndexError("a list of indices holds integers")
    if picked.size == 0:
        return 0, 0, picked.astype(np.intp)
    if picked.min() < -length or picked.max() >= length:
        raise IndexError(f"an index is outside of axis {axis}, which has {length}")
    picked = np.where(picked < 0, picked + length, picked)
    low = int(picked.min())
    return low, int(picked.max()) - low + 1, picked - low

"""Julia's values as Python's.

Where Python has the like of it, a value is that: ``int``, ``float``, ``bool``, ``str``, ``None`` (for
``nothing``), ``tuple``, ``complex``, ``dict``, ``set``, NumPy's arrays and numbers. The classes here are
for what Python does not have.
"""

import difflib

import numpy as np

__all__ = [
    "Char",
    "Dict",
    "Key",
    "MissingType",
    "NamedTuple",
    "Pair",
    "Primitive",
    "Set",
    "Struct",
    "Symbol",
    "Text",
    "Type",
    "UndefType",
    "missing",
    "undef",
]


class Type(str):
    """A Julia type: a string, its full name, with the name's parts.

    ``Type("Base.Dict{Core.String,Core.Int64}")`` has the ``name`` ``Base.Dict``, the ``short_name``
    ``Dict`` and the ``parameters`` ``(Type("Core.String"), Type("Core.Int64"))``.
    """

    __slots__ = ("name", "parameters")

    def __new__(cls, text, name=None, parameters=()):
        self = super().__new__(cls, text)
        self.name = text if name is None else name
        self.parameters = parameters
        return self

    @property
    def short_name(self):
        """The last part of the name, without module and parameters."""
        return self.name.rpartition(".")[2]

    def __repr__(self):
        return f"Type({str(self)!r})"

    def __reduce__(self):
        return (Type, (str(self), self.name, self.parameters))


class Symbol(str):
    """A Julia symbol: a string that shows as ``:name``."""

    __slots__ = ()

    def __repr__(self):
        return f":{self}" if self.isidentifier() else f"Symbol({str(self)!r})"


class Char(str):
    """A Julia character: a string of one."""

    __slots__ = ()


class Text(str):
    """A value that Julia stored as text, of a type that Python does not have."""

    __slots__ = ("__julia_type__",)

    def __new__(cls, julia_type, text):
        self = super().__new__(cls, text)
        self.__julia_type__ = julia_type
        return self

    def __repr__(self):
        return f"{self.__julia_type__}({str(self)!r})"

    def __reduce__(self):
        return (Text, (self.__julia_type__, str(self)))


class _Singleton:
    """Something of which there is one."""

    __slots__ = ()

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


class MissingType(_Singleton):
    """The type of :data:`missing`."""

    __slots__ = ()

    def __repr__(self):
        return "missing"

    def __bool__(self):
        raise TypeError("missing is neither true nor false")

    def __reduce__(self):
        return "missing"


class UndefType(_Singleton):
    """The type of :data:`undef`."""

    __slots__ = ()

    def __repr__(self):
        return "#undef"

    def __bool__(self):
        raise TypeError("an undefined element is neither true nor false")

    def __reduce__(self):
        return "undef"


#: Julia's ``missing``.
missing = MissingType()
#: Stands in an array where no element was assigned.
undef = UndefType()


class Primitive:
    """A value of a primitive type or an enumeration: its bits, as a number."""

    __slots__ = ("__julia_type__", "value")

    def __init__(self, julia_type, value):
        self.__julia_type__ = julia_type
        self.value = value

    def __int__(self):
        return int(self.value)

    def __index__(self):
        return int(self.value)

    def __repr__(self):
        return f"{self.__julia_type__}({self.value})"

    def __eq__(self, other):
        if not isinstance(other, Primitive):
            return NotImplemented
        return self.value == other.value and self.__julia_type__ == other.__julia_type__

    def __hash__(self):
        return hash((self.__julia_type__, self.value))


def near(name, names):
    """Names like this one, in words; empty if there are none."""
    found = difflib.get_close_matches(name, [str(known) for known in names], n=3)
    return f"; did you mean {' or '.join(found)}?" if found else ""


class Struct:
    """A Julia struct: its fields are attributes, its type is ``__julia_type__``.

    ``vars(s)`` are the fields by name, ``s["name"]`` is a field of any name, ``list(s)`` are the names of
    all fields. Reading a field that was not defined raises ``AttributeError``.
    """

    __slots__ = ("__dict__", "__weakref__", "__julia_type__", "__fields__")

    def __getattr__(self, name):
        # Called only where there is no such attribute.
        if name in ("__julia_type__", "__fields__") or (
            name.startswith("__") and name not in self.__fields__
        ):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(error.args[0]) from None

    def __getitem__(self, name):
        try:
            return self.__dict__[name]
        except KeyError:
            pass
        if name in self.__fields__:
            raise KeyError(f"the field {name} of {self.__julia_type__} is not defined (#undef)")
        raise KeyError(f"{self.__julia_type__} has no field {name}{near(name, self.__fields__)}")

    def __iter__(self):
        return iter(self.__fields__)

    def __len__(self):
        return len(self.__fields__)

    def __bool__(self):
        return True

    def __contains__(self, name):
        return name in self.__fields__

    def __repr__(self):
        shown = (f"{name}={_shown(self, name)}" for name in self.__fields__)
        return f"{self.__julia_type__}({', '.join(shown)})"

    def __eq__(self, other):
        if self is other:
            return True
        if not isinstance(other, Struct):
            return NotImplemented
        return (
            self.__julia_type__ == other.__julia_type__
            and self.__dict__.keys() == other.__dict__.keys()
            and all(same(a, other.__dict__[name]) for name, a in self.__dict__.items())
        )

    def __hash__(self):
        return hash((self.__julia_type__, tuple(self.__dict__.values())))


#: Structs that are being shown: those that lead to themselves are not gone into again.
_SHOWN: set[int] = set()


def _shown(struct, name):
    if name not in struct.__dict__:
        return "#undef"
    key = id(struct)
    if key in _SHOWN:
        return "..."
    _SHOWN.add(key)
    try:
        return repr(struct.__dict__[name])
    finally:
        _SHOWN.discard(key)


def same(a, b):
    """Whether two values are equal; of arrays, and of what has arrays in it, whether all elements are."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(of, b[key]) for key, of in a.items())
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        if not (isinstance(a, np.ndarray) and isinstance(b, np.ndarray)):
            return False
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        return all(map(same, a.flat, b.flat)) if a.dtype == object else bool(np.all(a == b))
    return a is b or bool(a == b)


class NamedTuple(tuple):
    """A Julia named tuple: a tuple whose elements are attributes, too."""

    def __new__(cls, julia_type, names, values):
        self = super().__new__(cls, values)
        self.__dict__["__julia_type__"] = julia_type
        self.__dict__["_fields"] = tuple(names)
        return self

    def __getattr__(self, name):
        fields = self.__dict__.get("_fields", ())
        if name in fields:
            return self[fields.index(name)]
        raise AttributeError(f"the named tuple has no element {name}{near(name, fields)}")

    def __setattr__(self, name, value):
        raise AttributeError("a named tuple cannot be changed")

    def __dir__(self):
        return [*super().__dir__(), *self._fields]

    def _asdict(self):
        """The elements by name."""
        return dict(zip(self._fields, self))

    def __repr__(self):
        return f"({', '.join(f'{name}={value!r}' for name, value in zip(self._fields, self))})"

    def __reduce__(self):
        return (NamedTuple, (self.__julia_type__, self._fields, tuple(self)))


class Pair(tuple):
    """A Julia pair: a tuple of two, ``first`` and ``second``."""

    def __new__(cls, julia_type, first, second):
        self = super().__new__(cls, (first, second))
        self.__julia_type__ = julia_type
        return self

    @property
    def first(self):
        return self[0]

    @property
    def second(self):
        return self[1]

    def __repr__(self):
        return f"{self[0]!r} => {self[1]!r}"

    def __reduce__(self):
        return (Pair, (self.__julia_type__, self[0], self[1]))


class Key:
    """A key of a dictionary, or an element of a set, that Python could not have there itself.

    Either it cannot be hashed (an array, a struct with arrays), or Python takes it for equal to another
    one that Julia tells from it (``1`` and ``1.0``, ``"a"`` and ``:a``). ``value`` is the key.
    """

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value

    def __repr__(self):
        return f"Key({self.value!r})"


def _hashable(value):
    try:
        hash(value)
    except (TypeError, RecursionError):
        return False
    return True


class Dict(dict):
    """A Julia dictionary: a ``dict`` that knows its ``__julia_type__``; see :class:`Key`."""

    def __init__(self, julia_type, pairs=()):
        super().__init__(pairs)
        self.__julia_type__ = julia_type

    def _fill(self, items):
        items = iter(items)
        for key, value in zip(items, items):
            self[key if _hashable(key) and key not in self else Key(key)] = value

    def __reduce__(self):
        return (Dict, (self.__julia_type__,), None, None, iter(self.items()))


class Set(set):
    """A Julia set: a ``set`` that knows its ``__julia_type__``; see :class:`Key`."""

    def __init__(self, julia_type, items=()):
        super().__init__(items)
        self.__julia_type__ = julia_type

    def __reduce__(self):
        return (Set, (self.__julia_type__, list(self)))


# What the native half makes values with.


def char(code):
    """The character of a code point; of bits that are none, these."""
    try:
        return Char(chr(code))
    except (ValueError, OverflowError):
        return Primitive(Type("Core.Char"), code)


def big_integer(text):
    """A number in base 62: digits, capitals, small letters."""
    figures = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    digits = text.lstrip("-")
    if not digits or any(figure not in figures for figure in digits):
        return Text(Type("Base.GMP.BigInt"), text)

    def number(part):
        # Halves, so that long ones do not take the square of their length.
        if len(part) <= 64:
            value = 0
            for figure in part:
                value = value * 62 + figures.index(figure)
            return value
        middle = len(part) // 2
        return number(part[:middle]) * 62 ** (len(part) - middle) + number(part[middle:])

    value = number(digits)
    return -value if text.startswith("-") else value


def objects(count):
    """A flat array of so many objects."""
    return np.full(count, undef, dtype=object)


def fill(array, items):
    """Puts each item into a flat array, whatever it is."""
    for i, item in enumerate(items):
        array[i] = item


def dtype_of(told):
    """The dtype of what the native half tells of elements."""
    if isinstance(told, dict):
        return np.dtype({**told, "formats": [dtype_of(part) for part in told["formats"]]})
    if isinstance(told, tuple):
        return np.dtype((dtype_of(told[0]), told[1]))
    return np.dtype(told)


def records(read, told):
    """A flat array of records."""
    return read.view(dtype_of(told))


def shaped(array, dims):
    """A flat array in Julia's shape: the first index is the fastest."""
    return array.reshape(dims, order="F")


def shaped_reversed(array, dims):
    """The same in HDF5's shape: the last index is the fastest."""
    return array.reshape(dims[::-1])


def complexes(items, dtype):
    """A flat array of complex numbers."""
    return np.array(items, dtype=dtype)


def new_struct(julia_type):
    struct = Struct.__new__(Struct)
    struct.__julia_type__ = julia_type
    struct.__fields__ = ()
    return struct


def fill_struct(struct, names, values):
    struct.__fields__ = names
    fields = struct.__dict__
    for name, value in zip(names, values):
        if value is not undef:
            fields[name] = value


def _struct(julia_type, names, values):
    struct = new_struct(julia_type)
    fill_struct(struct, names, values)
    return struct


def late(julia_type, names, values, shaping=shaped):
    """A value of a type that Python has the like of, made of its fields."""
    kind = julia_type.name
    if julia_type.short_name == "NamedTuple":
        return NamedTuple(julia_type, names, values)
    if kind.endswith(".Pair") and names == ("first", "second"):
        return Pair(julia_type, *values)
    if kind.endswith(".Complex") and names == ("re", "im"):
        kinds = {float: complex, np.float32: lambda re, im: np.complex64(complex(re, im))}
        make = kinds.get(type(values[0]))
        if make is not None and type(values[0]) is type(values[1]):
            return make(*values)
    if kind.endswith(".Set") and names == ("dict",) and isinstance(values[0], dict):
        return Set(julia_type, values[0])
    if kind.endswith(".BitArray") and "chunks" in names:
        bits = _bits(dict(zip(names, values)), shaping)
        if bits is not None:
            return bits
    return _struct(julia_type, names, values)


def _bits(fields, shaping):
    """The elements of a bit array; none if it does not hold what it says."""
    chunks, length, dims = (fields.get(name) for name in ("chunks", "len", "dims"))
    if not isinstance(chunks, np.ndarray) or chunks.dtype != np.uint64 or not isinstance(length, int):
        return None
    shape = dims if isinstance(dims, tuple) and dims else (length,)
    if not 0 <= length <= 64 * chunks.size or any(not isinstance(n, int) or n < 0 for n in shape):
        return None
    # A vector's `dims` are not defined, and hold anything.
    if int(np.prod(shape, dtype=object)) != length:
        shape = (length,)
    flat = np.unpackbits(chunks.astype("<u8").view(np.uint8), bitorder="little")[:length]
    return shaping(flat.astype(bool), shape)

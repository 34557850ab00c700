"""JLD2 files in Python, without Julia: read, converted, checked.

``jldconv.open`` is much like h5py's ``File``; ``jldconv.mera.load`` knows what Mera files mean;
``convert``, ``inspect`` and ``verify`` do what the commands of the same names do.
"""

from . import mera
from ._errors import (
    ConflictError,
    ConversionError,
    DamagedError,
    Error,
    NoTableError,
    NotJLD2Error,
    QueryError,
    TooLargeError,
    UnsupportedError,
)
from ._file import CommittedType, Dataset, File, Group, open
from ._table import Table
from ._tools import convert, inspect, verify
from ._values import (
    Char,
    Dict,
    Key,
    MissingType,
    NamedTuple,
    Pair,
    Primitive,
    Set,
    Struct,
    Symbol,
    Text,
    Type,
    UndefType,
    missing,
    undef,
)

__all__ = [
    "Char",
    "CommittedType",
    "ConflictError",
    "ConversionError",
    "DamagedError",
    "Dataset",
    "Dict",
    "Error",
    "File",
    "Group",
    "Key",
    "MissingType",
    "NamedTuple",
    "NoTableError",
    "NotJLD2Error",
    "Pair",
    "Primitive",
    "QueryError",
    "Set",
    "Struct",
    "Symbol",
    "Table",
    "Text",
    "TooLargeError",
    "Type",
    "UndefType",
    "UnsupportedError",
    "convert",
    "inspect",
    "mera",
    "missing",
    "open",
    "undef",
    "verify",
]

# Where people find them, whatever file they are written in: errors and pickles name this place.
for _name in __all__:
    if _name != "mera" and isinstance(globals()[_name], type):
        globals()[_name].__module__ = __name__
del _name

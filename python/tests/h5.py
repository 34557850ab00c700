"""Holds what the package reads against what h5py reads of the same file."""

import h5py
import numpy as np

import jldconv
from jldconv import Dict, NamedTuple, Pair, Primitive, Set, Struct, Type, missing, undef


class Comparison:
    """Counts of one file, by what became of its datasets."""

    def __init__(self, path):
        self.path = path
        self.equal = self.values = self.unread = self.damaged = 0
        self.differences = []

    def run(self):
        with h5py.File(self.path, "r") as theirs, jldconv.open(self.path, order="hdf5") as ours:
            self.names(theirs, ours)
            found = []
            ours.visititems(lambda name, item: found.append((name, item)))
            for name, item in found:
                if isinstance(item, jldconv.Dataset):
                    self.dataset(theirs, name, item)
                elif isinstance(item, jldconv.Group):
                    self.names(theirs[name], item)
        return self

    def names(self, theirs, ours):
        """A group has the same names on both sides."""
        own = set(ours) | set(ours.links) | ({"_types"} if "_types" in ours and ours.name == "/" else set())
        # h5py gives bytes where a name is not UTF-8.
        read = {n.decode("utf-8", "replace") if isinstance(n, bytes) else n for n in theirs}
        if read != own:
            self.differences.append(f"{ours.name}: names {sorted(read ^ own)[:5]}")

    def dataset(self, theirs, name, own):
        try:
            item = theirs[name]
            read = item[()]
        except (OSError, TypeError, ValueError, RuntimeError, KeyError):
            # What HDF5 or h5py cannot open or convert; that ours can be read is shown by reading it.
            own.read(limit=4 << 30)
            self.unread += 1
            return
        try:
            value = own.read(limit=4 << 30)
        except jldconv.DamagedError as error:
            if leads_to_damage(theirs, read) or "rescue" in self.path.parts:
                self.damaged += 1
            else:
                self.differences.append(f"{name}: {error}")
            return
        found = compare(theirs, read, value, set())
        if found is None:
            if own.is_array or isinstance(read, (bytes, np.generic)) and not isinstance(read, np.void):
                self.equal += 1
            else:
                self.values += 1
            self.slices(item, own, read)
        else:
            self.differences.append(f"{name}: {found}")

    def slices(self, item, own, read):
        """Parts of arrays, too: the same index on both sides."""
        if not own.is_array or own.dtype == object or own.ndim == 0 or own.size == 0:
            return
        n = own.shape[0]
        keys = [slice(n // 3, n // 2), slice(None, None, 3), n - 1, [0, n // 2] if n > 1 else [0]]
        if own.ndim > 1:
            m = own.shape[-1]
            keys += [(Ellipsis, m // 2), (n // 2, Ellipsis), (slice(0, 2), Ellipsis, slice(m // 2, m))]
        for key in keys:
            found = compare(None, np.asarray(read[key]), np.asarray(own[key]), set())
            if found is not None:
                self.differences.append(f"{own.name}[{key}]: {found}")


def references(read):
    """The references in what h5py read."""
    if isinstance(read, h5py.Reference):
        yield read
    elif isinstance(read, np.void) and read.dtype.names:
        for name in read.dtype.names:
            yield from references(read[name])
    elif isinstance(read, np.ndarray) and (read.dtype == object or read.dtype.names):
        for part in read.reshape(-1):
            yield from references(part)


def leads_to_damage(file, read):
    """Whether HDF5 cannot read something that a value refers to, however far away."""
    left, met = [read], set()
    while left:
        for reference in references(left.pop()):
            if not reference:
                continue
            try:
                item = file[reference]
                address = h5py.h5o.get_info(item.id).addr
                if address not in met and isinstance(item, h5py.Dataset):
                    met.add(address)
                    left.append(item[()])
            except (OSError, ValueError, RuntimeError, KeyError):
                return True
            except TypeError:
                # A type that h5py has no like of.
                pass
    return False


def numbers_equal(theirs, ours):
    """None, or what differs between two arrays of numbers; a Bool is a number to h5py."""
    if theirs.shape != ours.shape:
        return f"shape {theirs.shape} and {ours.shape}"
    if ours.dtype.names is not None:
        if theirs.dtype.names is None:
            # NumPy's complex numbers on the other side are told apart below.
            return f"{theirs.dtype} and {ours.dtype}"
        for part in ours.dtype.names:
            found = numbers_equal(theirs[part], ours[part])
            if found is not None:
                return f"{part}: {found}"
        return None
    if ours.dtype.kind == "c" and theirs.dtype.names is not None:
        re, im = theirs.dtype.names
        return numbers_equal(theirs[re], ours.real.copy()) or numbers_equal(theirs[im], ours.imag.copy())
    if ours.dtype.kind == "b":
        ours = ours.astype(theirs.dtype)
    if theirs.dtype != ours.dtype:
        return f"{theirs.dtype} and {ours.dtype}"
    if theirs.tobytes() != ours.tobytes():
        return "other numbers"
    return None


def holds_nothing(value):
    return value is None or value is missing or (isinstance(value, Struct) and not len(value))


def compare(file, theirs, ours, met):
    """None, or what differs. References are followed; what Julia keeps in a form of its own
    (dictionaries, unions, types) is left to Julia's truth."""
    if isinstance(theirs, np.ndarray) and isinstance(ours, np.ndarray) and ours.dtype != object:
        if ours.shape == () and theirs.shape == (1,):
            # JLD2 gives an array without dimensions one of one element.
            theirs = theirs.reshape(())
        return numbers_equal(theirs, ours)
    if isinstance(theirs, np.ndarray) and theirs.dtype.kind == "S" and isinstance(ours, str):
        # Before JLD2 0.3.1 a string of n bytes was declared as n strings of n bytes.
        return text_equal(bytes(theirs.reshape(-1)[0]), ours)
    if isinstance(theirs, h5py.Reference):
        return followed(file, theirs, ours, met)
    if isinstance(ours, (Dict, Set, Type)) or ours is missing or ours is None:
        return None
    if isinstance(theirs, np.ndarray):
        if isinstance(ours, tuple):
            ours = np.array([*ours, None], dtype=object)[:-1]
        if not isinstance(ours, np.ndarray):
            return None if isinstance(ours, (Struct, Primitive)) else f"an array and {type(ours)}"
        if theirs.shape != ours.shape:
            return f"shape {theirs.shape} and {ours.shape}"
        # What is shared or leads back is gone into once.
        for a, b in zip(theirs.reshape(-1)[:1000], ours.reshape(-1)[:1000]):
            found = compare(file, a, b, met)
            if found is not None:
                return found
        return None
    if isinstance(theirs, h5py.Empty):
        # Arrays of elements without data: their shape stands in an attribute.
        fine = not isinstance(ours, np.ndarray) or all(map(holds_nothing, ours.reshape(-1)))
        return None if fine else "nothing and an array"
    if isinstance(theirs, bytes):
        return text_equal(theirs, ours)
    if isinstance(theirs, np.void):
        return record(file, theirs, ours, met)
    if isinstance(ours, (Primitive, jldconv.Char, complex, np.complexfloating)):
        return None
    if isinstance(theirs, np.generic):
        if isinstance(ours, (bool, int, float)) or isinstance(ours, np.generic):
            equal = np.asarray(ours).astype(theirs.dtype).tobytes() == theirs.tobytes()
            return None if equal else f"{theirs!r} and {ours!r}"
        return None if isinstance(ours, (str, Struct)) else f"{theirs!r} and {ours!r}"
    return None


def text_equal(theirs, ours):
    if not isinstance(ours, str) or isinstance(ours, jldconv.Text):
        return None if isinstance(ours, (jldconv.Text, int)) or ours is undef else f"{theirs!r} and {ours!r}"
    # h5py ends texts at the first NUL.
    wanted = ours.split("\0")[0]
    return None if theirs.decode("utf-8", "replace").split("\0")[0] == wanted else f"{theirs!r}, {ours!r}"


def record(file, theirs, ours, met):
    if isinstance(ours, Pair):
        parts = {"first": ours.first, "second": ours.second}
    elif isinstance(ours, NamedTuple):
        parts = ours._asdict()
    elif isinstance(ours, Struct):
        parts = vars(ours)
    elif isinstance(ours, tuple):
        parts = {str(i): part for i, part in enumerate(ours, 1)}
    elif isinstance(ours, (complex, np.complexfloating)):
        parts = dict(zip(theirs.dtype.names or (), (ours.real, ours.imag)))
    else:
        return None
    for name in theirs.dtype.names or ():
        if name in parts:
            found = compare(file, theirs[name], parts[name], met)
            if found is not None:
                return f"{name}: {found}"
    return None


def followed(file, reference, ours, met):
    if not reference or file is None:
        return None
    try:
        item = file[reference]
        address = h5py.h5o.get_info(item.id).addr
        if address in met or not isinstance(item, h5py.Dataset):
            return None
        met.add(address)
        read = item[()]
    except (OSError, TypeError, ValueError, RuntimeError, KeyError):
        return None
    return compare(file, read, ours, met)

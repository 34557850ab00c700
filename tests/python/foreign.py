"""Files that libhdf5 wrote or added to, and whether two of them hold the same for h5py.

foreign.py make DIR JLD2FILE   writes files into DIR, one kind each, and prints their names
foreign.py more FILE...        adds to each of the files as a user does
foreign.py same A B [A B...]   holds B against A: links and attributes in their order of creation,
                               values, fill values, what references lead to; of files of JLD2, whose
                               types change, what stands below /notes
"""

import os
import shutil
import sys

import h5py
import hdf5plugin  # noqa: F401
import numpy as np

TEXT = h5py.string_dtype()
# libhdf5 gives a collection of 4,096 bytes 4,080 for objects, each 16 and its data, by eights.
FULL = 4080


def strings(h, name, values):
    h.create_dataset(name, data=np.array(values, dtype=object), dtype=TEXT)


def exact(size):
    """As many strings of `size` bytes as a collection holds, to the last byte or nearly."""
    taken = 16 + (size + 7) // 8 * 8
    return ["%0*d" % (size, i) for i in range(FULL // taken)]


# Groups with more than eight links go into a fractal heap.


def filled(h):
    for name, some in (("small", (1, 8, 9, 24, 184, 239, 240)),
                       ("large", (1000, 2024, 4056, 4064, 4065, 5000, 70_000))):
        g = h.create_group(name)
        for size in some:
            strings(g, f"n{size}", exact(size) or ["y" * size])
    # What is left over takes no head, one head, a head and some bytes.
    g = h.create_group("nearly")
    for left in (8, 16, 24, 32):
        strings(g, f"left{left}", ["z" * (FULL - 16 - left)])


def sizes(h):
    g = h.create_group("rising")
    for start in (0, 1, 7, 8, 9, 63, 400, 3000):
        strings(g, f"from{start}", ["q" * (start + i) for i in range(40)])
    strings(h, "empty", ["", "", "a", ""])
    strings(h, "unicode", ["ß", "日本", "🙂"])


def freed(h):
    strings(h, "s", [f"text {i}" for i in range(60)])
    h.flush()
    for i in range(0, 60, 3):
        h["s"][i] = "longer than before " * (i % 5)
        h.flush()
    h.attrs["gone"] = "x" * 100
    del h.attrs["gone"]
    h.attrs["stays"] = "y" * 100


def attributes(h):
    # More than eight go into a fractal heap.
    d = h.create_dataset("d", data=np.arange(6.0))
    for i in range(7):
        d.attrs[f"text{i}"] = "v" * 10**i if i < 5 else f"short {i}"
    h.attrs.create("list", ["one", "two", "", "four"], dtype=TEXT)
    h.attrs.create("vlen", np.array([np.arange(3), np.arange(5)], dtype=object),
                   dtype=h5py.vlen_dtype(np.int32))
    pair = np.dtype([("name", TEXT), ("value", "<f8"), ("ref", h5py.ref_dtype)])
    h.attrs.create("rows", np.array([("first", 1.5, d.ref), ("second", -2.0, h.ref)], dtype=pair))
    row = np.array([("third", 1.5, d.ref), ("", 0.0, None)], dtype=pair)
    h.create_dataset("rows", data=row, dtype=pair)
    g = h.create_group("g")
    g.attrs["where"] = d.ref


def fills(h):
    full = "FILL " * 30
    h.create_dataset("text", data=["abc", "defg"], dtype=TEXT, fillvalue=full)
    h.create_dataset("number", data=[1.0, 2.0], fillvalue=7.5)
    h.create_dataset("later", (3,), dtype=TEXT, fillvalue="never written")[1] = "one"
    h.create_group("after").attrs["text"] = "in the same heap"


def order(h):
    g = h.create_group("g", track_order=True)
    for name in "zyxab":
        g.create_group(name, track_order=True)
        g.attrs[name] = f"attribute {name}"
    d = h.create_dataset("d", data=np.arange(4), track_order=True)
    for name in ("last", "first", "middle"):
        d.attrs[name] = name
    del d.attrs["first"]
    d.attrs["again"] = 3
    strings(g, "text", ["in", "order"])
    h.create_group("times", track_order=False)
    h.create_dataset("timed", data=[1, 2], track_times=True)


KINDS = {f.__name__: f for f in (filled, sizes, freed, attributes, fills, order)}


def make(folder, jld2):
    text = open(jld2, "rb").read(512)
    made = []
    for name, write in KINDS.items():
        for libver in ("v108", "latest"):
            path = os.path.join(folder, f"{name}-{libver}.jld2")
            with h5py.File(path, "w", userblock_size=512, libver=(libver, "latest")) as h:
                write(h)
            with open(path, "r+b") as f:
                f.write(text)
            made.append(path)
    # Strings in several sessions, as a user notes things down.
    for libver in ("earliest", "v108", "latest"):
        path = os.path.join(folder, f"appended-{libver}.jld2")
        shutil.copyfile(jld2, path)
        os.chmod(path, 0o644)
        for session in range(4):
            with h5py.File(path, "r+", libver=(libver, "latest")) as h:
                g = h.require_group("notes")
                strings(g, f"s{session}", exact(8 * session + 8))
                if session < 3:
                    h["notes"].attrs[f"a{session}"] = "noted " * (session * 100 + 1)
                # Reading puts JLD2's heaps at hand, and libhdf5 adds to what has room.
                h.visititems(lambda _, item: read(item))
                g.create_dataset(f"t{session}", data=f"one more {session}", dtype=TEXT)
        made.append(path)
    print("\n".join(made))


def read(item):
    if isinstance(item, h5py.Dataset):
        try:
            item[()]
        except (OSError, TypeError, ValueError):
            pass


def plain(h, value):
    """A value with references turned into the names of what they lead to."""
    if isinstance(value, h5py.Reference):
        return h5py.h5i.get_name(h[value].id) if value else None
    if isinstance(value, np.ndarray) and value.dtype.kind == "O":
        return [plain(h, v) for v in value.ravel()], value.shape
    if isinstance(value, (np.ndarray, np.void)) and value.dtype.names:
        return [(name, plain(h, value[name])) for name in value.dtype.names]
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, np.generic):
        return value.dtype.str, value.tobytes()
    return value


def attempt(what):
    try:
        return what()
    except Exception as error:  # whatever it is, the other file must give the same
        return type(error).__name__


def picture(path):
    """All that h5py says of a file."""
    out = {}
    with h5py.File(path, "r") as h:

        def visit(name, item):
            here = {}
            made = attempt(lambda: item.id.get_create_plist())
            if isinstance(item, h5py.Group):
                here["links"] = list(item)
                here["link order"] = made.get_link_creation_order()
            if isinstance(item, h5py.Dataset):
                here["value"] = attempt(lambda: plain(h, item[()]))
                here["type"] = attempt(lambda: str(item.dtype))
                here["times"] = attempt(made.get_obj_track_times)
                defined = attempt(made.fill_value_defined)
                here["fill"] = defined
                if defined == h5py.h5d.FILL_VALUE_USER_DEFINED:
                    here["fill value"] = attempt(lambda: plain(h, filling(item)))
            if not isinstance(item, h5py.Datatype):
                here["attribute order"] = made.get_attr_creation_order()
            here["attributes"] = [
                (key, attempt(lambda k=key: plain(h, item.attrs[k]))) for key in item.attrs
            ]
            if not isinstance(item, h5py.Datatype):
                here["indices"] = [
                    h5py.h5a.get_info(item.id, key if isinstance(key, bytes) else key.encode()).corder
                    for key in item.attrs
                ]
            out[name] = here

        visit("/", h)
        h.visititems(visit)
    return out


def filling(item):
    value = np.zeros((), dtype=item.dtype)
    item.id.get_create_plist().get_fill_value(value)
    return value[()]


def same(a, b):
    before, after = picture(a), picture(b)
    if "_types" in before:
        before, after = ({n: v for n, v in p.items() if n.startswith("notes")} for p in (before, after))
    with h5py.File(a, "r") as h:
        old_headers = h.id.get_create_plist().get_version()[0] == 0
    for name in before.keys() | after.keys():
        assert name in before and name in after, (a, b, name)
        old, new = before[name], after[name]
        if "links" in old and old["attribute order"] and not new["attribute order"]:
            # A rewrite gives it up for groups, to which JLD2 could not add links otherwise.
            old, new = (dict(seen) for seen in (old, new))
            for seen in (old, new):
                seen["attributes"] = sorted(seen["attributes"])
                del seen["attribute order"], seen["indices"]
        if not old.get("attribute order"):
            # Without an order of creation, libhdf5 numbers them as they are stored, or not at all.
            old.pop("indices", None), new.pop("indices", None)
        if old_headers:
            # A message holds the time, which h5py does not ask for once the header is newer.
            old.pop("times", None), new.pop("times", None)
        for key in old.keys() | new.keys():
            assert old.get(key) == new.get(key), (a, b, name, key, old.get(key), new.get(key))
    assert len(before) > 1, a
    return len(before)


def more(path):
    """Adds to a file: to what has room in heaps, and in new ones."""
    with h5py.File(path, "r+", libver="latest") as h:
        h.visititems(lambda _, item: read(item))
        g = h.create_group("notes again")
        for i in range(2):
            strings(g, f"more{i}", [f"{i} {j}" * (j % 40) for j in range(300)])
        g["more0"][7] = "another"
        g.attrs["more"] = "m" * 300


if sys.argv[1] == "make":
    make(*sys.argv[2:])
elif sys.argv[1] == "more":
    for file in sys.argv[2:]:
        more(file)
else:
    pairs = sys.argv[2:]
    assert pairs and len(pairs) % 2 == 0
    print(sum(same(a, b) for a, b in zip(pairs[::2], pairs[1::2])), "objects")

"""Files of libhdf5 with all that groups and objects can be stored as.

groups.py make DIR    writes files into DIR, one kind and version of the format each, prints their names
groups.py small DIR    writes the files of tests/data/hdf5 into DIR, each with what h5py reads of it
groups.py grow FILE    adds links and attributes to a file of JLD2, so that groups keep them elsewhere
groups.py values FILE...   prints, as JSON, what h5py reads of each: from path to shape and digest of
                           arrays of numbers, to the target of soft and external links
"""

import hashlib
import json
import os
import sys

import h5py
import numpy as np

# The oldest and the newest version of the format that the library may write.
VERSIONS = {
    "earliest": ("earliest", "latest"),
    "v108": ("v108", "v108"),
    "v110": ("v110", "v110"),
    "latest": ("latest", "latest"),
}


def plain(h):
    """Numbers of all sizes, scalars, empty ones, nested groups, attributes of many shapes."""
    for name in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"):
        h[f"numbers/{name}"] = np.arange(1, 25).astype("<" + name).reshape(2, 3, 4)
    h["numbers/scalar"] = 2.5
    h["numbers/none"] = np.zeros((0, 3))
    h.create_dataset("empty", dtype="f8", shape=None)
    h["a/b/c/d"] = np.arange(3)
    h["text"] = "a string of variable length"
    h["texts"] = np.array(["one", "", "three"], dtype=object)
    h["fixed"] = np.array([b"abc", b"de"], dtype="S5")
    h["record"] = np.array([(1, 2.5), (3, 4.5)], dtype=[("n", "<i4"), ("value", "<f8")])
    h["wide"] = np.zeros(2, dtype=[(f"member {i}", "<i2") for i in range(40)])
    for o in (h["numbers"], h["a/b/c/d"]):
        o.attrs["three"] = np.arange(3, dtype="<i2")
        o.attrs["text"] = "ß and more"
        o.attrs["one"] = np.int8(7)
        o.attrs["grid"] = np.ones((2, 2))


def links(h):
    """Groups with more links than a header or a node takes."""
    data = h.create_dataset("data", data=np.arange(5.0))
    for count in (8, 9, 300, 2000):
        g = h.create_group(f"g{count}")
        for i in range(count):
            g[f"link number {i}"] = data
    g = h.create_group("datasets")
    for i in range(40):
        g[f"d{i}"] = np.full(3, i)
    deep = h
    for i in range(40):
        deep = deep.create_group(f"level{i}")
    deep["end"] = np.arange(2)


def attributes(h):
    """Objects with more or larger attributes than a header takes."""
    d = h.create_dataset("data", data=np.arange(4.0))
    g = h.create_group("group")
    t = np.dtype("<i4")
    h["type"] = t
    for o in (d, g, h["type"]):
        for i in range(30):
            o.attrs[f"attribute {i}"] = np.arange(i)
        o.attrs["large"] = np.arange(2500.0)
        o.attrs["text"] = "x" * 5000
    g.attrs["where"] = d.ref
    g.attrs.create("typed", np.int32(5), dtype=h["type"])


def order(h):
    """The order of creation of links and attributes."""
    for count in (3, 30):
        g = h.create_group(f"g{count}", track_order=True)
        for i in range(count):
            g[f"{7 * i % 31:02}"] = np.full(2, i)
            g.attrs[f"{11 * i % 31:02}"] = i
        for i in range(0, count, 3):
            del g[f"{7 * i % 31:02}"]


def names(h):
    """Names of all kinds."""
    for i, name in enumerate(("ä", "日本語", "🙂 and more", " spaces ", "a.b", "..", "tab\there", "x" * 300,
                              "y" * 70_000, "\"quoted\"", "back\\slash", "new\nline")):
        if len(name) > 60_000 and h.libver[0] == "earliest":
            continue
        h.create_group(f"g/{i}")[name] = np.arange(i)


def raw_names(h):
    """Names of links, attributes and members that are not UTF-8, as other programs write them."""
    data = h.create_dataset("data", data=np.arange(5.0))
    for group, count in (("few", 3), ("many", 40)):
        g = h.create_group(group)
        for i in range(count):
            g[b"gr\xfc\xdfe %d" % i] = np.arange(i)
        g[b"\xff"] = data
        g[b"\xfe"] = np.arange(7)
        g["ü"] = np.arange(8)
    # JLD2 does not open a group with a soft link.
    soft = h.create_group("soft")
    soft.id.links.create_soft(b"z\xfcr\xfcck", b"/few/\xff")
    h[b"\xc4/\xd6/\xdc/inner"] = np.arange(9)
    space = h5py.h5s.create(h5py.h5s.SCALAR)
    h5py.h5a.create(data.id, b"\xe4", h5py.h5t.STD_I32LE, space).write(np.array(4, dtype="<i4"))
    record = h5py.h5t.create(h5py.h5t.COMPOUND, 8)
    record.insert(b"l\xe4nge", 0, h5py.h5t.STD_I32LE)
    record.insert(b"h\xf6he", 4, h5py.h5t.STD_I32LE)
    h5py.h5d.create(h.id, b"record", record, space)


def symbolic(h):
    """Soft and external links: to objects, to nothing, to one another, to themselves."""
    h["data"] = np.arange(3)
    h["group/inner"] = np.arange(4)
    h["soft"] = h5py.SoftLink("/data")
    h["nowhere"] = h5py.SoftLink("/not/there")
    h["itself"] = h5py.SoftLink("/itself")
    h["group/up"] = h5py.SoftLink("../data")
    h["group/dir"] = h5py.SoftLink("/group")
    h["unicode ß"] = h5py.SoftLink("/dätä")
    if h.libver[0] != "earliest":
        h["outside"] = h5py.ExternalLink("other file.h5", "/some/thing")
        g = h.create_group("many")
        for i in range(20):
            g[f"s{i}"] = h5py.SoftLink(f"/target/{i}")
            g[f"d{i}"] = h["data"]
            g[f"e{i}"] = h5py.ExternalLink(f"file{i}.h5", "/x")


def references(h):
    """References to groups, datasets, nothing; in arrays, attributes, records and sequences."""
    d = h.create_dataset("data", data=np.arange(3.0))
    g = h.create_group("group")
    g["inner"] = np.arange(2)
    h.create_dataset("groups", data=[g.ref, h.ref], dtype=h5py.ref_dtype)
    h.create_dataset("mixed", data=[g.ref, d.ref, h["group/inner"].ref], dtype=h5py.ref_dtype)
    h.create_dataset("one", data=d.ref, dtype=h5py.ref_dtype)
    none = h.create_dataset("none", (3,), dtype=h5py.ref_dtype)
    none[1] = g.ref
    pair = np.dtype([("n", "<i4"), ("ref", h5py.ref_dtype)])
    h.create_dataset("pairs", data=np.array([(1, g.ref), (2, d.ref)], dtype=pair))
    g.attrs["up"] = h.ref
    d.attrs["list"] = np.array([g.ref, d.ref], dtype=h5py.ref_dtype)


def types(h):
    """Named types, used by datasets and attributes."""
    h["types/number"] = np.dtype("<f4")
    h["types/record"] = np.dtype([("x", "<f8"), ("n", "<i4", (2, 3)), ("t", "S4")])
    h.create_dataset("number", data=np.arange(4), dtype=h["types/number"])
    h.create_dataset("record", (2,), dtype=h["types/record"])[0] = (1.5, np.ones((2, 3)), b"abc")
    h["number"].attrs.create("same", np.float32(1.5), dtype=h["types/number"])
    h["types/number"].attrs["note"] = "on a type"


def late(h):
    """Data that were never written."""
    h.create_dataset("zeros", (4, 5), dtype="<f8")
    h.create_dataset("filled", (3,), dtype="<i4", fillvalue=42)
    h.create_dataset("record", (2,), dtype=[("a", "<i2"), ("b", "<f4")])
    h.create_dataset("text", (2,), dtype=h5py.string_dtype())
    h["written"] = np.arange(3)


def matlab(path):
    """As MATLAB 7.3 writes: a text in a user block, classes in attributes, cells as references."""
    with h5py.File(path, "w", userblock_size=512, libver=("earliest", "v108")) as h:
        def put(place, data, kind, **attributes):
            d = h.create_dataset(place, data=data)
            d.attrs["MATLAB_class"] = np.bytes_(kind)
            for name, value in attributes.items():
                d.attrs[name] = value
            return d

        put("matrix", np.arange(12.0).reshape(3, 4), "double")
        put("flag", np.array([[1]], dtype="u1"), "logical", MATLAB_int_decode=np.int32(1))
        put("text", np.array([[ord(c)] for c in "MATLAB"], dtype="<u2"), "char",
            MATLAB_int_decode=np.int32(2))
        put("nothing", np.array([0, 0], dtype="<u8"), "double", MATLAB_empty=np.uint8(1))
        s = h.create_group("structure")
        s.attrs["MATLAB_class"] = np.bytes_("struct")
        s.attrs.create("MATLAB_fields", np.array([b"a", b"b"], dtype="S1"))
        put("structure/a", np.arange(3.0).reshape(1, 3), "double")
        put("structure/b", np.array([[ord(c)] for c in "xyz"], dtype="<u2"), "char")
        h.create_group("#refs#")
        cells = [put(f"#refs#/{name}", np.full((1, 2), i, dtype="<f8"), "double")
                 for i, name in enumerate("abc")]
        c = h.create_dataset("cells", data=[[c.ref] for c in cells], dtype=h5py.ref_dtype)
        c.attrs["MATLAB_class"] = np.bytes_("cell")
    with open(path, "r+b") as f:
        head = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Thu Nov 26 2026 HDF5 schema 1.00 ."
        f.write(head.ljust(124) + b"\0\2IM")


KINDS = {f.__name__: f for f in (plain, links, attributes, order, names, raw_names, symbolic, references, types, late)}


def make(folder):
    made = []
    for kind, write in KINDS.items():
        for version, libver in VERSIONS.items():
            for block in (0, 512, 1024) if kind == "plain" else (0,):
                name = f"{kind}-{version}" + (f"-block{block}" if block else "")
                path = os.path.join(folder, name + ".h5")
                with h5py.File(path, "w", libver=libver, userblock_size=block) as h:
                    write(h)
                made.append(path)
    path = os.path.join(folder, "matlab.mat")
    matlab(path)
    return [*made, path]


def old(h):
    """All that superblocks, headers and groups of the oldest kind hold."""
    d = h.create_dataset("data", data=np.arange(6.0).reshape(2, 3))
    g = h.create_group("many")
    for i in range(25):
        g[f"link {i}"] = d
    g["own"] = np.arange(4, dtype=">i4")
    h["soft"] = h5py.SoftLink("/many/own")
    h["nowhere"] = h5py.SoftLink("/not/there")
    h["a/b"] = np.array([(1, (2, 3), 1.5)], dtype=[("n", "<i2"), ("pair", "<u2", (2,)), ("x", "<f8")])
    for i in range(5):
        d.attrs[f"attribute {i}"] = np.arange(i, dtype="<i2")
    g.attrs["text"] = "of a group"
    h.create_dataset("refs", data=[g.ref, h["a"].ref, d.ref], dtype=h5py.ref_dtype)
    h["type"] = np.dtype("<u2")
    h.create_dataset("typed", data=[1, 2, 3], dtype=h["type"]).attrs.create("t", 7, dtype=h["type"])
    h["switch"] = np.array([True, False])


def dense(h):
    """Links and attributes in fractal heaps: in one block and in several, small and large ones."""
    d = h.create_dataset("data", data=np.arange(6.0).reshape(2, 3))
    g = h.create_group("many")
    for i in range(120):
        g[f"link number {i}"] = d
    g["own"] = np.arange(4, dtype="<i4")
    g["soft"] = h5py.SoftLink("/many/own")
    g["outside"] = h5py.ExternalLink("other.h5", "/x")
    o = h.create_group("order", track_order=True)
    for name in "zyxwvutsrqpo":
        o[name] = np.full(2, ord(name))
        o.attrs[name] = f"attribute {name}"
    for i in range(12):
        d.attrs[f"attribute {i}"] = np.arange(i)
    d.attrs["large"] = np.arange(700.0)
    g.attrs["few"] = 1


def foreign(h):
    """Beside what JLD2 reads, what it does not."""
    d = h.create_dataset("data", data=np.arange(6.0))
    h.create_dataset("regions", data=[d.regionref[0:2]], dtype=h5py.regionref_dtype)
    h["group/inner"] = np.arange(3)
    h["group/long"] = np.array([1, 2], dtype=np.longdouble)


def leads_to_foreign(h):
    """References and sequences of references, in a heap, to what JLD2 does not read."""
    d = h.create_dataset("data", data=np.arange(6.0))
    r = h.create_dataset("regions", data=[d.regionref[0:2]], dtype=h5py.regionref_dtype)
    h.create_dataset("refs", data=[d.ref, r.ref], dtype=h5py.ref_dtype)
    s = h.create_dataset("sequences", (2,), dtype=h5py.vlen_dtype(h5py.ref_dtype))
    s[0] = np.array([d.ref, r.ref], dtype=h5py.ref_dtype)


def small(folder):
    path = os.path.join(folder, "leads-to-regions.h5")
    with h5py.File(path, "w", libver="v108") as h:
        leads_to_foreign(h)
    with h5py.File(os.path.join(folder, "regions.h5"), "w", libver="v108") as h:
        foreign(h)
    with h5py.File(os.path.join(folder, "old.h5"), "w", libver=("earliest", "v108")) as h:
        old(h)
    with h5py.File(os.path.join(folder, "names-old.h5"), "w", libver=("earliest", "v108")) as h:
        raw_names(h)
    with h5py.File(os.path.join(folder, "names.h5"), "w", libver="v110") as h:
        raw_names(h)
    with h5py.File(os.path.join(folder, "dense.h5"), "w", libver="v110") as h:
        dense(h)
    matlab(os.path.join(folder, "matlab.mat"))
    for name in ("old.h5", "dense.h5", "matlab.mat", "regions.h5", "names.h5", "names-old.h5"):
        path = os.path.join(folder, name)
        with open(path + ".expected.json", "w") as f:
            json.dump(values(path), f, indent=1, sort_keys=True)
            f.write("\n")


def grow(path):
    """More links and attributes than headers take, in the root group, in /hydro and below."""
    with h5py.File(path, "r+") as h:
        for g in (h, h["hydro"], h["hydro/information"]):
            for i in range(30):
                g[f"added {i}"] = np.full(2, i)
                g.attrs[f"note {i}"] = f"text {i}"


def text(name):
    """Names that are not UTF-8 as jldconv shows them."""
    if isinstance(name, str):
        name = name.encode("utf8", "surrogateescape")
    out = name.decode("utf8", "surrogateescape")
    return "".join(f"\\x{ord(c) - 0xdc00:02x}" if 0xdc80 <= ord(c) <= 0xdcff else c for c in out)


def little(array):
    return array.astype(array.dtype.newbyteorder("<"))


def values(path):
    out = {}

    def walk(group, path, above):
        for name in group:
            here = f"{path}/{text(name)}"
            raw = name if isinstance(name, bytes) else name.encode("utf8", "surrogateescape")
            kind = group.id.links.get_info(raw).type
            if kind == h5py.h5l.TYPE_SOFT:
                out[here] = {"soft": text(group.id.links.get_val(raw))}
                continue
            if kind == h5py.h5l.TYPE_EXTERNAL:
                out[here] = {"external": [text(part) for part in group.id.links.get_val(raw)]}
                continue
            item = h5py.h5o.open(group.id, raw)
            item = {h5py.h5g.GroupID: h5py.Group, h5py.h5d.DatasetID: h5py.Dataset}.get(type(item), id)(item)
            if isinstance(item, h5py.Group):
                if item.id not in above:
                    walk(item, here, [*above, item.id])
            elif isinstance(item, h5py.Dataset) and item.shape is not None \
                    and item.id.get_type().get_class() in (h5py.h5t.INTEGER, h5py.h5t.FLOAT) \
                    and item.dtype.itemsize <= 8:
                data = little(np.asarray(item[()]))
                # Julia's order of dimensions is the reverse.
                out[here] = {"dims": list(reversed(data.shape)), "scalar": data.ndim == 0,
                             "sha256": hashlib.sha256(data.tobytes()).hexdigest()}

    with h5py.File(path, "r") as h:
        walk(h, "", [h.id])
    return out


if __name__ == "__main__":
    if sys.argv[1] == "make":
        print("\n".join(make(sys.argv[2])))
    elif sys.argv[1] == "small":
        small(sys.argv[2])
    elif sys.argv[1] == "grow":
        grow(sys.argv[2])
    else:
        print(json.dumps({path: values(path) for path in sys.argv[2:]}))

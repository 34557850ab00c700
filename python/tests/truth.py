"""Holds Python values against what Julia read from the same files: `*.truth.json`, canonical JSON."""

import hashlib
import struct

import numpy as np

import jldconv
from jldconv import Char, Dict, Key, NamedTuple, Pair, Primitive, Set, Struct, Symbol, Type, missing, undef

# How numbers of these types come, and how their bits are written.
NUMBERS = {
    "Int8": np.int8,
    "Int16": np.int16,
    "Int32": np.int32,
    "Int64": int,
    "Int128": int,
    "UInt8": np.uint8,
    "UInt16": np.uint16,
    "UInt32": np.uint32,
    "UInt64": np.uint64,
    "UInt128": int,
    "BigInt": int,
    "Bool": bool,
}
FLOATS = {"Float16": ("<e", "<H"), "Float32": ("<f", "<I"), "Float64": ("<d", "<Q")}


class Comparison:
    """The differences between the values of one dataset and its truth."""

    def __init__(self):
        self.out = []
        self.met = {}

    def say(self, at, text):
        self.out.append(f"{at}: {text}")

    def same(self, value, node, at=""):
        if node is None:
            if value is not undef:
                self.say(at, f"{value!r} instead of an undefined element")
            return
        if "ref" in node:
            if self.met.get(node["ref"]) is not value:
                self.say(at, f"{value!r} is not the object that it should share")
            return
        if "id" in node:
            self.met[node["id"]] = value
        if "v" in node:
            self.simple(value, node, at)
        elif "sha256" in node:
            self.numbers(value, node, at)
        elif "dims" in node:
            self.array(value, node, at)
        elif "pairs" in node:
            self.dict(value, node, at)
        elif "items" in node:
            if isinstance(value, np.void):
                # A record of an array of tuples, whose parts have numbers for names.
                value = tuple(value[name] for name in sorted(value.dtype.names, key=int))
            if not isinstance(value, tuple) or len(value) != len(node["items"]):
                self.say(at, f"{value!r} instead of a tuple of {len(node['items'])}")
                return
            for i, (part, wanted) in enumerate(zip(value, node["items"])):
                self.same(part, wanted, f"{at}[{i}]")
        else:
            self.struct(value, node, at)

    def simple(self, value, node, at):
        name, wanted = node["t"].split(".")[-1], node["v"]
        # Elements of records are NumPy's numbers.
        plain = (
            value.item() if isinstance(value, np.generic) and name in ("Int64", "Float64", "Bool") else value
        )
        if name in FLOATS:
            kind, bits = FLOATS[name]
            right = isinstance(plain, float if name == "Float64" else getattr(np, name.lower()))
            found = struct.unpack(bits, struct.pack(kind, plain))[0] if right else None
            digits = 2 * struct.calcsize(bits)
            if found is None or not nan_or_same(f"0x{found:0{digits}x}", wanted, plain):
                self.say(at, f"{value!r} ({type(value).__name__}) instead of {name} {wanted}")
        elif name in NUMBERS:
            if type(plain) is not NUMBERS[name] or plain != wanted:
                self.say(at, f"{value!r} ({type(value).__name__}) instead of {name} {wanted}")
        elif name == "String":
            if type(value) is not str or value != wanted:
                self.say(at, f"{value!r} instead of the string {wanted!r}")
        elif name == "Symbol":
            if type(value) is not Symbol or value != wanted:
                self.say(at, f"{value!r} instead of the symbol {wanted!r}")
        elif name == "Char":
            if type(value) is not Char or ord(value) != wanted:
                self.say(at, f"{value!r} instead of the character {wanted}")
        elif name in ("DataType", "Union", "UnionAll"):
            if not isinstance(value, Type) or str(value) != wanted:
                self.say(at, f"{value!r} instead of the type {wanted}")
        elif isinstance(value, Primitive):
            if value.__julia_type__ != node["t"] or value.value != wanted:
                self.say(at, f"{value!r} instead of {node['t']}({wanted})")
        elif not isinstance(value, jldconv.Text):
            self.say(at, f"{value!r} instead of {node['t']} {wanted!r}")

    def numbers(self, value, node, at):
        if not isinstance(value, np.ndarray) or value.shape != tuple(node["dims"]):
            self.say(at, f"{value!r} instead of numbers of shape {node['dims']}")
            return
        if value.dtype == object:
            size = 16
            bits = b"".join((int(v) % 2**128).to_bytes(size, "little") for v in value.flat)
        else:
            bits = value.tobytes(order="F")
        if hashlib.sha256(bits).hexdigest() != node["sha256"]:
            self.say(at, "other numbers")

    def array(self, value, node, at):
        if not isinstance(value, np.ndarray) or value.shape != tuple(node["dims"]):
            self.say(at, f"{value!r} instead of an array of shape {node['dims']}")
            return
        for i, (part, wanted) in enumerate(zip(value.reshape(-1, order="F"), node["items"])):
            self.same(part, wanted, f"{at}[{i}]")

    def dict(self, value, node, at):
        if not isinstance(value, Dict) or len(value) != len(node["pairs"]):
            self.say(at, f"{value!r} instead of a dictionary of {len(node['pairs'])}")
            return
        if value.__julia_type__ != node["t"]:
            self.say(at, f"{value.__julia_type__} instead of {node['t']}")
        left = [(key.value if isinstance(key, Key) else key, of) for key, of in value.items()]
        for key, of in node["pairs"]:
            found = next((i for i, pair in enumerate(left) if self.fits(pair[0], key)), None)
            if found is None:
                self.say(at, f"no key {key}")
                continue
            pair = left.pop(found)
            self.same(pair[0], key, f"{at}.key")
            self.same(pair[1], of, f"{at}[{pair[0]!r}]")

    def fits(self, value, node):
        trial = Comparison()
        trial.met = dict(self.met)
        trial.same(value, node)
        return not trial.out

    def struct(self, value, node, at):
        name, fields = node["t"].split("{")[0], node.get("fields", {})
        if name == "Core.Nothing":
            fine = value is None
        elif name == "Base.Missing":
            fine = value is missing
        else:
            fine = None
        if fine is not None:
            if not fine:
                self.say(at, f"{value!r} instead of {name}")
            return
        if isinstance(value, (complex, np.complexfloating)):
            parts = {"re": value.real, "im": value.imag}
        elif isinstance(value, np.void):
            parts = {part: value[part] for part in value.dtype.names}
        elif isinstance(value, Set):
            parts = {"dict": Dict("dict", ())}
            members = [key for key, _ in fields["dict"]["pairs"]]
            left = [key.value if isinstance(key, Key) else key for key in value]
            for member in members:
                found = next((i for i, key in enumerate(left) if self.fits(key, member)), None)
                if found is None:
                    self.say(at, f"no element {member}")
                else:
                    left.pop(found)
            if left:
                self.say(at, f"further elements {left}")
            return
        elif isinstance(value, np.ndarray) and name == "Base.BitArray":
            self.bits(value, node, at)
            return
        elif isinstance(value, (Struct, NamedTuple, Pair)):
            if str(value.__julia_type__) != node["t"]:
                self.say(at, f"{value.__julia_type__} instead of {node['t']}")
            if isinstance(value, Struct):
                parts = {part: vars(value).get(part, undef) for part in value}
            elif isinstance(value, Pair):
                parts = {"first": value.first, "second": value.second}
            else:
                parts = value._asdict()
        else:
            self.say(at, f"{value!r} instead of {node['t']}")
            return
        for part, wanted in fields.items():
            if part in parts:
                self.same(parts[part], wanted, f"{at}.{part}")
            elif not singleton(wanted):
                self.say(at, f"no field {part}")
        for part in parts:
            if part not in fields:
                self.say(at, f"a further field {part}")

    def bits(self, value, node, at):
        packed = np.packbits(value.reshape(-1, order="F"), bitorder="little").tobytes()
        chunks = node["fields"]["chunks"]
        packed = packed.ljust(8 * chunks["dims"][0], b"\0")
        if hashlib.sha256(packed).hexdigest() != chunks["sha256"]:
            self.say(at, "other bits")


def singleton(node):
    """What a file need not hold: values of types without data, and pointers."""
    return node is not None and (
        node["t"].startswith("Core.Ptr")
        or not any(key in node for key in ("v", "dims", "items", "pairs", "ref"))
        and not node.get("fields")
    )


def nan_or_same(found, wanted, value):
    """Python makes some NaNs of others when it widens them."""
    return found == wanted or (value != value and int(wanted, 16) & int(found, 16) == int(found, 16))


def differences(file, truth):
    """Differences of all datasets of a file, and how many were compared."""
    out, compared = [], 0
    for path, node in truth.items():
        if "error" in node:
            continue
        comparison = Comparison()
        comparison.same(file[path][()], node)
        compared += 1
        out += [f"{path}{text}" for text in comparison.out]
    return out, compared

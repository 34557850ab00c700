"""Values of Julia's as Python's."""

import copy
import json
import pathlib
import pickle

import numpy as np
import pytest
from conftest import DATA, ROOT, shared
from truth import differences

import jldconv
from jldconv import Dict, Key, NamedTuple, Pair, Struct, Symbol, Type, missing, undef

ZOO = DATA / "zoo" / "jld2-0.6.5-zstd.jld2"
CRATE = ROOT / "crates" / "jld2" / "tests" / "data"


@pytest.fixture(scope="module")
def zoo():
    with jldconv.open(ZOO) as file:
        yield file


def truths():
    """All files with what Julia read from them."""
    roots = [DATA / "mera", *([shared()] if shared() else [])]
    found = (p for root in roots for p in root.rglob("*.truth.json"))
    return sorted(p for p in found if p.with_name(p.name[: -len(".truth.json")]).exists())


@pytest.mark.parametrize("truth", truths(), ids=lambda p: f"{p.parent.name}/{p.name}")
def test_values_are_what_julia_read(truth):
    path = pathlib.Path(str(truth)[: -len(".truth.json")])
    with jldconv.open(path) as file:
        out, compared = differences(file, json.loads(truth.read_text()))
    assert not out, "\n".join(out[:20])
    assert compared > 3


def test_numbers_have_their_types(zoo):
    kinds = {name: type(zoo[f"num/{name}"][()]) for name in ("Int64", "Float64", "Bool", "Int8", "Float32")}
    assert kinds == {"Int64": int, "Float64": float, "Bool": bool, "Int8": np.int8, "Float32": np.float32}
    assert zoo["num/UInt128"].value == 2**128 - 1
    assert zoo["num/Float16"].value == np.float16(1.5)
    assert zoo["num/Char"].value == "λ" and isinstance(zoo["num/Char"].value, jldconv.Char)
    assert zoo["misc/complex"].value == 1.5 + 2j


def test_nothing_missing_and_undefined(zoo):
    assert zoo["misc/nothing"].value is None
    assert zoo["misc/missing"].value is missing
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(missing)
    for one in (missing, undef):
        assert pickle.loads(pickle.dumps(one)) is one and copy.deepcopy(one) is one
    array = zoo["arr/undef"].value
    assert [value is undef for value in array] == [True, False, True, True]


def test_structs(zoo):
    cell = zoo["obj/cell"].value
    assert cell.__julia_type__ == "Zoo.Cell"
    assert cell.p.x == 3.0 and cell["level"] == -1
    assert list(cell)[:2] == ["p", "level"] and "flag" in cell and len(cell) == len(vars(cell))
    assert "level=" in repr(cell) and repr(cell).startswith("Zoo.Cell(p=Zoo.Point(x=3.0")
    with pytest.raises(AttributeError, match="Zoo.Cell has no field lebel; did you mean level"):
        cell.lebel
    again = pickle.loads(pickle.dumps(cell))
    assert again == cell and again is not cell and hash(again) == hash(cell)
    assert zoo["obj/point"].value != zoo["obj/point_again"].value


def test_structs_with_arrays_are_compared():
    from jldconv._values import late

    def made(last):
        fields = [np.arange(3), (np.arange(2), "x"), {"k": np.arange(last)}]
        return late(Type("Main.T"), ("a", "b", "c"), fields)

    assert made(4) == made(4) and made(4) != made(5) and made(4) != 4
    with pytest.raises(TypeError, match="unhashable"):
        hash(made(4))


def test_undefined_fields(zoo):
    half = zoo["obj/half"].value
    assert half.a == "only a" and "b" in half and "b" not in vars(half)
    with pytest.raises(AttributeError, match="field b of Zoo.Half is not defined"):
        half.b
    assert "b=#undef" in repr(half)
    assert pickle.loads(pickle.dumps(half)) == half


def test_what_is_shared_is_shared_and_circles_close(zoo):
    ring = zoo["obj/ring"].value
    assert ring.next.next is ring and "..." in repr(ring)
    assert copy.deepcopy(ring).next.next is not ring
    a, b, holder = zoo["obj/shared"].value
    assert a is b and holder[0] is a
    a[0] = -1.0
    assert holder[0][0] == -1.0


def test_tuples_named_tuples_and_pairs(zoo):
    named = zoo["misc/nt"].value
    assert isinstance(named, NamedTuple) and isinstance(named, tuple)
    assert named.a == 1 and named.b == "two" and named.c.d.tolist() == named[2][0].tolist()
    assert list(named._asdict()) == ["a", "b", "c"]
    with pytest.raises(AttributeError, match="no element x"):
        named.x
    with pytest.raises(AttributeError, match="cannot be changed"):
        named.a = 2
    pair = zoo["misc/pair"].value
    assert (
        isinstance(pair, Pair) and pair == (1, "one") and pair.second == "one" and repr(pair) == "1 => 'one'"
    )
    for value in (named.c.d, pair):
        assert repr(pickle.loads(pickle.dumps(value))) == repr(value)
    assert zoo["misc/emptytuple"].value == ()
    assert zoo["misc/tuple"].value == (1, 2.0, "x", "y", (None, True)) or len(zoo["misc/tuple"].value) == 5


def test_dictionaries_and_sets(zoo):
    d = zoo["dict/si"].value
    assert isinstance(d, dict) and d == {"a": 1, "b": 2}
    assert d.__julia_type__ == "Base.Dict{Core.String,Core.Int64}"
    assert d.__julia_type__.parameters == (Type("Core.String"), Type("Core.Int64"))
    assert zoo["dict/id"].value == {"k": 1}
    assert zoo["dict/set"].value == {1, 2, 3}
    assert pickle.loads(pickle.dumps(d)) == d


def test_keys_that_python_cannot_have():
    d = Dict(Type("Base.Dict{Core.Any,Core.Any}"))
    array = np.arange(3)
    d._fill([1, "int", 1.0, "float", "a", "string", Symbol("a"), "symbol", array, "array"])
    assert len(d) == 5 and d[1] == "int" and d["a"] == "string"
    wrapped = {repr(key.value): of for key, of in d.items() if isinstance(key, Key)}
    assert wrapped == {"1.0": "float", ":a": "symbol", "array([0, 1, 2])": "array"}


def test_types(zoo):
    t = zoo["misc/ptype"].value
    assert isinstance(t, Type) and t == "Base.Dict{Core.String,Core.Array{Core.Int64,1}}"
    assert t.name == "Base.Dict" and t.short_name == "Dict"
    assert t.parameters[1].parameters == (Type("Core.Int64"), 1)
    assert pickle.loads(pickle.dumps(t)).parameters == t.parameters
    union = zoo["arr/missing"].julia_type.parameters[0]
    assert union.name == "Union" and set(union.parameters) == {"Base.Missing", "Core.Float64"}


def test_symbols_show_as_such(zoo):
    assert repr(zoo["str/symbol"].value) == ":sym" and zoo["str/symbol"].value == "sym"
    assert repr(Symbol("c d")) == "Symbol('c d')"


def test_a_value_has_a_limit():
    with jldconv.open(CRATE / "dicts.jld2", limit=100) as file:
        with pytest.raises(jldconv.TooLargeError, match="takes more than 100 bytes .*a larger limit"):
            file["dict"].value
        with pytest.raises(MemoryError):
            file["dict"].read()
        assert file["dict"].read(limit=10_000) == {"a": 1, "b": 2}
        # Arrays of numbers are not counted: they take what they take.
        assert file["plain"].value.tolist() == [1, 2]


def test_big_integers():
    from jldconv._values import Text, big_integer

    for number in (0, 61, 62, -1, 10**50, -(10**400), 62**200 + 7):
        figures, rest = "", abs(number)
        while rest:
            figures = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[rest % 62] + figures
            rest //= 62
        text = ("-" if number < 0 else "") + (figures or "0")
        assert big_integer(text) == number
    assert isinstance(big_integer("1 2"), Text)


def test_bit_arrays(zoo):
    bits = zoo["arr/bits"].value
    assert bits.dtype == bool and bits.shape == (100,)


def test_structs_of_any_names():
    from jldconv._values import late

    odd = late(Type("Main.Odd"), ("keys", "a b", "__class__"), [1, 2, 3])
    assert isinstance(odd, Struct) and odd.keys == 1 and odd["a b"] == 2 and odd["__class__"] == 3


def test_arrays_inside_values_have_the_files_order():
    path = CRATE / "struct_arrays.jld2"
    with jldconv.open(path) as a, jldconv.open(path, order="hdf5") as b:
        mine, other = a["matrix"].value.components.x, b["matrix"].value.components.x
        assert mine.shape == (2, 3) and other.shape == (3, 2) and np.array_equal(mine, other.T)
        assert mine.flags.f_contiguous and other.flags.c_contiguous

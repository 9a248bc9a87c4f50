"""What passes between a submission and its grader: plain data come out as they went in; nothing else gets across."""

import json
import math
import types

import numpy as np
import pytest
from alexgrader import serialization
from hypothesis import given
from hypothesis import strategies as st

leaves = (st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
          | st.complex_numbers(allow_nan=False))
hashable = st.recursive(leaves, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=5)
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(hashable, inner)
                      | st.sets(hashable, max_size=4), max_leaves=20)


def across(value: object) -> object:
    line = serialization.dumps({"value": serialization.encode(value)})
    return serialization.decode(serialization.loads(line)["value"])


def same(a: object, b: object) -> bool:
    """Equal, and of the same types all the way down (1, 1.0 and True are three values)."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return all(map(same, a.items(), b.items())) and len(a) == len(b)
    if isinstance(a, (set, frozenset)):
        return a == b and sorted(type(x).__name__ for x in a) == sorted(type(x).__name__ for x in b)
    return repr(a) == repr(b)


@given(values)
def test_values_come_out_as_they_went_in(value: object) -> None:
    assert same(across(value), value)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float16", ">f8", "complex64", "U3", "S2"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3, 4)])
def test_arrays_keep_type_shape_and_values(dtype: str, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    found = across(array)
    assert found.dtype == array.dtype and found.shape == shape and (found == array).all()
    if shape == (2, 3, 4):
        assert (across(array.T) == array.T).all(), "an array's order in memory does not matter"
        found[0, 0, 0] = 1  # and it can be written to


def test_scalars_of_numpy_become_numbers_and_tensors_arrays() -> None:
    torch = pytest.importorskip("torch")
    assert type(across(np.float32(0.5))) is float and type(across(np.int64(3))) is int
    found = across(torch.tensor([[1.0, 2.0]], requires_grad=True))
    assert type(found) is np.ndarray and found.tolist() == [[1.0, 2.0]]
    assert math.isnan(across(math.nan)) and across(-math.inf) == -math.inf


class Everything(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__

    def __int__(self) -> int:
        return 99


class Liar(list):
    def __iter__(self):
        return iter([99])


def test_a_subclass_becomes_the_plain_value_that_it_is() -> None:
    assert type(across(Everything(3))) is int and across(Everything(3)) == 3
    assert across(Liar([1, 2])) == [1, 2] and type(across(Liar([1]))) is list


@pytest.mark.parametrize("value", [object(), len, np, np.array([object()]), type, lambda: 0, np.zeros(2, "f4,i4"),
                                   iter([])])
def test_what_is_not_data_does_not_get_across(value: object) -> None:
    with pytest.raises(serialization.NotPlain):
        serialization.encode([value])


def test_there_is_an_end_to_nesting() -> None:
    deep: list = []
    for _ in range(10_000):
        deep = [deep]
    with pytest.raises(serialization.NotPlain):
        serialization.encode(deep)
    with pytest.raises(serialization.NotPlain):
        serialization.dumps({"value": 10**5000})


@pytest.mark.parametrize("line", [
    b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b'{"value": ' + b"1" * 5000 + b"}", b"null",
])
def test_lines_of_no_honest_encoder_are_refused(line: bytes) -> None:
    with pytest.raises(serialization.Malformed):
        serialization.loads(line)


@pytest.mark.parametrize("code", [
    {"pickle": "gASVKAAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOU"}, {"tuple": 3}, {"set": [[1]]}, {"dict": [1]}, {},
    {"a": 1, "b": 2}, {"complex": ["x", 1]}, {"bytes": "?"}, {"dict": [[[1], 2]]},
    {"array": {"dtype": "O", "shape": [1], "data": "AAAAAAAAAAA="}},
    {"array": {"dtype": "<f8", "shape": [10**9], "data": ""}}, {"array": {"dtype": "<f8", "shape": [-1], "data": ""}},
    {"array": {"dtype": "<f8", "shape": [True], "data": "AAAAAAAAAAA="}}, {"array": [1]},
    {"array": {"dtype": "f4,O", "shape": [0], "data": ""}},
    {"array": {"dtype": "__import__('os')", "shape": [], "data": ""}},
    {"array": {"dtype": ",".join(["f4"] * 3_000_000), "shape": [0], "data": ""}},
])
def test_codes_of_no_honest_encoder_are_refused(code: object) -> None:
    with pytest.raises(serialization.Malformed):
        serialization.decode(json.loads(json.dumps(code)))


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["tuple", "set", "dict", "array", "bytes", "complex", "dtype", "shape", "data", "x"]), inner)))
def test_any_json_gives_plain_values_or_a_refusal(code: object) -> None:
    try:
        value = serialization.decode(code)
    except serialization.Malformed:
        return
    assert not isinstance(value, (types.FunctionType, type)) and same(across(value), value)

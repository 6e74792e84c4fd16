"""Properties that hold for any shape, strides, axes, dtype and p, tried on examples that hypothesis makes up."""

import hypothesis.strategies as st
import numpy as np
import oracle
from helpers import DTYPES, assert_same, numbers
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

import fastdrop as fd

keys = st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
shapes = hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=13)
dtypes = st.sampled_from(DTYPES)
probabilities = st.one_of(
    st.floats(0, 1),
    st.sampled_from([0.0, 0.5, 1.0, 0.1, 2.0**-40, 1 - 2.0**-40]),
    st.integers(0, 2**41).map(lambda k: k / 2**41),
)


@st.composite
def views(draw, shapes=shapes, dtypes=dtypes):
    """An array of any dtype in any layout: axes permuted, stepped, reversed, repeated without memory of their own."""
    shape, dtype = draw(shapes), draw(dtypes)
    order = draw(st.permutations(range(len(shape))))
    steps = [draw(st.sampled_from([1, 1, 1, 2, 3, -1, -2])) for _ in shape]
    memory = np.zeros([shape[axis] * abs(steps[axis]) for axis in order], dtype=dtype)
    view = memory.transpose(np.argsort(order))[..., *(slice(None, None, step) for step in steps)]
    view[...] = numbers(shape, dtype, seed=draw(st.integers(0, 9)))
    return view


@st.composite
def with_axes(draw, arrays):
    x = draw(arrays)
    return x, tuple(draw(st.sets(st.integers(0, x.ndim - 1)))) if x.ndim else ()


@settings(max_examples=300)
@given(x=views(), p=probabilities, key=keys)
def test_dropout_is_the_oracle(x, p, key):
    wanted = oracle.dropout(x, key, p)
    y = fd.dropout(x, p, rng=fd.Key(*key))
    assert_same(y, wanted)
    assert (y is x) == (p == 0)
    fd.dropout(x, p, rng=fd.Key(*key), out=x)
    assert_same(x, wanted)


@settings(max_examples=200)
@given(case=with_axes(views()), p=probabilities, key=keys, store=st.booleans())
def test_shared_axes_forward_and_backward(case, p, key, store):
    x, axes = case
    wanted = oracle.dropout(x, key, p, axes)
    y, mask = fd.dropout_forward(x, p, rng=fd.Key(*key), share_axes=axes, store=store)
    assert_same(y, wanted)
    assert_same(fd.dropout_backward(x, mask), wanted)
    assert_same(mask.to_bool(), oracle.keep_mask(key, x.shape, p, axes))


@settings(max_examples=200)
@given(data=st.data(), x=views(), key=keys)
def test_array_p(data, x, key):
    shape = [data.draw(st.sampled_from([1, n])) for n in x.shape]
    p = data.draw(hnp.arrays(np.float64, shape, elements=probabilities))
    wanted = oracle.dropout(x, key, p)
    assert_same(fd.dropout(x, p, rng=fd.Key(*key)), wanted)
    assert_same(fd.Mask(x.shape, p, rng=fd.Key(*key)).store().apply(x), wanted)


@settings(max_examples=200)
@given(data=st.data(), case=with_axes(views()), p=probabilities, key=keys)
def test_shards(data, case, p, key):
    x, axes = case
    ends = [data.draw(st.integers(0, 2 ** (60 // x.ndim) - 13)) for _ in x.shape]
    origin = [data.draw(st.integers(0, end)) for end in ends]
    global_shape = [end + n for end, n in zip(ends, x.shape, strict=True)]
    y = fd.dropout(x, p, rng=fd.Key(*key), share_axes=axes, shard=fd.Shard(origin, global_shape))
    assert_same(y, oracle.dropout(x, key, p, axes, origin, global_shape))


@settings(max_examples=150)
@given(data=st.data(), shape=shapes, p=probabilities, key=keys, store=st.booleans())
def test_any_basic_index(data, shape, p, key, store):
    mask = fd.Mask(shape, p, rng=fd.Key(*key))
    mask = mask.store() if store else mask
    index = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
    assert_same(mask[index], mask.to_bool()[index])


@settings(max_examples=150)
@given(shape=shapes, p=probabilities, key=keys, i=st.integers(-300, 3000), j=st.integers(-300, 3000))
def test_any_flat_slice(shape, p, key, i, j):
    keep = oracle.keep_mask(key, shape, p)
    mask = fd.Mask(shape, p, rng=fd.Key(*key))
    assert_same(mask.flat[i:j], keep.reshape(-1)[i:j])
    assert_same(mask.store().flat[i:j], keep.reshape(-1)[i:j])


@settings(max_examples=150)
@given(start=st.integers(0, 2**62 - 4000), n=st.integers(0, 4000), p=probabilities, key=keys)
def test_any_stretch_of_the_line(start, n, p, key):
    mask = fd.Mask((n,), p, rng=fd.Key(*key), shard=fd.Shard((start,), (2**62,)))
    wanted = oracle.decide(key, p, np.uint64(start) + np.arange(n, dtype=np.uint64))
    assert_same(mask.to_bool(), wanted)
    assert mask.count() == wanted.sum()


@given(keep=hnp.arrays(bool, shapes), p=probabilities.filter(lambda p: p < 1))
def test_foreign_masks_there_and_back(keep, p):
    mask = fd.Mask.from_bool(keep, p)
    assert_same(mask.to_bool(), keep)
    assert fd.Mask.from_packed(mask.to_packed(), keep.shape, p) == mask


@given(key=keys, role=st.sampled_from(list(oracle.ROLES)), number=st.integers(0, 2**56 - 1))
def test_derived_keys(key, role, number):
    assert fd.Key(*key).fold_in(number, role) == fd.Key(*oracle.fold_in(key, role, number))


@settings(max_examples=500)
@given(p=st.floats(0, 1))
def test_realised_p(p):
    assert fd.realised_p(p) == oracle.threshold(p) / 2**40
    assert abs(fd.realised_p(p) - p) <= 2.0**-41


@given(bits=st.integers(0, 2**64 - 1), p=probabilities, dtype=dtypes)
def test_any_bit_pattern_as_a_value(bits, p, dtype):
    x = np.frombuffer(bits.to_bytes(8, "little") * 6, dtype=dtype).copy()
    assert_same(fd.dropout(x, p, rng=1), oracle.dropout(x, (1, 0), p))

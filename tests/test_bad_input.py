"""Bad input: the right exception, a message that names argument and value, and nothing written before it."""

import numpy as np
import pytest
from helpers import numbers

import fastdrop as fd

SENTINEL = 3.0
INF, NAN = float("inf"), float("nan")
OUT_OF_RANGE = [NAN, -0.1, 1.1, INF, -INF, -5e-324, 1 + 2**-52, 2, -1, np.float32(1.5)]
NO_PROBABILITY = ["0.5", None, 0.5j, True, np.True_, object(), [True, False], ["a"], {}, b"1", [None]]


def refuse(error, *texts, x=None, out_dtype=np.float64, **arguments) -> None:
    """dropout and dropout_forward both raise `error` with all texts in the message, and leave `out` as it was."""
    x = np.ones((4, 5)) if x is None else x
    given_out = arguments.pop("out", None)
    for call in (fd.dropout, fd.dropout_forward):
        out = np.full((4, 5), SENTINEL, dtype=out_dtype) if given_out is None else given_out
        with pytest.raises(error) as caught:
            call(x, out=out, **{"rng": 0, **arguments})
        for text in texts:
            assert text in str(caught.value), f"{text!r} is not in {str(caught.value)!r}"
        assert np.all(np.asarray(out) == SENTINEL)


# ---- p -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", OUT_OF_RANGE)
def test_p_out_of_range(p):
    refuse(ValueError, f"dropout probability has to be between 0 and 1, but got {p}", p=p)
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1, but got"):
        fd.Mask((4, 5), p, rng=0)
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1, but got"):
        fd.realised_p(p)


@pytest.mark.parametrize("p", NO_PROBABILITY, ids=lambda p: type(p).__name__)
def test_p_of_the_wrong_type(p):
    refuse(TypeError, "p", p=p)
    with pytest.raises(TypeError):
        fd.Mask((4, 5), p, rng=0)


@pytest.mark.parametrize("dtype", [bool, complex, object, "U3"])
def test_array_p_of_the_wrong_dtype(dtype):
    refuse(TypeError, "p", str(np.dtype(dtype)), p=np.zeros((4, 5), dtype=dtype))


@pytest.mark.parametrize("shape", [(3,), (5, 4), (1, 4, 5), (4, 5, 1), (2, 2)])
def test_p_that_does_not_broadcast(shape):
    refuse(ValueError, "p", str(shape), "(4, 5)", p=np.full(shape, 0.5))


def test_masked_p():
    refuse(TypeError, "p", p=np.ma.masked_array([0.5] * 5, mask=[1, 0, 0, 0, 0]))


# ---- x -----------------------------------------------------------------------------------------------------------

WRONG_X = {
    "ints": np.ones((4, 5), dtype=np.int64),
    "unsigned": np.ones((4, 5), dtype=np.uint8),
    "bools": np.ones((4, 5), dtype=bool),
    "strings": np.full((4, 5), "a"),
    "bytes": np.full((4, 5), b"a"),
    "objects": np.full((4, 5), 1.0, dtype=object),
    "dates": np.zeros((4, 5), dtype="M8[s]"),
    "records": np.zeros((4, 5), dtype=[("a", "f4")]),
    "swapped f2": np.ones((4, 5), dtype=np.dtype("f2").newbyteorder("S")),
    "swapped f4": np.ones((4, 5), dtype=np.dtype("f4").newbyteorder("S")),
    "swapped f8": np.ones((4, 5), dtype=np.dtype("f8").newbyteorder("S")),
    "swapped c8": np.ones((4, 5), dtype=np.dtype("c8").newbyteorder("S")),
    "swapped c16": np.ones((4, 5), dtype=np.dtype("c16").newbyteorder("S")),
    "masked": np.ma.masked_array(np.ones((4, 5)), mask=np.eye(4, 5)),
    "masked without a mask": np.ma.masked_array(np.ones((4, 5))),
    "list of ints": [[1] * 5] * 4,
    "a string": "dropout",
    "None": None,
}


@pytest.mark.parametrize("name", WRONG_X)
def test_x_of_the_wrong_type(name):
    x = WRONG_X[name] if WRONG_X[name] is not None else np.array(None)
    for p in (0.5, 0.0):
        refuse(TypeError, "x", x=x, p=p)
    refuse(TypeError, "x", x=x, p=np.full(5, 0.5))
    with pytest.raises(TypeError, match="x"):
        fd.dropout(WRONG_X[name], 0.5, rng=0)
    with pytest.raises(TypeError):
        fd.dropout_backward(WRONG_X[name], fd.Mask((4, 5), 0.5, rng=0))


@pytest.mark.skipif(np.longdouble is np.float64, reason="long double is double here")
@pytest.mark.parametrize("dtype", [np.longdouble, np.clongdouble])
def test_long_double(dtype):
    refuse(TypeError, "x", np.dtype(dtype).name, x=np.ones((4, 5), dtype=dtype))


def test_message_names_the_dtype_and_what_is_allowed():
    refuse(TypeError, "x", "int64", "float32", "bfloat16", x=np.ones((4, 5), dtype=np.int64))


def test_other_types_named_like_ours():
    import ml_dtypes

    for dtype in (ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, ml_dtypes.int4):
        refuse(TypeError, "x", x=np.ones((4, 5), dtype=dtype))


# ---- other arguments ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [0, -1, -(2**40)])
def test_threads_out_of_range(threads):
    refuse(ValueError, "threads", str(threads), threads=threads)
    with pytest.raises(ValueError, match=str(threads)):
        fd.set_num_threads(threads)
    with pytest.raises(ValueError, match="threads"):
        fd.dropout_backward(np.ones(3), fd.Mask((3,), 0.5, rng=0), threads=threads)


@pytest.mark.parametrize("threads", ["2", 1.5, True, [1]])
def test_threads_of_the_wrong_type(threads):
    refuse(TypeError, "threads", threads=threads)
    with pytest.raises(TypeError):
        fd.set_num_threads(threads)


@pytest.mark.parametrize("training", ["yes", 2.5, None, np.ones(2, dtype=bool)], ids=repr)
def test_training_is_a_bool(training):
    with pytest.raises(TypeError, match="training"):
        fd.dropout(np.ones(3), 0.5, rng=0, training=training)


@pytest.mark.parametrize(
    ("origin", "global_shape"),
    [
        ((5,), (9,)),
        ((1, 2, 3), (9, 9, 9)),
        ((0, 0), (3, 5)),
        ((0, 0), (4, 4)),
        ((1, 0), (4, 5)),
        ((0, 6), (4, 10)),
        ((9, 0), (9, 5)),
    ],
)
def test_block_outside_its_global_shape(origin, global_shape):
    refuse(ValueError, "shard", shard=fd.Shard(origin, global_shape))
    with pytest.raises(ValueError, match="shard"):
        fd.Mask((4, 5), 0.5, rng=0, shard=fd.Shard(origin, global_shape))


@pytest.mark.parametrize(
    ("origin", "global_shape"),
    [
        ((0,), (5, 5)),
        ((-1, 0), (5, 5)),
        ((0, 0), (-5, 5)),
        ((6, 0), (5, 5)),
        ((2**63, 0), (5, 5)),
        ((0, -(2**70)), (5, 5)),
    ],
)
def test_impossible_shards(origin, global_shape):
    with pytest.raises(ValueError, match=r"origin|global_shape"):
        fd.Shard(origin, global_shape)


@pytest.mark.parametrize(
    "global_shape", [(2**62 + 1,), (2**31, 2**31, 2), (2**32, 2**32), (2**63, 2), (2**64,), (2**21,) * 3]
)
def test_global_shapes_past_the_limit(global_shape):
    """Products that would wrap around in 64 bits are seen too."""
    with pytest.raises(ValueError, match="global_shape"):
        fd.Shard((0,) * len(global_shape), global_shape)


def test_global_shapes_at_the_limit():
    for global_shape in ((2**62,), (2**31, 2**31), (2**62, 1), (0, 2**62), (2**61, 2)):
        assert fd.Shard((0,) * len(global_shape), global_shape).global_shape == global_shape


@pytest.mark.parametrize(
    ("origin", "global_shape"), [("0", "5"), ((0.5,), (5,)), ((0,), (5.0,)), (None, (5,)), (("a",), (5,))]
)
def test_shards_of_the_wrong_type(origin, global_shape):
    with pytest.raises(TypeError, match=r"origin|global_shape"):
        fd.Shard(origin, global_shape)


@pytest.mark.parametrize("shard", [((0, 0), (4, 5)), "shard", 5, {"origin": (0, 0)}], ids=repr)
def test_shard_has_to_be_a_shard(shard):
    refuse(TypeError, "shard", shard=shard)


@pytest.mark.parametrize("shape", [(2**62 + 1,), (2**31, 2**31, 2), (2**32, 2**32), (2**40, 2**40)])
def test_masks_past_the_limit(shape):
    with pytest.raises(ValueError, match="shape"):
        fd.Mask(shape, 0.5, rng=0)


@pytest.mark.parametrize("ndim", [65, 1000])
def test_masks_of_too_many_axes(ndim):
    with pytest.raises(ValueError, match="shape"):
        fd.Mask((1,) * ndim, 0.5, rng=0)
    assert fd.Mask((1,) * 64, 0.5, rng=0).size == 1


@pytest.mark.parametrize("store", ["yes", 1, None])
def test_store_is_a_bool(store):
    with pytest.raises(TypeError, match="store"):
        fd.dropout_forward(np.ones(3), 0.5, rng=0, store=store)


def test_realised_p_of_an_array():
    with pytest.raises(TypeError, match=r"\bp\b"):
        fd.realised_p([0.5, 0.1])


@pytest.mark.parametrize("axis", [2, -3, 9])
def test_axis_out_of_range(axis):
    refuse(ValueError, "share_axes", str(axis), share_axes=axis)


def test_unknown_argument():
    with pytest.raises(TypeError, match="rate"):
        fd.dropout(np.ones(3), rate=0.5)
    with pytest.raises(TypeError):
        fd.dropout(np.ones(3), 0.5, fd.Key(0))  # rng is keyword-only


def test_mask_of_another_shape():
    out = np.full((5, 4), SENTINEL, dtype=np.float32)
    for mask in (fd.Mask((4, 5), 0.5, rng=0), fd.Mask((4, 5), 0.5, rng=0).store()):
        for call in (lambda m=mask: m.apply(numbers((5, 4)), out=out),
                     lambda m=mask: fd.dropout_backward(numbers((5, 4)), m, out=out)):  # fmt: skip
            with pytest.raises(ValueError, match=r"\(5, 4\)") as caught:
                call()
            assert "(4, 5)" in str(caught.value)
    assert np.all(out == SENTINEL)


def test_storing_a_mask_that_cannot_fit():
    """The size of the bits is known beforehand: no time is spent on filling any."""
    for mask in (fd.Mask((2**62,), 0.5, rng=0), fd.Mask((2**31, 2**31), 0.1, rng=0)):
        for call in (mask.store, mask.to_packed, mask.to_bool):
            with pytest.raises(MemoryError):
                call()

"""The mask law once more, for the tests only: slow, plain, and written from the contract alone.

Nothing here imports fastdrop or shares a line with it. Python's integers and fractions do what has to be exact,
NumPy's arrays only carry many blocks, pages or elements at once. `test_oracle.py` checks this file against the
published known answers, every other test checks the product against this file.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

COIN, BYTE, REFINE, NOISE, DERIVE = range(5)
ROLES = {"user": 0, "child": 1, "call": 2, "part": 3, "step": 4, "sample": 5, "replica": 6}
WORD = 0xFFFF_FFFF


# ---- random source -----------------------------------------------------------------------------------------------


def philox4x32(counters, key) -> np.ndarray:
    """Philox4x32-10 of counters (n, 4) under one key of two words: (n, 4) uint32."""
    c = [np.array(column, dtype=np.uint64) for column in np.asarray(counters, dtype=np.uint64).T]
    k0, k1 = int(key[0]), int(key[1])
    low, half = np.uint64(WORD), np.uint64(32)
    for _ in range(10):
        a = c[0] * np.uint64(0xD2511F53)
        b = c[2] * np.uint64(0xCD9E8D57)
        c = [(b >> half) ^ c[1] ^ np.uint64(k0), b & low, (a >> half) ^ c[3] ^ np.uint64(k1), a & low]
        k0, k1 = (k0 + 0x9E3779B9) & WORD, (k1 + 0xBB67AE85) & WORD
    return np.stack(c, axis=1).astype(np.uint32)


def blocks(key, domain: int, numbers) -> np.ndarray:
    """block(domain, b) for every b of `numbers`: (n, 4) uint32."""
    seed, stream = key
    b = np.asarray(numbers, dtype=np.uint64).reshape(-1)
    counters = np.empty((b.size, 4), dtype=np.uint64)
    counters[:, 0] = b & np.uint64(WORD)
    counters[:, 1] = (b >> np.uint64(32)) | np.uint64(domain << 28)
    counters[:, 2] = stream & WORD
    counters[:, 3] = stream >> 32
    return philox4x32(counters, (seed & WORD, seed >> 32))


def rotate_left(x: np.ndarray, k: int) -> np.ndarray:
    return (x << np.uint32(k)) | (x >> np.uint32(32 - k))


def xoshiro128pp(state: list[np.ndarray]) -> np.ndarray:
    """One step of xoshiro128++ 1.0 on arrays of lanes; `state` moves on."""
    s0, s1, s2, s3 = state
    out = rotate_left(s0 + s3, 7) + s0
    u = s1 << np.uint32(9)
    s2 = s2 ^ s0
    s3 = s3 ^ s1
    s1 = s1 ^ s2
    s0 = s0 ^ s3
    s2 = s2 ^ u
    state[:] = s0, s1, s2, rotate_left(s3, 11)
    return out


def pages(key, domain: int, numbers) -> np.ndarray:
    """page(domain, g) for every g of `numbers`: (n, 512) uint32."""
    g = np.asarray(numbers, dtype=np.uint64).reshape(-1)
    lanes = g[:, None] * np.uint64(16) + np.arange(16, dtype=np.uint64)
    seeds = blocks(key, domain, lanes).reshape(g.size, 16, 4)
    state = [seeds[:, :, i] for i in range(4)]
    steps = [xoshiro128pp(state) for _ in range(32)]
    return np.stack(steps, axis=1).reshape(g.size, 512)


def _page_and_rest(index: np.ndarray, span: int):
    """The pages that occur, for each index the row of its page among them, and its place on the page."""
    page, place = index // np.uint64(span), (index % np.uint64(span)).astype(np.int64)
    numbers, row = np.unique(page, return_inverse=True)
    return numbers, row.reshape(-1), place


def noise_words(key, index) -> np.ndarray:
    index = np.asarray(index, dtype=np.uint64)
    numbers, row, place = _page_and_rest(index.reshape(-1), 512)
    return pages(key, NOISE, numbers)[row, place].reshape(index.shape)


def fold_in(key, role: int | str, number: int):
    w = [int(v) for v in blocks(key, DERIVE, [ROLES.get(role, role) << 56 | number])[0]]
    return w[0] | w[1] << 32, w[2] | w[3] << 32


def key_from_rng(rng):
    """The key that the contract gives to an int, SeedSequence, sequence of ints, Generator or BitGenerator."""
    if isinstance(rng, (int, np.integer)):
        return int(rng), 0
    if isinstance(rng, np.random.BitGenerator):
        rng = np.random.Generator(rng)
    if isinstance(rng, np.random.Generator):
        words = rng.integers(0, 2**64 - 1, size=2, dtype=np.uint64, endpoint=True)
    else:
        sequence = rng if isinstance(rng, np.random.SeedSequence) else np.random.SeedSequence(rng)
        words = sequence.generate_state(2, np.uint64)
    return int(words[0]), int(words[1])


# ---- decisions ---------------------------------------------------------------------------------------------------


def threshold(p: float) -> int:
    return round(Fraction(float(p)) * 2**40)  # round() of a Fraction is exact and goes to even


def decide(key, p: float, index) -> np.ndarray:
    """Kept or not, for an array of any indices and one p."""
    index = np.asarray(index, dtype=np.uint64)
    flat, t = index.reshape(-1), threshold(p)
    if t == 0 or t == 2**40 or flat.size == 0:
        keep = np.full(flat.size, t == 0)
    elif t == 2**39:
        numbers, row, bit = _page_and_rest(flat, 16384)
        word = pages(key, COIN, numbers)[row, bit // 32]
        keep = (word >> (bit % 32).astype(np.uint32)) & np.uint32(1) == 1
    else:
        numbers, row, byte = _page_and_rest(flat, 2048)
        word = pages(key, BYTE, numbers)[row, byte // 4]
        f = (word >> (8 * (byte % 4)).astype(np.uint32)) & np.uint32(255)
        high, low = t >> 32, t & WORD
        keep = f > high
        tie = np.flatnonzero(f == high)
        r = blocks(key, REFINE, flat[tie] // np.uint64(4))[np.arange(tie.size), (flat[tie] % np.uint64(4)).astype(int)]
        keep[tie] = r >= low
    return keep.reshape(index.shape)


def mask_shape(shape, share_axes=()) -> tuple[int, ...]:
    shared = {axis % len(shape) for axis in share_axes}
    return tuple(1 if axis in shared else n for axis, n in enumerate(shape))


def indices(shape, share_axes=(), origin=None, global_shape=None) -> np.ndarray:
    """The mask index of every element of a mask (of the block, where there is a shard), in mask_shape."""
    small = mask_shape(shape, share_axes)
    whole = mask_shape(shape if global_shape is None else global_shape, share_axes)
    origin = [0] * len(shape) if origin is None else list(origin)
    index, step = np.zeros(small, dtype=np.uint64), 1
    if index.size == 0:
        return index
    for axis in reversed(range(len(small))):
        first = 0 if axis in {a % len(shape) for a in share_axes} else int(origin[axis])
        along = [(first + j) * step for j in range(small[axis])]
        index += np.array(along, dtype=np.uint64).reshape([-1 if a == axis else 1 for a in range(len(small))])
        step *= int(whole[axis])
    return index


def keep_mask(key, shape, p, share_axes=(), origin=None, global_shape=None) -> np.ndarray:
    """The whole mask as bools, in mask_shape; p may be an array that broadcasts to it."""
    index = indices(shape, share_axes, origin, global_shape)
    if np.ndim(p) == 0:
        return decide(key, float(p), index)
    each = np.broadcast_to(np.asarray(p, dtype=np.float64), index.shape)
    keep = np.zeros(index.shape, dtype=bool)
    for value in np.unique(each):
        here = each == value
        keep[here] = decide(key, value, index[here])
    return keep


def packed(keep) -> np.ndarray:
    return np.packbits(np.asarray(keep).reshape(-1), bitorder="little")


# ---- values ------------------------------------------------------------------------------------------------------


def scale(p):
    with np.errstate(divide="ignore"):
        return np.float64(1.0) / (np.float64(1.0) - np.asarray(p, dtype=np.float64))


def to_bfloat16_bits(x: np.ndarray) -> np.ndarray:
    """float32 to the bits of bfloat16, to nearest even; done on integers."""
    bits = x.view(np.uint32).astype(np.uint64)
    rounded = (bits + np.uint64(0x7FFF) + ((bits >> np.uint64(16)) & np.uint64(1))) >> np.uint64(16)
    return np.where(np.isnan(x), 0x7FC0, rounded).astype(np.uint16)


def multiply(x: np.ndarray, s) -> np.ndarray:
    """x * s, with the roundings that the contract wants for the dtype of x; s in float64, one or one an element."""
    s = np.asarray(s, dtype=np.float64)
    name = x.dtype.name
    with np.errstate(all="ignore"):
        if x.dtype.kind == "c":
            y = np.empty(x.shape, dtype=x.dtype)
            y.real, y.imag = multiply(np.array(x.real), s), multiply(np.array(x.imag), s)
            return y
        if name == "float64":
            return np.asarray(x * s)
        single = s.astype(np.float32)
        if name == "float32":
            return np.asarray(x * single)
        if name == "float16":
            return np.asarray(x.astype(np.float32) * single).astype(np.float16)
        assert name == "bfloat16", name
        wide = (np.asarray(x).view(np.uint16).astype(np.uint32) << np.uint32(16)).view(np.float32)
        return to_bfloat16_bits(np.asarray(wide * single, dtype=np.float32)).view(x.dtype)


def apply(x, keep, s) -> np.ndarray:
    """What applying a mask gives: kept elements times s, +0 for all others; `keep` and s broadcast to x."""
    x = np.ascontiguousarray(x).reshape(np.shape(x))
    y = multiply(x, np.broadcast_to(s, x.shape))
    return np.where(np.broadcast_to(keep, x.shape), y, np.zeros((), dtype=x.dtype))


def dropout(x, key, p, share_axes=(), origin=None, global_shape=None) -> np.ndarray:
    keep = keep_mask(key, np.shape(x), p, share_axes, origin, global_shape)
    return apply(x, keep, np.broadcast_to(scale(p), keep.shape))

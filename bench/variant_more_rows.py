"""More rows of bench/variants.py: what chooses blocks, rows, tokens, noise or samples. See variant_rows.py."""

from __future__ import annotations

import math

import numpy as np
from variant_rows import (
    FIVE,
    GAUSSIAN,
    GAUSSIAN_WIDE,
    NUMPY,
    OURS,
    PASS,
    PLAIN,
    Calls,
    Goal,
    Setting,
    torch_calls,
    variant,
)

import fastdrop as fd

# ---- blocks, rows, tokens, words ----


@variant(
    "dropblock2d", "dropblock2d", FIVE, numpy="seeds, 2 (b - 1) shifted ORs, count, product, product with the scale"
)
def dropblock2d(s: Setting) -> Calls:
    block, shape = 7, s.shape(16, 32, 32)
    x, y = s.numbers(shape), np.empty(shape, s.dtype)
    valid = (*shape[:2], 32 - block + 1, 32 - block + 1)
    gamma = min(s.p * 32 * 32 / (block**2 * valid[2] * valid[3]), 1)
    u, drop = np.empty(valid, np.float32), np.empty(shape, bool)
    rows = np.empty((*shape[:2], 32, valid[3]), bool)

    def numpy(seed: int) -> object:
        seeds = s.rng.random(out=u, dtype=np.float32) < gamma
        rows.fill(False)
        for d in range(block):
            rows[:, :, d : d + valid[2]] |= seeds
        drop.fill(False)
        for d in range(block):
            drop[:, :, :, d : d + valid[3]] |= rows
        keep = ~drop
        np.multiply(x, keep, out=y)
        return np.multiply(y, s.dtype(y.size / max(1, np.count_nonzero(keep))), out=y)

    return {OURS: lambda seed: fd.dropblock2d(x, s.p, block, rng=seed, out=y), NUMPY: numpy}


@variant("token_dropout", "token_dropout", FIVE, numpy="uniforms, argpartition, sort of the indices, take_along_axis")
def token_dropout(s: Setting) -> Calls:
    x = s.numbers(s.shape(256, 256))
    kept = max(1, math.floor(256 * (1 - s.p)))
    u = np.empty(x.shape[:2], np.float32)

    def numpy(seed: int) -> object:
        places = np.argpartition(s.rng.random(out=u, dtype=np.float32), kept - 1, axis=1)[:, :kept]
        return np.take_along_axis(x, np.sort(places, axis=1)[:, :, None], axis=1)

    return {OURS: lambda seed: fd.token_dropout(x, s.p, rng=seed), NUMPY: numpy}


@variant("embedding_dropout", "embedding_dropout", FIVE, numpy="a factor for each word, take, product with its factors")
def embedding_dropout(s: Setting) -> Calls:
    words, features = 10000, 256
    weight, ids = s.numbers((words, features)), s.rng.integers(words, size=s.shape(features)[0])
    y, keep = np.empty((ids.size, features), s.dtype), s.keep((words,))

    def numpy(seed: int) -> object:
        factor = keep() * s.scale
        np.take(weight, ids, axis=0, out=y, mode="clip")  # "raise" would make a copy of out
        return np.multiply(y, factor[ids, None], out=y)

    return {
        OURS: lambda seed: fd.embedding_dropout(weight, ids, s.p, rng=seed, out=y),
        NUMPY: numpy,
        PASS: lambda seed: np.take(weight, ids, axis=0, out=y, mode="clip"),
    }


@variant("word_dropout", "word_dropout", FIVE, numpy="mask, copy of the ids, the replacement by the mask")
def word_dropout(s: Setting) -> Calls:
    ids = s.rng.integers(10000, size=s.shape(64))
    out, keep = np.empty_like(ids), s.keep(ids.shape)

    def numpy(seed: int) -> object:
        out.fill(3)
        np.copyto(out, ids, where=keep())
        return out

    return {
        OURS: lambda seed: fd.word_dropout(ids, s.p, 3, rng=seed, out=out),
        NUMPY: numpy,
        PASS: lambda seed: np.copyto(out, ids),
    }


# ---- noise ----


def _gaussian_dropout(s: Setting) -> Calls:
    x, y = s.numbers(s.shape()), np.empty(s.shape(), s.dtype)
    noise = s.normal(s.shape(), math.sqrt(s.p / (1 - s.p)))

    def numpy(seed: int) -> object:
        z = noise()
        z += 1
        return np.multiply(x, z, out=y)

    return {OURS: lambda seed: fd.gaussian_dropout(x, s.p, rng=seed, out=y), NUMPY: numpy}


def _gaussian_noise(s: Setting) -> Calls:
    x, y = s.numbers(s.shape()), np.empty(s.shape(), s.dtype)
    noise = s.normal(s.shape(), 0.3)
    return {
        OURS: lambda seed: fd.gaussian_noise(x, 0.3, rng=seed, out=y),
        NUMPY: lambda seed: np.add(x, noise(), out=y),
    }


for dtype, goal in ((np.float32, GAUSSIAN), (np.float64, GAUSSIAN_WIDE)):
    words = "normals in the dtype, times sigma, {}"
    variant("gaussian_dropout", "gaussian_dropout", goal, numpy=words.format("plus 1, product"), dtype=dtype)(
        _gaussian_dropout
    )
    variant("gaussian_noise", "gaussian_noise", goal, numpy=words.format("sum"), dtype=dtype)(_gaussian_noise)


@variant(
    "concrete_dropout",
    "concrete_dropout",
    FIVE,
    numpy="uniforms, both logarithms, exp, division, product, in place",
    note="ours is in float64, 30 instructions an element with three divisions; NumPy's is in float32 throughout",
)
def concrete_dropout(s: Setting) -> Calls:
    x, y = s.numbers(s.shape()), np.empty(s.shape(), s.dtype)
    u, z, p = np.empty(x.shape, np.float32), np.empty(x.shape, np.float32), s.p
    logit, temperature = np.float32(math.log(p) - math.log(1 - p)), np.float32(0.1)

    def numpy(seed: int) -> object:
        s.rng.random(out=u, dtype=np.float32)
        np.log(np.maximum(u, np.float32(1e-7), out=u), out=z)
        np.subtract(z, np.log1p(np.negative(u, out=u), out=u), out=z)
        z_by_t = np.divide(np.add(z, logit, out=z), temperature, out=z)  # x (1 - sigmoid(z)) = x / (1 + exp(z))
        np.add(np.exp(np.minimum(z_by_t, np.float32(80), out=z), out=z), 1, out=z)
        return np.multiply(np.divide(x, z, out=y), s.scale, out=y)

    return {OURS: lambda seed: fd.concrete_dropout(x, p, rng=seed, out=y), NUMPY: numpy}


# ---- samples, ids ----

SAMPLES = 32


@variant(
    "mc_dropout", "mc_dropout", FIVE, numpy="masks of all samples at once, broadcast product, product with the scale"
)
def mc_dropout(s: Setting) -> Calls:
    x = s.numbers(s.shape(SAMPLES)[:1])
    y, keep = np.empty((SAMPLES, x.size), s.dtype), s.keep((SAMPLES, x.size))
    return {
        OURS: lambda seed: fd.mc_dropout(x, s.p, samples=SAMPLES, rng=seed, out=y),
        NUMPY: lambda seed: np.multiply(np.multiply(x, keep(), out=y), s.scale, out=y),
    } | torch_calls(lambda torch, f, view: lambda: f.dropout(view(x).expand(SAMPLES, -1), s.p))


@variant("mc_moments", "mc_moments", FIVE, numpy="masks of all samples at once, their sum, the same formula")
def mc_moments(s: Setting) -> Calls:
    x = s.numbers(s.shape(SAMPLES)[:1])
    keep, v = s.keep((SAMPLES, x.size)), x * s.scale

    def numpy(seed: int) -> object:
        f = keep().sum(axis=0, dtype=np.uint8) / np.float32(SAMPLES)
        return v * f, v * v * (f * (1 - f))

    return {OURS: lambda seed: fd.mc_moments(x, s.p, samples=SAMPLES, rng=seed), NUMPY: numpy}


@variant(
    "consistent_dropout", "consistent_dropout", FIVE, numpy="a generator for each row from seed and id, then dropout"
)
def consistent_dropout(s: Setting) -> Calls:
    x = s.numbers(s.shape(256))
    ids, y, kept = s.rng.integers(1 << 40, size=len(x)), np.empty_like(x), np.empty(x.shape, bool)
    u = np.empty(256, np.float32)

    def numpy(seed: int) -> object:
        for i, row in zip(ids.tolist(), kept, strict=True):
            np.greater_equal(np.random.default_rng((seed, i)).random(out=u, dtype=np.float32), s.p, out=row)
        return np.multiply(np.multiply(x, kept, out=y), s.scale, out=y)

    return {OURS: lambda seed: fd.consistent_dropout(x, ids, s.p, rng=seed, out=y), NUMPY: numpy}


# ---- layers ----


@variant("dropconnect", "dropconnect", FIVE, numpy="masks of the batch at once, their product with the weight, matmul")
def dropconnect(s: Setting) -> Calls:
    x, weight = s.numbers((*s.shape(256, 256)[:1], 256)), s.numbers((256, 256))
    shape = (len(x), 256, 256)
    y, keep, masked = np.empty((len(x), 256), s.dtype), s.keep(shape), np.empty(shape, s.dtype)

    def numpy(seed: int) -> object:
        np.matmul(np.multiply(keep(), weight, out=masked), x[:, :, None], out=y[:, :, None])
        return np.multiply(y, s.scale, out=y)

    return {OURS: lambda seed: fd.dropconnect(x, weight, s.p, rng=seed, out=y), NUMPY: numpy}


@variant(
    "LSTM",
    "nn.LSTM",
    Goal(1.1, PLAIN, most=True),
    numpy="see bench/lstm.py, kind by kind",
    note="input, recurrent state and candidate dropped; plain: the same layer without",
)
def lstm(s: Setting) -> Calls:
    from fastdrop import nn

    x = s.numbers((32, max(1, s.size // (32 * 256)), 256))
    drops = nn.LSTM(256, 256, dropout=s.p, recurrent_dropout=s.p, candidate_dropout=s.p, rng=0)
    plain = nn.LSTM(256, 256, rng=0)
    return {OURS: lambda seed: drops(x), PLAIN: lambda seed: plain(x)}

"""The published known answers against the product, under every instruction set that runs here."""

import hashlib

import numpy as np
import pytest
from helpers import BFLOAT16, VECTORS, bits_of

import fastdrop as fd
from fastdrop import _core


def number(text: str) -> int:
    return int(text, 16)


def numbers(texts) -> list[int]:
    return [number(text) for text in texts]


def key_of(entry) -> fd.Key:
    return fd.Key(number(entry["seed"]), number(entry["stream"]))


def test_contract_number():
    assert VECTORS["contract"] == fd.CONTRACT


@pytest.mark.parametrize("entry", VECTORS["philox4x32-10"])
def test_philox(entry):
    counter, key = (np.array(numbers(entry[name]), dtype=np.uint32) for name in ("counter", "key"))
    assert _core.philox4x32(counter, key).tolist() == numbers(entry["out"])


@pytest.mark.parametrize("entry", VECTORS["pages"], ids=lambda e: f"domain {e['domain']} page {e['page']}")
def test_pages(isa, entry):
    words = _core.page(number(entry["seed"]), number(entry["stream"]), entry["domain"], number(entry["page"]))
    page = np.asarray(words).astype("<u4").tobytes()
    assert (page[:16].hex(), page[-16:].hex()) == (entry["first16"], entry["last16"])
    assert hashlib.sha256(page).hexdigest() == entry["sha256"]


def packed_of(entry) -> str:
    """The mask of a "keep" entry: a one-dimensional block of a line of 2^62 elements."""
    shard = fd.Shard((number(entry["start"]),), (2**62,))
    mask = fd.Mask((entry["count"],), float.fromhex(entry["p"]), rng=key_of(entry), shard=shard)
    assert mask.count() == entry["kept"]
    return mask.to_packed().tobytes().hex()


def test_keep(isa):
    wrong = [entry for entry in VECTORS["keep"] if packed_of(entry) != entry["packed"]]
    assert wrong == []
    assert len(VECTORS["keep"]) == 168


def test_keep_from_the_start_needs_no_shard(isa):
    first = [entry for entry in VECTORS["keep"] if number(entry["start"]) == 0]
    assert len(first) == 24
    for entry in first:
        mask = fd.Mask((entry["count"],), float.fromhex(entry["p"]), rng=key_of(entry))
        assert mask.to_packed().tobytes().hex() == entry["packed"]


def test_threshold():
    for entry in VECTORS["keep"]:
        assert fd.realised_p(float.fromhex(entry["p"])) == number(entry["T"]) / 2**40


@pytest.mark.parametrize("entry", VECTORS["ties"], ids=lambda e: e["p"])
def test_ties(isa, entry):
    key, p = key_of(entry), float.fromhex(entry["p"])
    keep = fd.Mask((entry["range"],), p, rng=key).to_bool()
    one_by_one = fd.Mask((entry["range"],), p, rng=key)
    for i, word, kept in entry["index_word_kept"]:
        assert _core.block(key.seed, key.stream, 2, i // 4)[i % 4] == number(word)
        assert keep[i] == kept
        assert one_by_one[i] == kept


@pytest.mark.parametrize("entry", VECTORS["arrays"][:4], ids=lambda e: e["what"])
def test_arrays(isa, entry):
    shard = fd.Shard(entry["origin"], entry["global_shape"]) if "origin" in entry else None
    mask = fd.Mask(tuple(entry["shape"]), entry["p"], rng=key_of(entry), shard=shard)
    assert mask.to_packed().tobytes().hex() == entry["packed"]
    y = fd.dropout(np.ones(entry["shape"], dtype=np.float32), entry["p"], rng=key_of(entry), shard=shard)
    assert np.packbits(y != 0, bitorder="little").tobytes().hex() == entry["packed"]


def test_arrays_with_shared_axes(isa):
    plain, sharded = VECTORS["arrays"][4:]
    mask = fd.Mask((4, 6, 8, 8), plain["p"], rng=key_of(plain), share_axes=(2, 3))
    assert mask.mask_shape == tuple(plain["shape"])
    assert mask.to_packed().tobytes().hex() == plain["packed"]
    shard = fd.Shard((1, 2, 3), (9, 16, 32))
    mask = fd.Mask((2, 6, 8), sharded["p"], rng=key_of(sharded), share_axes=2, shard=shard)
    assert mask.mask_shape == tuple(sharded["shape"])
    assert mask.to_packed().tobytes().hex() == sharded["packed"]


@pytest.mark.parametrize("entry", VECTORS["noise_words"], ids=lambda e: e["start"])
def test_noise_words(isa, entry):
    start = number(entry["start"])
    index = range(start, start + len(entry["words"]))
    seed, stream = number(entry["seed"]), number(entry["stream"])
    words = [int(_core.page(seed, stream, 3, i // 512)[i % 512]) for i in index]
    assert words == numbers(entry["words"])


@pytest.mark.parametrize("entry", VECTORS["fold_in"], ids=lambda e: f"{e['role']}, {e['number']}")
def test_fold_in(entry):
    role = ("user", "child", "call", "part", "step", "sample", "replica")[entry["role"]]
    assert key_of(entry).fold_in(number(entry["number"]), role) == fd.Key(*numbers(entry["result"]))


def test_derived():
    key = fd.Key(123).fold_in(2, "child").fold_in(4, role="call").fold_in(0, "part")
    assert key == fd.Key(*numbers(VECTORS["derived"][0]["result"]))


@pytest.mark.parametrize("entry", [e for e in VECTORS["rng_to_key"] if "key" in e], ids=lambda e: e["rng"])
def test_rng_to_key(entry):
    mask = fd.Mask((3,), 0.1, rng=eval(entry["rng"], {"np": np}))
    assert mask.key == fd.Key(*numbers(entry["key"]))


@pytest.mark.parametrize("entry", [e for e in VECTORS["rng_to_key"] if "error" in e], ids=lambda e: e["rng"])
def test_rng_errors(entry):
    wanted = {"TypeError": TypeError, "ValueError": ValueError}[entry["error"]]
    with pytest.raises(wanted, match="rng"):
        fd.Mask((3,), 0.1, rng=eval(entry["rng"], {"np": np}))


@pytest.mark.parametrize("name", VECTORS["values"])
def test_values(isa, name):
    real = BFLOAT16 if name == "bfloat16" else np.dtype({"complex64": "f4", "complex128": "f8"}.get(name, name))
    dtype = np.dtype(name) if name.startswith("complex") else real
    quiet = bits_of(np.array([np.nan]).astype(real))[0]
    for entry in VECTORS["values"][name]:
        x = np.array(numbers(entry["x"]), dtype=f"u{real.itemsize}").view(dtype)
        everything = np.ones(x.shape, dtype=bool)
        y = fd.Mask.from_bool(everything, float.fromhex(entry["p"])).apply(x)
        assert bits_of(y).tolist() == [quiet if bits == "nan" else number(bits) for bits in entry["kept_y"]]

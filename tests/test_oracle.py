"""The oracle against every published known answer: what the other tests lean on has to stand by itself."""

import hashlib

import numpy as np
import oracle
import pytest
from helpers import BFLOAT16, VECTORS, bits_of


def number(text: str) -> int:
    return int(text, 16)


def key_of(entry):
    return number(entry["seed"]), number(entry["stream"])


def test_every_section_is_known():
    known = {"contract", "about", "philox4x32-10", "xoshiro128++", "pages", "keep", "ties", "arrays", "noise_words"}
    assert set(VECTORS) == known | {"fold_in", "derived", "rng_to_key", "values"}
    assert VECTORS["contract"] == 1


@pytest.mark.parametrize("entry", VECTORS["philox4x32-10"])
def test_philox(entry):
    counter, key, out = ([number(word) for word in entry[name]] for name in ("counter", "key", "out"))
    assert oracle.philox4x32([counter], key)[0].tolist() == out


@pytest.mark.parametrize("entry", VECTORS["xoshiro128++"])
def test_xoshiro(entry):
    state = [np.array([word], dtype=np.uint32) for word in entry["state"]]
    assert [int(oracle.xoshiro128pp(state)[0]) for _ in entry["out"]] == entry["out"]


@pytest.mark.parametrize("entry", VECTORS["pages"], ids=lambda e: f"domain {e['domain']} page {e['page']}")
def test_pages(entry):
    page = oracle.pages(key_of(entry), entry["domain"], [number(entry["page"])])[0].astype("<u4").tobytes()
    assert (page[:16].hex(), page[-16:].hex()) == (entry["first16"], entry["last16"])
    assert hashlib.sha256(page).hexdigest() == entry["sha256"]


def test_pages_together_are_pages_alone():
    g = [0, 1, 2**56 - 1, 7]
    together = oracle.pages((5, 6), oracle.BYTE, g)
    assert all(np.array_equal(together[i], oracle.pages((5, 6), oracle.BYTE, [g[i]])[0]) for i in range(4))


@pytest.mark.parametrize("entry", VECTORS["keep"], ids=lambda e: f"p={float.fromhex(e['p']):.3g} start={e['start']}")
def test_keep(entry):
    p = float.fromhex(entry["p"])
    assert oracle.threshold(p) == number(entry["T"])
    index = number(entry["start"]) + np.arange(entry["count"], dtype=np.uint64)
    keep = oracle.decide(key_of(entry), p, index)
    assert oracle.packed(keep).tobytes().hex() == entry["packed"]
    assert keep.sum() == entry["kept"]


@pytest.mark.parametrize("entry", VECTORS["ties"], ids=lambda e: e["p"])
def test_ties(entry):
    p, key = float.fromhex(entry["p"]), key_of(entry)
    keep = oracle.decide(key, p, np.arange(entry["range"]))
    byte = oracle.pages(key, oracle.BYTE, range(entry["range"] // 2048)).astype("<u4").view(np.uint8).reshape(-1)
    ties = np.flatnonzero(byte == oracle.threshold(p) >> 32)
    assert ties.tolist() == [i for i, _, _ in entry["index_word_kept"]]
    for i, word, kept in entry["index_word_kept"]:
        assert int(oracle.blocks(key, oracle.REFINE, [i // 4])[0, i % 4]) == number(word)
        assert keep[i] == kept


@pytest.mark.parametrize("entry", VECTORS["arrays"], ids=lambda e: e["what"])
def test_arrays(entry):
    keep = oracle.keep_mask(
        key_of(entry), entry["shape"], entry["p"], (), entry.get("origin"), entry.get("global_shape")
    )
    assert oracle.packed(keep).tobytes().hex() == entry["packed"]


def test_shared_axes_of_arrays():
    plain, sharded = VECTORS["arrays"][4:]
    keep = oracle.keep_mask(key_of(plain), (4, 6, 8, 8), plain["p"], share_axes=(2, 3))
    assert oracle.packed(keep).tobytes().hex() == plain["packed"]
    keep = oracle.keep_mask(key_of(sharded), (2, 6, 8), sharded["p"], (2,), (1, 2, 3), (9, 16, 32))
    assert oracle.packed(keep).tobytes().hex() == sharded["packed"]


@pytest.mark.parametrize("entry", VECTORS["noise_words"], ids=lambda e: e["start"])
def test_noise_words(entry):
    index = number(entry["start"]) + np.arange(len(entry["words"]), dtype=np.uint64)
    assert oracle.noise_words(key_of(entry), index).tolist() == [number(word) for word in entry["words"]]


@pytest.mark.parametrize("entry", VECTORS["fold_in"], ids=lambda e: f"{e['role']}, {e['number']}")
def test_fold_in(entry):
    derived = oracle.fold_in(key_of(entry), entry["role"], number(entry["number"]))
    assert derived == tuple(map(number, entry["result"]))


def test_derived():
    key = (123, 0)
    for role, n in (("child", 2), ("call", 4), ("part", 0)):
        key = oracle.fold_in(key, role, n)
    assert key == tuple(map(number, VECTORS["derived"][0]["result"]))


@pytest.mark.parametrize("entry", [e for e in VECTORS["rng_to_key"] if "key" in e], ids=lambda e: e["rng"])
def test_rng_to_key(entry):
    rng = eval(entry["rng"], {"np": np})
    assert oracle.key_from_rng(rng) == tuple(map(number, entry["key"]))


@pytest.mark.parametrize("name", VECTORS["values"])
def test_values(name):
    real = BFLOAT16 if name == "bfloat16" else np.dtype({"complex64": "f4", "complex128": "f8"}.get(name, name))
    dtype = np.dtype(name) if name.startswith("complex") else real
    for entry in VECTORS["values"][name]:
        x = np.array([number(bits) for bits in entry["x"]], dtype=f"u{real.itemsize}").view(dtype)
        y = oracle.multiply(x, oracle.scale(float.fromhex(entry["p"])))
        quiet = bits_of(np.array([np.nan]).astype(real))[0]
        assert bits_of(y).tolist() == [quiet if bits == "nan" else number(bits) for bits in entry["kept_y"]]


def test_apply_drops_to_plus_zero():
    x = np.array([-1.0, np.nan, -np.inf, 2.0], dtype=np.float32)
    y = oracle.apply(x, [False, False, False, True], 2.0)
    assert bits_of(y).tolist() == [0, 0, 0, 0x40800000]

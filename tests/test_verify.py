"""fastdrop verify: its scores are right, it finds what is planted, and says so; nothing about luck."""

import itertools
import math
import subprocess
import sys

import numpy as np
import oracle
import pytest
from helpers import BFLOAT16, clean_environment

import fastdrop as fd
from fastdrop.arrays import DTYPES
from fastdrop.verify import kernels, rates, relations, scores, structure, values
from fastdrop.verify.effort import Effort, full, minutes, seconds
from fastdrop.verify.planted import FAULTS, Planted
from fastdrop.verify.sources import Fastdrop, dropped, realised

SMALL = Effort(seed=3, decisions=1 << 16, rare=1 << 18, stored=1 << 18, related=1 << 14, arrays=40)


def chi_square_tail(x, freedom):
    """P(chi-square > x) for an even freedom: a Poisson sum, in exact steps."""
    return math.fsum(math.exp(-x / 2 + k * math.log(x / 2) - math.lgamma(k + 1)) for k in range(freedom // 2))


@pytest.mark.parametrize("freedom", [8, 64, 512, 2048])
@pytest.mark.parametrize("z", [-3, -1, 0, 2, 4])
def test_chi_square_is_near_normal(freedom, z):
    x = freedom + z * math.sqrt(2 * freedom)
    if x > 0:
        tail = math.erfc(scores.of_chi_square(x, freedom) / math.sqrt(2)) / 2
        assert tail == pytest.approx(chi_square_tail(x, freedom), rel=0.15, abs=1e-6)


def test_rate():
    assert scores.of_rate(50, 100, 0.5) == 0
    assert scores.of_rate(10**12 // 10 + 3 * 300_000, 10**12, 0.1) == pytest.approx(3.0)
    assert realised(0.1) == fd.realised_p(0.1) != 0.1


def test_many_scores():
    """The worst of many is judged by how many there are."""
    few, many = (scores.many("g", "c", 1, [0.0] * (n - 1) + [-4.6]) for n in (1, 1000))
    assert few.worst == pytest.approx(-4.6, abs=1e-6)
    assert not few.passed
    assert -3.5 < many.worst < -2.5
    assert not scores.many("g", "c", 1, [0.0] * 999 + [7.0]).passed
    assert not scores.many("g", "c", 1, [2.0] * 100).passed
    z = np.random.default_rng(1).standard_normal((200, 50))
    worst = np.array([scores.many("g", "c", 1, row).worst for row in z])
    assert abs(np.mean(np.abs(worst) < 0.6745) - 0.5) < 5 * math.sqrt(0.25 / 200)
    limit = scores.p_value(scores.LIMIT)
    assert limit == pytest.approx(6.795e-6, rel=1e-3)
    assert scores.many("g", "c", 1, [2.0] * 100).p_value < limit
    assert scores.exact("g", "c", 5, 0).passed
    assert scores.exact("g", "c", 5, 1).p_value == 0
    assert not scores.exact("g", "c", 5, 1).passed


def test_without_a_fault_the_planted_generator_is_the_law():
    for p in (0.5, 0.25, 0.1, 1e-6, 0.999):
        for n in (1, 64, 70_001):
            key = (5 + 2**63, 2**40 + 9)
            assert np.array_equal(Planted("").bits(key, p, n), Fastdrop().bits(key, p, n))
            assert Planted("").kept(key, p, n) == Fastdrop().kept(key, p, n)
    assert np.array_equal(dropped(Fastdrop(), (3, 4), 0.3, 5000), ~oracle.decide((3, 4), 0.3, np.arange(5000)))


@pytest.mark.parametrize(
    ("fault", "checks"),
    [
        ("unseeded", (rates.check_places, relations.check_keys, relations.check_lags)),
        ("unscrambled", (structure.check_rank,)),
        ("unrefined", (rates.check_rates, rates.check_refinement)),
        ("in fours", (relations.check_lags, relations.check_runs)),
    ],
)
def test_each_fault_is_found_by_what_looks_for_it(fault, checks):
    assert set(FAULTS) == {"unseeded", "unscrambled", "unrefined", "in fours"}
    for check in checks:
        assert not all(score.passed for score in check(Planted(fault), SMALL)), (fault, check)
        assert all(score.passed for score in check(Planted(""), SMALL)), check


def test_probabilities_and_tails():
    class Reversed(Fastdrop):
        def bits(self, key, p, n):
            return super().bits((key[0] ^ (p > 0.6), key[1]), p, n)

    class Short(Fastdrop):
        def bits(self, key, p, n):
            bits = super().bits(key, p, n)
            bits[-(n % 64 + 7) // 8 :] |= 0x11
            return bits

    assert not all(score.passed for score in relations.check_probabilities(Reversed(), SMALL))
    assert all(score.passed for score in relations.check_probabilities(Fastdrop(), SMALL))
    assert not all(score.passed for score in rates.check_tails(Short(), SMALL))
    assert all(score.passed for score in rates.check_tails(Fastdrop(), SMALL))


@pytest.mark.parametrize(
    ("name", "look", "wrong"),
    [
        ("dropout", kernels.check_types, lambda right: lambda x, p, rng: right(x, p, rng=rng.fold_in(1))),
        (
            "_kept_of_ones",
            kernels.check_types,
            lambda right: lambda t, n, p, k: right(t, n, p * (1 - (t == "bfloat16") / 64), k),
        ),
        ("Mask", kernels.check_sets, lambda right: lambda shape, p, rng: right(shape, 0.98 * p, rng=rng)),
        ("dropconnect", values.check_dropconnect, lambda right: lambda *a, **k: right(*a, **k) * 1.05),
        ("gaussian_noise", values.check_noise, lambda right: lambda *a, **k: right(*a, **k) * 1.05),
    ],
)
def test_library_checks_see_wrong_values(name, look, wrong, monkeypatch):
    assert all(score.passed for score in look(SMALL))
    module = sys.modules[look.__module__]
    monkeypatch.setattr(module, name, wrong(getattr(module, name)))
    assert not all(score.passed for score in look(SMALL))


def test_types_are_checked_on_every_instruction_set():
    before = fd.build_info()["isa"]
    pairs = {tuple(score.check.split(":")[0].split(", ")) for score in kernels.check_types(SMALL)}
    assert pairs == set(itertools.product(DTYPES, fd.build_info()["isas_runnable"]))
    assert fd.build_info()["isa"] == before


@pytest.mark.skipif(fd.build_info()["isa"] == "scalar", reason="compares two instruction sets")
@pytest.mark.parametrize("n", [10**4, 10**9])
def test_tails_are_independent_shares(n):
    """Right counts score 0; one too far out moves its own score and the next; rare ones are left out."""
    beyond = [0.5, 0.1, 0.001, 1e-8]
    counts = [round(n * share) for share in beyond]
    assert values._tails(n, counts, beyond) == pytest.approx([0] * (2 if n == 10**4 else 3), abs=1e-6)
    counts[1] += round(3 * math.sqrt(n * 0.5 * 0.2 * 0.8))
    moved = values._tails(n, counts, beyond)
    assert moved[:2] == pytest.approx([0, 3], abs=0.05)
    rng = np.random.default_rng(2)
    draws = [np.cumsum(rng.multinomial(n, [0.001, 0.099, 0.4, 0.5]))[-2::-1] for _ in range(3000)]
    scores_of = np.array([values._tails(n, draw[:2].tolist(), [0.5, 0.1]) for draw in draws])
    assert np.abs(np.corrcoef(scores_of.T)[0, 1]) < 5 / math.sqrt(3000)
    assert np.abs(scores_of.var(axis=0) - 1).max() < 5 * math.sqrt(2 / 3000)


def test_an_instruction_set_with_a_law_of_its_own_is_found(monkeypatch):
    """However well its masks and its products agree with each other."""

    def own(right):
        return lambda *a, rng: right(*a, rng=rng.fold_in(1) if fd.build_info()["isa"] == "scalar" else rng)

    for name in ("dropout", "Mask"):
        monkeypatch.setattr(kernels, name, own(getattr(kernels, name)))
    failed = {score.check for score in kernels.check_types(SMALL) if not score.passed}
    assert failed == {f"{name}, scalar: other elements than the mask's" for name in DTYPES}


def test_bfloat16_is_checked_without_ml_dtypes():
    """And that as words it is what it is as an array."""
    script = "import sys; sys.modules['ml_dtypes'] = None; import fastdrop.verify as v; sys.exit(v.main(['--quick']))"
    done = subprocess.run([sys.executable, "-P", "-c", script], env=clean_environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "bfloat16, scalar: rates" in done.stdout
    for p in rates.RATES:
        key = fd.Key(2**64 - 1, 2**63)
        y = fd.dropout(np.ones(70_001, BFLOAT16), p, rng=key)
        assert (kernels._kept_of_ones("bfloat16", 70_001, p, key) == (y != 0)).all()


def test_rank():
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 256, size=(40, 4), dtype=np.uint8)
    assert structure.rank(rows) == 32
    assert structure.rank(np.zeros((5, 4), np.uint8)) == 0
    base = rng.integers(0, 256, size=(3, 4), dtype=np.uint8)
    sums = np.array([base[0] ^ base[1], base[1] ^ base[2], base[0] ^ base[2], base[0]])
    assert structure.rank(sums) == structure.rank(base) == 3


def test_keys_of_checks_differ():
    effort = seconds(1)
    keys = {effort.key(name, *numbers) for name in ("rate", "place") for numbers in ((), (0,), (1,), (0, 0), (0, 1))}
    assert len(keys) == 10
    assert seconds(2).key("rate") != effort.key("rate")
    assert minutes(1).rare >= 10**10 <= full(1).rare

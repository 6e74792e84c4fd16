"""Probabilities over depth and over training, and that they move no other mask."""

import itertools
import math

import numpy as np
import pytest
from helpers import assert_same

import fastdrop as fd
from fastdrop import nn
from fastdrop.schedules import curriculum, linear_depth


@pytest.mark.parametrize("depth", [1, 2, 3, 12, 101])
def test_linear_depth(depth):
    rates = linear_depth(0.3, depth)
    assert len(rates) == depth
    assert rates[-1] == 0.3
    assert depth == 1 or rates[0] == 0.0
    np.testing.assert_allclose(rates, np.linspace(0, 0.3, depth) if depth > 1 else [0.3], rtol=1e-15, atol=0)
    assert all(type(p) is float and 0 <= p <= 0.3 for p in rates)


def test_curriculum():
    """Morerio et al.: P(keep) = (1 - q) exp(-gamma t / T) + q, with q the last probability of keeping and gamma 10."""
    q, steps = 0.6, 1000
    for step in (0, 1, 10, 500, 1000, 5000):
        keep = (1 - q) * math.exp(-10 * step / steps) + q
        assert curriculum(1 - q, step, steps) == pytest.approx(1 - keep, rel=1e-9, abs=1e-15)
        assert curriculum(1 - q, step, steps, gamma=3) == pytest.approx((1 - q) * (1 - math.exp(-3 * step / steps)))
        assert curriculum(0.4, step, steps, kind="linear") == 0.4 * min(1, step / steps)
    rising = [curriculum(0.4, step, steps) for step in range(steps)]
    assert rising[0] == 0.0
    assert all(a < b <= 0.4 for a, b in itertools.pairwise(rising))
    assert curriculum(1.0, 10**9, 1) == 1.0
    assert curriculum(0.0, 5, 10) == 0.0


def model():
    return nn.Sequential(nn.DropPath(0.5), nn.Dropout(0.5), nn.GaussianDropout(0.2), nn.Dropout(0.1), rng=3)


def test_a_changing_p_moves_no_other_mask():
    """One layer's p rises over the calls, 0 at first; the others' outputs are those of a run where it stays."""
    x = np.ones((6, 40), np.float32)
    for scheduled in range(4):
        changing, steady = model(), model()
        for step in range(6):
            p = curriculum(0.5, step, 6, kind="linear")
            changing[scheduled].p = p
            for i in range(4):
                y, wanted = changing[i](x), steady[i](x)
                if i != scheduled:
                    assert_same(y, wanted)
            key = fd.Key(3).fold_in(scheduled, role="child").fold_in(step, role="call").fold_in(0, role="part")
            assert changing[scheduled]._part_key(0) != key  # the call is over
            assert changing[scheduled].calls == steady[scheduled].calls == step + 1
            if scheduled in (1, 3):
                changing[scheduled].p = p
                assert_same(changing[scheduled].backward(x), fd.dropout(x, p, rng=key))


def test_a_larger_p_of_the_same_call_drops_more():
    """Under one key the kept sets are nested, p = 0.5 apart: what a schedule changes is only how many."""
    kept = [fd.Mask(5000, p, rng=9).to_bool() for p in linear_depth(0.45, 10)]
    assert all((later <= earlier).all() for earlier, later in itertools.pairwise(kept))
    assert kept[0].all()


def test_a_deep_network_of_drop_paths():
    """A rate for each block; a block's masks do not depend on how deep the network is."""
    x = np.ones((30, 4), np.float32)
    rates = linear_depth(0.6, 5)
    blocks = nn.Sequential(*(nn.DropPath(p) for p in rates), rng=1)
    shorter = nn.Sequential(*(nn.DropPath(p) for p in rates[:3]), rng=1)
    assert blocks[0](x) is x
    for a, b in zip(shorter, blocks, strict=False):
        assert_same(a(x), b(x))


def test_bad_input():
    with pytest.raises(ValueError, match="depth has to be at least 1, but got 0"):
        linear_depth(0.5, 0)
    with pytest.raises(TypeError, match=r"depth has to be an integer, but got 2\.0"):
        linear_depth(0.5, 2.0)
    with pytest.raises(TypeError, match="p has to be one number"):
        linear_depth([0.1, 0.2], 2)
    for p in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1"):
            linear_depth(p, 2)
        with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1"):
            curriculum(p, 0, 2)
    with pytest.raises(ValueError, match="steps has to be at least 1, but got 0"):
        curriculum(0.5, 0, 0)
    with pytest.raises(ValueError, match="step has to be at least 0, but got -1"):
        curriculum(0.5, -1, 5)
    with pytest.raises(ValueError, match="kind has to be 'exponential' or 'linear', but got 'cosine'"):
        curriculum(0.5, 1, 5, kind="cosine")
    for gamma in (0, -1, math.inf, math.nan, True, "1"):
        with pytest.raises(ValueError, match="gamma has to be a positive finite number"):
            curriculum(0.5, 1, 5, gamma=gamma)

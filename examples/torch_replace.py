"""One line, and a PyTorch model trains on: scikit-learn's digits with `nn.Dropout` and with fastdrop's.

For each seed the same network is trained three times on the same batches: without dropout, as it is, and after
`fastdrop.torch.replace(model)`. Masks differ, for they come from another law; what is learnt must not. Needs the extras
`torch` and `examples`.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import torch
from torch import nn

import fastdrop.torch as ft
from fastdrop.demo.data import load_digits

VARIANTS = ("no dropout", "nn.Dropout", "after replace")
ROWS, BATCH, WRONG, P = 600, 100, 0.2, 0.5


def network(p: float) -> nn.Module:
    """Return 64-512-512-10, as people have it."""
    return nn.Sequential(
        nn.Linear(64, 512), nn.ReLU(), nn.Dropout(p), nn.Linear(512, 512), nn.ReLU(), nn.Dropout(p), nn.Linear(512, 10)
    )


def data(seed: int) -> tuple[torch.Tensor, ...]:
    """Return images and labels to train on, a fifth of these wrong, and to test with."""
    digits, rng = load_digits(), np.random.default_rng(seed)
    order = rng.permutation(len(digits.y))
    x, y = torch.from_numpy(digits.x[order].astype(np.float32)), torch.from_numpy(digits.y[order].astype(np.int64))
    wrong = torch.from_numpy(rng.random(ROWS) < WRONG)
    noisy = torch.where(wrong, torch.from_numpy(rng.integers(10, size=ROWS)), y[:ROWS])
    return x[:ROWS], noisy, x[ROWS:], y[ROWS:]


def train(variant: str, seed: int, epochs: int) -> tuple[float, float, float]:
    """Return the last training loss, the test accuracy in % and the milliseconds of a step."""
    x, y, test_x, test_y = data(seed)
    torch.manual_seed(seed)
    model = network(0.0 if variant == "no dropout" else P)
    if variant == "after replace":
        ft.replace(model)  # the one line
    optimiser, loss_of = torch.optim.Adam(model.parameters(), 1e-3), nn.CrossEntropyLoss()
    order, steps, losses = np.random.default_rng(seed + 1000), [], []
    for _ in range(epochs):
        for rows in np.split(order.permutation(ROWS), ROWS // BATCH):
            begun = time.perf_counter()
            optimiser.zero_grad(set_to_none=True)
            loss = loss_of(model(x[rows]), y[rows])
            loss.backward()
            optimiser.step()
            steps.append(time.perf_counter() - begun)
            losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        right = (model(test_x).argmax(1) == test_y).float().mean().item()
    return statistics.mean(losses[-ROWS // BATCH :]), 100 * right, 1e3 * statistics.median(steps)


def show(results: dict[str, np.ndarray]) -> None:
    """Print means with standard errors, and the difference that replacing made."""
    print(f"{'':16}{'last loss':>18}{'test %':>18}{'ms a step':>12}")
    for name, values in results.items():
        error = values.std(axis=0, ddof=1) / len(values) ** 0.5
        mean = values.mean(axis=0)
        print(
            f"{name:16}{mean[0]:10.3f} ± {error[0]:.3f}{mean[1]:11.2f} ± {error[1]:.2f}{np.median(values[:, 2]):12.2f}"
        )
    change = results["after replace"] - results["nn.Dropout"]
    error = change.std(axis=0, ddof=1) / len(change) ** 0.5
    loss, right = change[:, 0].mean(), change[:, 1].mean()
    print(f"{'replacing made':16}{loss:+10.3f} ± {error[0]:.3f}{right:+11.2f} ± {error[1]:.2f}")
    plain, theirs, ours = (np.median(results[name][:, 2]) for name in VARIANTS)
    print(f"\ndropout cost {theirs - plain:.2f} ms of a step, and costs {ours - plain:.2f} ms now")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=8, help="use the seeds 0 to N - 1 (%(default)s)")
    parser.add_argument("--epochs", type=int, default=60)
    options = parser.parse_args()
    if options.seeds < 2 or options.epochs < 1:
        parser.error("--seeds has to be at least 2, and --epochs at least 1")
    torch.set_num_threads(1)
    results: dict[str, list] = {name: [] for name in VARIANTS}
    for seed in range(options.seeds):
        for name in VARIANTS:
            results[name].append(train(name, seed, options.epochs))
    show({name: np.array(values) for name, values in results.items()})


if __name__ == "__main__":
    main()

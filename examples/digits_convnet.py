"""Spatial dropout and DropBlock in a small convolutional network, on scikit-learn's handwritten digits.

There are 1,797 scans of 8 x 8 pixels. The network sees 200 of them, a fifth with a wrong label, so that it can learn
them by heart; the test set is all the others, with the right labels. Neighbouring pixels of a map say nearly the same,
so that dropping single ones may hide little: `nn.Dropout2d` drops whole channels, `nn.DropBlock2d` squares.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from charts import draw_results
from common import NONE, extra, options, run_all, table, verdict

import fastdrop as fd
from fastdrop import nn
from fastdrop.demo.data import Dataset, Split, load_digits, make_split

MODEL, ORDER = 10, 11  # folded into a seed's key for what they name; make_split uses smaller numbers
# Chosen with the seeds 100 to 103, by one rule: without dropout, the network learns what it sees by heart.
ROWS, WRONG, BATCH, EPOCHS, POINTS = 200, 0.2, 40, 100, 10
VARIANTS = (NONE, "Dropout 0.3", "Dropout2d 0.3", "DropBlock2d 0.3")


class Conv2d(nn.Linear):
    """Convolution of (N, H, W, C) with square kernels of odd size, padded with zeros so that H and W stay.

    It is the affine layer, applied at each pixel to all that its neighbourhood holds (im2col): pixels of a row lie one
    after the other in memory, channels last, so that a row of the kernel is one piece to copy.
    """

    def __init__(self, channels: int, filters: int, size: int = 3, *, rng: fd.Key | int | None = None) -> None:
        super().__init__(size * size * channels, filters, rng=rng)
        self.size, self.edge = size, size // 2

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return the maps, (N, H, W, filters)."""
        padded = np.pad(x, [(0, 0), (self.edge, self.edge), (self.edge, self.edge), (0, 0)])
        windows = np.lib.stride_tricks.sliding_window_view(padded, (self.size, self.size), axis=(1, 2))
        return super().forward(windows.transpose(0, 1, 2, 4, 5, 3).reshape(*x.shape[:3], self.in_features))

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return the gradient for x: that of each neighbourhood goes back to the pixels it was copied from."""
        n, height, width, _ = dy.shape
        parts = super().backward(dy).reshape(n, height, width, self.size, self.size, -1)
        dx = np.zeros((n, height + 2 * self.edge, width + 2 * self.edge, parts.shape[5]), parts.dtype)
        for i in range(self.size):
            for j in range(self.size):
                dx[:, i : i + height, j : j + width] += parts[:, :, :, i, j]
        return dx[:, self.edge : self.edge + height, self.edge : self.edge + width]


class MeanPool(nn.Module):
    """The mean of each 2 x 2 pixels of (N, H, W, C), as one row of numbers for each image."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return (N, H/2 * W/2 * C)."""
        self.shape = x.shape
        quarter = x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]
        return (quarter / 4).reshape(len(x), -1)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return the gradient for x."""
        n, height, width, channels = self.shape
        quarter = dy.reshape(n, height // 2, 1, width // 2, 1, channels) / 4
        return np.broadcast_to(quarter, (n, height // 2, 2, width // 2, 2, channels)).reshape(self.shape)


def dropout_layer(variant: str) -> nn.Dropout:
    """Return a layer of the kind and with the p that a variant's name says."""
    if variant == NONE:
        return nn.Dropout(0.0)
    kind, p = variant.split()
    more = {
        "Dropout": {},
        "Dropout2d": {"channels_last": True},
        "DropBlock2d": {"channels_last": True, "block_size": 3},
    }
    return getattr(nn, kind)(float(p), **more[kind])


@cache
def digits() -> Dataset:
    """Read the data once in each process."""
    extra("sklearn.datasets")
    return load_digits()


def train(variant: str, seed: int, quick: bool) -> dict[str, object]:
    """Train one network; all that is random comes from the seed, and variants of one seed differ in dropout alone."""
    key = fd.Key(seed)
    data: Split = make_split(digits(), key, ROWS, WRONG)
    filters, epochs = (4, 2) if quick else (16, EPOCHS)
    model = nn.Sequential(
        Conv2d(1, filters),
        nn.ReLU(),
        dropout_layer(variant),
        Conv2d(filters, filters),
        nn.ReLU(),
        dropout_layer(variant),
        MeanPool(),
        nn.Linear(filters * 16, 10),
        rng=key.fold_in(MODEL),
    )
    images = [x.reshape(-1, 8, 8, 1) for x in (data.x_train, data.x_test)]
    loss, adam = nn.CrossEntropyLoss(), nn.Adam(model.parameters(), lr=0.003)
    order = key.fold_in(ORDER).generator()
    curve = []
    for epoch in range(1, epochs + 1):
        model.train()
        shuffled = order.permutation(len(images[0]))
        for first in range(0, len(shuffled), BATCH):
            batch = shuffled[first : first + BATCH]
            adam.zero_grad()
            loss(model(images[0][batch]), data.y_train[batch])
            model.backward(loss.backward())
            adam.step()
        if epoch % max(1, epochs // POINTS) == 0:
            model.eval()
            pairs = zip(images, (data.y_train, data.y_test), strict=True)
            curve.append((epoch, *(100 * float(np.mean(model(x).argmax(axis=1) == y)) for x, y in pairs)))
    return {"train": curve[-1][1], "test": curve[-1][2], "best": max(row[2] for row in curve), "curve": curve}


def main() -> None:
    """Train, print the table, draw the picture."""
    chosen = options(__doc__, "digits_convnet.png", seeds=10)
    results = run_all(train, VARIANTS, chosen)
    print(f"{ROWS} digits to train on, {WRONG:.0%} of their labels wrong; seeds 0 to {chosen.seeds - 1}")
    print(table(results, {"train": "train %", "best": "best test %", "test": "test %"}, "test"))
    print("\nTest accuracy:\n" + verdict(results, "test", "points"))

    title = f"Digits, {ROWS} to train on, {WRONG:.0%} wrong labels: mean of {chosen.seeds} seeds"
    draw_results(results, "test", "accuracy in %", "epoch", title, chosen.out)


if __name__ == "__main__":
    main()

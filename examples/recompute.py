"""Gradients of a deep network with few activations in memory.

Plain backpropagation keeps what every block computed until the way back. The other way keeps the input of every fourth
block and computes the rest again when it is needed. Dropout in a recomputed block has to drop the same elements as the
first time. With keys that takes no care at all: a block's key is made from the step and the block's number, and the
same key is the same mask. No random state is saved or restored, and no mask is stored in either way.
"""

import numpy as np

import fastdrop as fd

DEPTH, WIDTH, BATCH, P = 16, 256, 512, 0.2
SEGMENT = 4

run = fd.Key(2024)
weights = [
    run.fold_in(layer, role="child").generator().normal(0, (2 / WIDTH) ** 0.5, (WIDTH, WIDTH)).astype(np.float32)
    for layer in range(DEPTH)
]


def forward(x, layers, step):
    """Run some blocks: dropout(relu(x W)). Returns the result, and for each block what its backward needs."""
    tape = []
    for layer in layers:
        before = x @ weights[layer]
        y, mask = fd.dropout_forward(np.maximum(before, 0), P, rng=run.fold_in(step).fold_in(layer))
        tape.append((layer, x, before, mask))
        x = y
    return x, tape


def backward(dy, tape, gradients):
    """Go back through these blocks; fills in the gradients of their weights and returns that of their input."""
    for layer, x, before, mask in reversed(tape):
        d = fd.dropout_backward(dy, mask) * (before > 0)
        gradients[layer] = x.T @ d
        dy = d @ weights[layer].T
    return dy


def plain(x, dy, step):
    gradients = [None] * DEPTH
    _, tape = forward(x, range(DEPTH), step)
    backward(dy, tape, gradients)
    return gradients, size_of(tape)


def recomputed(x, dy, step):
    gradients = [None] * DEPTH
    segments = [range(first, min(first + SEGMENT, DEPTH)) for first in range(0, DEPTH, SEGMENT)]
    inputs = []
    for layers in segments:
        inputs.append(x)
        x, _ = forward(x, layers, step)
    most = 0
    for layers in reversed(segments):
        _, tape = forward(inputs[-1], layers, step)  # again, with the same masks
        most = max(most, sum(a.nbytes for a in inputs[:-1]) + size_of(tape))
        inputs.pop()
        dy = backward(dy, tape, gradients)
    return gradients, most


def size_of(tape):
    """Bytes of activations and masks that a tape keeps."""
    return sum(x.nbytes + before.nbytes + mask.nbytes for _, x, before, mask in tape)


def main():
    x = run.generator().normal(size=(BATCH, WIDTH)).astype(np.float32)
    dy = np.ones((BATCH, WIDTH), np.float32)
    whole, much = plain(x, dy, step=0)
    again, little = recomputed(x, dy, step=0)
    largest = max(float(abs(a).max()) for a in whole)
    difference = max(float(abs(a - b).max()) for a, b in zip(whole, again, strict=True))
    print(f"{DEPTH} blocks of {WIDTH} units, batch of {BATCH}, p = {P}")
    print(f"kept for backward: {much / 2**20:.1f} MiB, with recomputation {little / 2**20:.1f} MiB")
    print(f"largest gradient {largest:.3g}, largest difference between the two ways {difference:.3g}")
    assert little < much / 2
    assert difference <= 1e-6 * largest


if __name__ == "__main__":
    main()

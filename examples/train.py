"""Train a small network with and without dropout, stop in the middle, resume, and end with the same weights.

The data are made here: ten noisy classes, few examples, and a fifth of the training labels wrong, so that there is
something to memorise. One seed fixes everything that is random: data, initial weights, batches, masks.
"""

import numpy as np

import fastdrop as fd
from fastdrop import nn

CLASSES, FEATURES, EPOCHS, BATCH = 10, 40, 60, 32
run = fd.Key(1)


def make_data(n, wrong, rng):
    """Points around a centre for each class; a share `wrong` of the labels is replaced at random."""
    centres = run.generator().normal(size=(CLASSES, FEATURES))
    labels = rng.integers(CLASSES, size=n)
    x = (centres[labels] + 1.8 * rng.normal(size=(n, FEATURES))).astype(np.float32)
    labels[: int(wrong * n)] = rng.integers(CLASSES, size=int(wrong * n))
    return x, labels


def make_model(p):
    return nn.Sequential(nn.Linear(FEATURES, 256), nn.ReLU(), nn.Dropout(p=p), nn.Linear(256, CLASSES), rng=run)


def train(model, optimizer, x, labels, epochs):
    """Epochs are numbered, and each shuffles by its own key: no generator has to be saved to resume."""
    loss = nn.CrossEntropyLoss()
    model.train()
    for epoch in epochs:
        order = run.fold_in(epoch).generator().permutation(len(x))
        for first in range(0, len(x), BATCH):
            batch = order[first : first + BATCH]
            optimizer.zero_grad()
            loss(model(x[batch]), labels[batch])
            model.backward(loss.backward())
            optimizer.step()


def accuracy(model, x, labels):
    model.eval()
    return float((model(x).argmax(axis=1) == labels).mean())


def main():
    x, labels = make_data(400, 0.2, run.fold_in(1, role="part").generator())
    x_test, labels_test = make_data(4000, 0.0, run.fold_in(2, role="part").generator())
    print("   p   train    test")
    for p in (0.0, 0.5):
        model = make_model(p)
        train(model, nn.Adam(model.parameters(), lr=0.002), x, labels, range(EPOCHS))
        print(f"{p:4} {accuracy(model, x, labels):7.3f} {accuracy(model, x_test, labels_test):7.3f}")

    first = make_model(0.5)
    optimizer = nn.Adam(first.parameters(), lr=0.002)
    train(first, optimizer, x, labels, range(EPOCHS // 2))
    saved = first.state_dict(), optimizer.state_dict()

    second = make_model(0.5)
    optimizer = nn.Adam(second.parameters(), lr=0.002)
    second.load_state_dict(saved[0])
    optimizer.load_state_dict(saved[1])
    train(second, optimizer, x, labels, range(EPOCHS // 2, EPOCHS))
    same = all(np.array_equal(a.data, b.data) for a, b in zip(model.parameters(), second.parameters(), strict=True))
    print(f"stopped after half of the epochs and resumed: {'the same weights' if same else 'OTHER WEIGHTS'}")
    assert same


if __name__ == "__main__":
    main()

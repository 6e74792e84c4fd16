"""What a network does not know: Monte Carlo dropout on digits of kinds that it was never shown.

Networks learn scikit-learn's digits 0 to 7. Then they see 8 and 9, which have no right answer, and digits turned by up
to 180 degrees. How unsure they say they are is the entropy of the probabilities they give: of one pass without
dropout, or of the mean over many passes with dropout (`nn.mc`; Gal and Ghahramani, ICML 2016). The part of that entropy
on which the passes disagree is the mutual information. AUROC is the probability that an unknown digit has the higher
value than a known one of the test set: 50 % for a guess, 100 % for perfect.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from charts import COLOURS, panel_of_bars, save_picture
from common import NONE, average, column, extra, options, run_all, table, verdict

import fastdrop as fd
from fastdrop import nn
from fastdrop.demo.data import load_digits

SPLIT, MODEL, ORDER = range(3)  # folded into a seed's key for what they name
KNOWN, ROWS, BATCH, EPOCHS, P = 8, 400, 40, 60, 0.5
ANGLES = tuple(range(0, 181, 15))
TURNED = 4  # the digit that is turned: 0 looks the same upside down, and 6 becomes a 9
DROPOUT = "dropout 0.5"
ONE, MEAN, MUTUAL = "dropout: one pass", "dropout: mean of passes", "dropout: mutual information"


@cache
def data() -> tuple[np.ndarray, np.ndarray]:
    """Read the data once in each process."""
    extra("sklearn.datasets")
    digits = load_digits()
    return digits.x, digits.y


@cache
def turned() -> np.ndarray:
    """Return all digits of the kind `TURNED` at each angle: (angles, digits, 64)."""
    x, y = data()
    images = x[y == TURNED].reshape(-1, 8, 8)
    rotate = extra("scipy.ndimage").rotate
    steps = [rotate(images, angle, axes=(2, 1), reshape=False, order=1) for angle in ANGLES]
    return np.array(steps, np.float32).reshape(len(ANGLES), len(images), 64)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities along the last axis, in double precision."""
    z = logits.astype(np.float64)
    z = np.exp(z - z.max(axis=-1, keepdims=True))
    return z / z.sum(axis=-1, keepdims=True)


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Return the entropy of probabilities along the last axis, in bits."""
    return -(probabilities * np.log2(np.maximum(probabilities, 1e-300))).sum(axis=-1)


def one_pass(model: nn.Module, x: np.ndarray) -> dict[str, np.ndarray]:
    """Return the probabilities of the network in evaluation mode."""
    model.eval()
    return {"mean": softmax(model(x))}


def many_passes(model: nn.Module, x: np.ndarray, samples: int) -> dict[str, np.ndarray]:
    """Return the mean probabilities of passes with dropout on, and their mutual information with the weights."""
    with nn.mc(model.eval(), samples) as sampling:
        passes = np.stack([softmax(model(x)) for _ in sampling.range()])
    mean = passes.mean(axis=0)
    return {"mean": mean, "mutual": entropy(mean) - entropy(passes).mean(axis=0)}


def auroc(known: np.ndarray, unknown: np.ndarray) -> float:
    """Return the probability that an unknown one has the higher value, ties counted half, in %."""
    is_unknown = np.r_[np.zeros(len(known)), np.ones(len(unknown))]
    return 100 * float(extra("sklearn.metrics").roc_auc_score(is_unknown, np.r_[known, unknown]))


def train(variant: str, seed: int, quick: bool) -> dict[str, dict[str, object]]:
    """Train one network and ask it about known, unknown and turned digits, in each way: outcomes by way."""
    key = fd.Key(seed)
    x, y = data()
    known = key.fold_in(SPLIT).generator().permutation(np.flatnonzero(y < KNOWN))
    rows, rest = known[:ROWS], known[ROWS:]
    p, units, epochs, samples = (0.0 if variant == NONE else P), *((16, 2, 4) if quick else (256, EPOCHS, 100))
    model = nn.Sequential(
        *(nn.Linear(64, units), nn.ReLU(), nn.Dropout(p)),
        *(nn.Linear(units, units), nn.ReLU(), nn.Dropout(p)),
        nn.Linear(units, KNOWN),
        rng=key.fold_in(MODEL),
    )
    loss, adam = nn.CrossEntropyLoss(), nn.Adam(model.parameters(), lr=0.001)
    order = key.fold_in(ORDER).generator()
    for _ in range(epochs):
        shuffled = order.permutation(rows)
        for first in range(0, len(rows), BATCH):
            batch = shuffled[first : first + BATCH]
            adam.zero_grad()
            loss(model(x[batch]), y[batch])
            model.backward(loss.backward())
            adam.step()

    ways = {NONE if variant == NONE else ONE: lambda x: one_pass(model, x)}
    if variant != NONE:
        ways[MEAN] = lambda x: many_passes(model, x, samples)
    answers = {}
    for way, ask in ways.items():
        inside, outside, rotated = ask(x[rest]), ask(x[y >= KNOWN]), ask(turned().reshape(-1, 64))
        right = np.mean(inside["mean"].argmax(axis=1) == y[rest])
        entropies = entropy(inside["mean"]), entropy(outside["mean"])
        answers[way] = {
            "accuracy": 100 * float(right),
            "loss": float(-np.log2(np.maximum(inside["mean"][np.arange(len(rest)), y[rest]], 1e-300)).mean()),
            "auroc": auroc(*entropies),
            "entropies": entropies,
            "turned": entropy(rotated["mean"]).reshape(len(ANGLES), -1).mean(axis=1),
        }
        if "mutual" in inside:
            answers[MUTUAL] = answers[way] | {"auroc": auroc(inside["mutual"], outside["mutual"])}
    return answers


def draw(results: dict[str, list], chosen: object) -> None:
    """Draw how unsure the networks are of known, unknown and turned digits."""
    figure = extra("matplotlib.figure").Figure(figsize=(12, 4.6), layout="constrained")
    grid = figure.add_gridspec(2, 3, height_ratios=[1, 0.14])
    left, middle, right = (
        figure.add_subplot(grid[:, 0]),
        figure.add_subplot(grid[:, 1]),
        figure.add_subplot(grid[0, 2]),
    )
    edges = np.linspace(0, 3, 31)
    for way, colour in ((NONE, COLOURS[0]), (MEAN, COLOURS[2])):
        for which, style in ((0, "--"), (1, "-")):
            values = np.concatenate([pair[which] for pair in column(results[way], "entropies")])
            share = np.histogram(values, edges)[0] / len(values)
            label = f"{way}: {'8 and 9' if which else 'known digits'}"
            left.stairs(100 * share, edges, color=colour, linestyle=style, linewidth=1.6, label=label)
    left.set(xlabel="entropy in bits", ylabel="share of the test digits in %", yscale="log")
    left.legend(fontsize=8)
    left.grid(alpha=0.3)
    panel_of_bars(middle, results, "auroc", "AUROC in %, known against 8 and 9")
    for way, colour in zip(results, COLOURS, strict=False):
        if way == MUTUAL:
            continue
        mean, error = average(results[way], "turned")
        right.plot(ANGLES, mean, color=colour, label=way)
        right.fill_between(ANGLES, mean - error, mean + error, color=colour, alpha=0.2)
    right.set(ylabel=f"mean entropy of a turned {TURNED} in bits", xlabel="angle in degrees", xticks=range(0, 181, 30))
    right.legend(fontsize=8, loc="upper left")
    right.set_ylim(0, 1.35 * right.get_ylim()[1])  # room for the legend
    right.grid(alpha=0.3)
    strip = figure.add_subplot(grid[1, 2])
    strip.imshow(
        np.concatenate([turned()[i, 0].reshape(8, 8) for i in range(0, len(ANGLES), 2)], axis=1), cmap="gray_r"
    )
    strip.set_axis_off()
    figure.suptitle(f"Networks that know the digits 0 to 7, {chosen.seeds} seeds")
    save_picture(figure, chosen.out)


def main() -> None:
    """Train, print the table, draw the picture."""
    chosen = options(__doc__, "uncertainty.png", seeds=10)
    trained = run_all(train, (NONE, DROPOUT), chosen)
    results = {way: [answers[way] for answers in outcomes] for outcomes in trained.values() for way in outcomes[0]}
    print(f"digits 0 to 7, {ROWS} to train on; seeds 0 to {chosen.seeds - 1}")
    print(table(results, {"accuracy": "known: accuracy %", "loss": "known: loss in bits", "auroc": "AUROC %"}, "auroc"))
    print("\nAUROC, known digits against 8 and 9:\n" + verdict(results, "auroc", "points"))
    answers = {way: outcomes for way, outcomes in results.items() if way != MUTUAL}  # its answers are those of the mean
    print("\nLoss on known digits:\n" + verdict(answers, "loss", "bits", low_is_good=True, digits=3))
    draw(results, chosen)


if __name__ == "__main__":
    main()

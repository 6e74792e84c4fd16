"""Dropout in a character language model, on the help topics that come with Python (pydoc_data.topics).

An embedding, an LSTM and an affine layer predict the next character of English text about Python. They see 16,000
characters, 25 times over, which is far too little for their 100,000 parameters: without dropout they get ever better on
what they have seen, and worse on other topics. Measured in bits per character; lower is better.
"""

from __future__ import annotations

from functools import cache
from pydoc_data.topics import topics

import numpy as np
from charts import draw_results
from common import NONE, options, run_all, table, verdict

import fastdrop as fd
from fastdrop import nn

SPLIT, MODEL = range(2)  # folded into a seed's key for what they name
# Chosen with the seeds 100 to 103, by one rule: without dropout, the network learns what it sees by heart.
SEEN, UNSEEN, MOST_OF_A_TOPIC = 16_000, 16_000, 2_000  # characters
WIDTH, UNITS, STREAMS, WINDOW, STEPS, POINTS, LEARNING_RATE = 32, 128, 16, 50, 500, 10, 0.01
#: What each variant drops: of the embedding's rows, in the LSTM, and between LSTM and affine layer.
VARIANTS: dict[str, tuple[float, dict[str, float], float]] = {
    NONE: (0.0, {}, 0.0),
    "output 0.4": (0.0, {}, 0.4),
    "variational 0.2": (0.1, {"dropout": 0.2, "recurrent_dropout": 0.2}, 0.4),
    "zoneout 0.2": (0.1, {"dropout": 0.2, "zoneout_h": 0.1, "zoneout_c": 0.2}, 0.4),
}


@cache
def corpus() -> tuple[dict[str, str], str]:
    """Return the topics without what an earlier one says too, and the alphabet.

    Topics repeat each other, by whole sections: with the repetitions, a test topic would be in part a training topic.
    """
    paragraphs: set[str] = set()
    texts = {}
    for name in sorted(topics):
        own = [part for part in topics[name].split("\n\n") if part.strip() not in paragraphs]
        paragraphs.update(part.strip() for part in own)
        texts[name] = "\n\n".join(own)
    return texts, "".join(sorted(set("".join(texts.values()))))


def split(key: fd.Key) -> tuple[np.ndarray, np.ndarray, int]:
    """Return characters of some topics to train on, as numbers, of other topics to test on, and how many there are."""
    texts, alphabet = corpus()
    number = {character: i for i, character in enumerate(alphabet)}
    names = iter(key.fold_in(SPLIT).generator().permutation(list(texts)))
    parts = []
    for length in (SEEN, UNSEEN):
        text = ""
        while len(text) < length + 1:
            text += texts[next(names)][:MOST_OF_A_TOPIC] + "\n\n"
        parts.append(np.array([number[character] for character in text[: length + 1]]))
    return *parts, len(alphabet)


def streams(characters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut a text into equal pieces that are read side by side: characters and the ones to predict, (streams, time)."""
    length = (len(characters) - 1) // STREAMS
    return tuple(characters[first : first + length * STREAMS].reshape(STREAMS, length) for first in (0, 1))


class Model(nn.Module):
    """Embedding, LSTM, dropout and affine layer; the LSTM's state goes on from one window of the text to the next."""

    def __init__(self, symbols: int, units: int, variant: str, rng: fd.Key) -> None:
        super().__init__()
        rows, drops, p = VARIANTS[variant]
        keys = [rng.fold_in(i, role="child") for i in range(3)]
        self.embedding = nn.Embedding(symbols, WIDTH, p=rows, rng=keys[0])
        self.lstm = nn.LSTM(WIDTH, units, rng=keys[1], **drops)
        self.head = nn.Sequential(nn.Dropout(p), nn.Linear(units, symbols), rng=keys[2])
        self.state = None

    def children(self) -> tuple[nn.Module, ...]:
        """Return what is inside."""
        return self.embedding, self.lstm, self.head

    def forward(self, characters: np.ndarray) -> np.ndarray:
        """Return logits of the next characters, (streams, time, symbols)."""
        y, self.state = self.lstm(self.embedding(characters), self.state, return_state=True)
        return self.head(y)

    def backward(self, dy: np.ndarray) -> None:
        """Add to the gradients of the parameters; none goes back into the window before."""
        self.embedding.backward(self.lstm.backward(self.head.backward(dy)))


def bits(model: Model, text: tuple[np.ndarray, np.ndarray]) -> float:
    """Return the bits per character of a text in evaluation mode, read from its beginning."""
    loss, before, model.state = nn.CrossEntropyLoss(), model.state, None
    value = loss(model.eval()(text[0]), text[1]) / np.log(2)
    model.train().state = before
    return float(value)


def clip(model: Model, most: float) -> None:
    """Scale all gradients so that their norm is at most this: a rare window would throw the network far off."""
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    norm = np.sqrt(sum(np.vdot(gradient, gradient) for gradient in gradients))
    for gradient in gradients:
        gradient *= min(1.0, most / norm)


def train(variant: str, seed: int, quick: bool) -> dict[str, object]:
    """Train one network; all that is random comes from the seed, and variants of one seed differ in dropout alone."""
    key = fd.Key(seed)
    units, steps = (8, 2) if quick else (UNITS, STEPS)
    seen, unseen, symbols = split(key)
    seen, unseen = (streams(text[: STREAMS * WINDOW * 2] if quick else text) for text in (seen, unseen))
    model = Model(symbols, units, variant, key.fold_in(MODEL))
    loss, adam, curve = nn.CrossEntropyLoss(), nn.Adam(model.parameters(), lr=LEARNING_RATE), []
    first = 0
    for step in range(1, steps + 1):
        window = slice(first, first + WINDOW)
        adam.zero_grad()
        loss(model(seen[0][:, window]), seen[1][:, window])
        model.backward(loss.backward())
        clip(model, 1.0)
        adam.step()
        first += WINDOW
        if first >= seen[0].shape[1]:  # the text begins again
            first, model.state = 0, None
        if step % max(1, steps // POINTS) == 0:
            curve.append((step, bits(model, seen), bits(model, unseen)))
    return {"train": curve[-1][1], "test": curve[-1][2], "best": min(row[2] for row in curve), "curve": curve}


def main() -> None:
    """Train, print the table, draw the picture."""
    chosen = options(__doc__, "char_lm.png", seeds=4)
    results = run_all(train, list(VARIANTS), chosen)
    print(f"{SEEN} characters to train on, {UNSEEN} of other topics to test on; seeds 0 to {chosen.seeds - 1}")
    print(table(results, {"train": "train bits", "best": "best test bits", "test": "test bits"}, "test", digits=3))
    print("\nBits per character of the test topics, in the end:")
    print(verdict(results, "test", "bits", low_is_good=True, digits=3))
    title = f"Python's help topics, {SEEN} characters to train on: mean of {chosen.seeds} seeds"
    draw_results(results, "test", "bits per character", "step", title, chosen.out)


if __name__ == "__main__":
    main()

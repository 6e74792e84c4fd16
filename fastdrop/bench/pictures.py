"""Two pictures of a report: time an element over size with the roofline, and speed-up over each peer.

Drawn to be read at about 850 pixels: labels stand at the ends of lines, colours stay apart for colour-blind eyes.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from types import ModuleType

from fastdrop.bench.case import Case
from fastdrop.bench.extras import InputError, extra
from fastdrop.bench.own_rows import CALL, KERNEL, SCALE, STORED
from fastdrop.bench.results import Report

__all__ = ["compared_with", "draw_pictures", "speed_ups", "spread"]

#: Okabe and Ito's colours; grey is for what stands behind.
BLACK, BLUE, ORANGE, GREEN, PINK, SKY, RED = "#000000", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"
PEER_COLOURS = (GREEN, PINK, ORANGE, SKY, "#7a5195", "#8c564b", "#5a7d00", "#808080", "#b58900", "#2f4b7c")
WIDTH = 8.5  # inches, at 100 dots each
IDIOM = "NumPy idiom"
SAID_ALREADY = r", in place|, no mask|, bit mask| \(p = 0\.5\)"  # in the title, or of no interest there
CALL_SHOWS = 1 << 16
BARS = (1 << 20, 1 << 24)
BAR_PROBABILITIES = (0.5, 0.1)


def compared_with(row: str, per_call: bool) -> str:
    """Return the row of fastdrop that does the same as a peer's: with the overhead of a call, or without."""
    if row.endswith("backward") and "forward" not in row:
        return STORED
    return CALL if per_call else KERNEL


def draw_pictures(report: Report, folder: str | Path) -> list[Path]:
    """Draw both pictures.

    Parameters
    ----------
    report : Report
    folder : str or Path
        Made if it is not there.

    Returns
    -------
    list of Path
        Of the files ``time-per-element.png`` and ``speed-up.png``, in `folder`; the second only where a peer or idiom
        was measured.

    Raises
    ------
    MissingExtraError
        If matplotlib is missing.
    InputError
        If the files can't be written, or the report has no float32 results to draw.
    """
    matplotlib = extra("matplotlib")
    module = extra("matplotlib.figure")
    folder = Path(folder)
    style = {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "font.family": "DejaVu Sans"}
    written = []
    try:
        folder.mkdir(exist_ok=True)
        with matplotlib.rc_context(style):
            for name, draw in (("time-per-element", draw_times), ("speed-up", draw_speed_ups)):
                figure = draw(report, module)
                if figure is not None:
                    written.append(folder / f"{name}.png")
                    save(figure, written[-1])
    except OSError as error:
        raise InputError(f"can't write pictures to {folder}: {error.strerror or error}") from error
    if not written:
        raise InputError("the report has no float32 results on one thread to draw")
    return written


def save(figure: object, path: Path) -> None:
    """Write a PNG of few colours: a third of the size, and nobody sees it."""
    image = extra("PIL.Image")  # comes with matplotlib
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=150)
    image.open(buffer).convert("RGB").quantize(128, dither=image.Dither.NONE).save(path, optimize=True)


def series(report: Report, row: str, p: float) -> tuple[list[int], list[float]]:
    """Return sizes and medians of a row: float32, one thread."""
    found = [r for r in report.results if (r.row, r.p, r.dtype, r.threads) == (row, p, "float32", 1) and r.median]
    found.sort(key=lambda r: r.size)
    return [r.size for r in found], [r.median for r in found]


def peers_by_speed(report: Report, p: float) -> list[str]:
    """Return idioms and peers that were measured (float32, one thread), fastest first: at 2^20 if they can."""
    best: dict[str, float] = {}
    for r in sorted(report.results, key=lambda r: r.size == BARS[0]):  # what is at that size comes last, and stays
        case = (r.p, r.dtype, r.threads) == (p, "float32", 1)
        if case and r.kind in ("idiom", "peer") and r.median and "backward" not in r.row:
            best[r.row] = r.median if r.size == BARS[0] else min(best.get(r.row, r.median), r.median)
    return sorted(best, key=best.__getitem__)


def chosen_lines(names: list[str]) -> list[str]:
    """Return the peers whose lines are drawn: the fastest operator of each package, and the idiom most programs use.

    Examples
    --------
    >>> from fastdrop.bench.pictures import chosen_lines
    >>> chosen_lines(["NumPy, raw bytes", "torch.rand idiom", "torch F.dropout, in place", "NumPy idiom"])
    ['NumPy, raw bytes', 'torch F.dropout, in place', 'NumPy idiom']
    """
    packages: dict[str, str] = {}
    for name in names:
        if "idiom" not in name:
            packages.setdefault(name.replace(",", " ").split()[0], name)
    return [name for name in names if name in packages.values() or name == IDIOM]


def spread(wanted: list[float], gap: float) -> list[float]:
    """Return positions at least `gap` apart, in the same order, near those wanted.

    Examples
    --------
    >>> from fastdrop.bench.pictures import spread
    >>> spread([0.0, 0.0, 5.0], 1.0)
    [-0.5, 0.5, 5.0]
    """
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    blocks: list[tuple[float, list[int]]] = []  # the middle of each block of labels that touch, and its members
    for i in order:
        blocks.append((wanted[i], [i]))
        while len(blocks) > 1:
            (low, below), (high, above) = blocks[-2:]
            if high - low >= gap * (len(below) + len(above)) / 2:
                break
            members = below + above
            middle = sum(wanted[k] for k in members) / len(members)
            blocks[-2:] = [(middle, members)]
    placed = [0.0] * len(wanted)
    for middle, members in blocks:
        for k, i in enumerate(members):
            placed[i] = middle + gap * (k - (len(members) - 1) / 2)
    return placed


def caption(report: Report) -> str:
    """Return where, with what and when: the line below a picture."""
    machine = report.machine
    return f"{machine.get('cpu', '')}, {machine.get('instruction set', '')}, {machine.get('date', '')}"


def draw_times(report: Report, module: ModuleType) -> object | None:
    """Draw nanoseconds an element over size; None if there is nothing to draw."""
    lines = [(SCALE, 0.5, "in-place scale: the roofline", BLACK, "-", 2.6)]
    lines += [(KERNEL, 0.5, "fastdrop, p = 0.5", BLUE, "-", 2.6), (KERNEL, 0.1, "fastdrop, p = 0.1", RED, "-", 2.6)]
    for row, colour in zip(chosen_lines(peers_by_speed(report, 0.5)), PEER_COLOURS, strict=False):
        lines.append((row, 0.5, re.sub(SAID_ALREADY, "", row), colour, "-", 1.3))
    drawn = [(line, *series(report, *line[:2])) for line in lines]
    drawn = [(line, sizes, medians) for line, sizes, medians in drawn if sizes]
    if not drawn:
        return None
    figure = module.Figure(figsize=(WIDTH, 5.6), layout="constrained")
    axes = figure.subplots()
    axes.set(xscale="log", yscale="log")
    for (_, _, _, colour, style, width), sizes, medians in drawn:
        axes.plot(sizes, medians, style, color=colour, linewidth=width, marker="o", markersize=1.5 * width)
    everything = [size for _, sizes, _ in drawn for size in sizes]
    ticks = sorted({size for size in everything if size.bit_length() % 2} or set(everything))
    axes.set_xticks(ticks, [f"$2^{{{size.bit_length() - 1}}}$" for size in ticks])
    axes.set_xticks([], minor=True)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(which="major", alpha=0.25)
    axes.set(xlabel="elements (float32)", ylabel="nanoseconds an element, lower is better")
    axes.set_title("Dropout on one core, a fresh mask each time; p = 0.5 where not said", loc="left", fontsize=11)
    label_ends(axes, drawn, max(everything))
    draw_call(report, axes)
    figure.supxlabel(caption(report), fontsize=7.5, color="#555555", x=0.01, ha="left")
    return figure


def draw_call(report: Report, axes: object) -> None:
    """Draw the call from Python, thin and dashed, as far as its overhead shows."""
    points = [(size, median) for size, median in zip(*series(report, CALL, 0.5), strict=True) if size <= CALL_SHOWS]
    if points:
        label = "fastdrop.dropout, p = 0.5, called from Python"
        axes.plot(*zip(*points, strict=True), "--", color=BLUE, linewidth=1.2, label=label)
        axes.legend(loc="upper right", frameon=False, fontsize=9)


def label_ends(axes: object, drawn: list, last: int) -> None:
    """Write each line's name at its right end, moved apart where names would touch, with a thin leader."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    transform, back = axes.transScale.transform, axes.transScale.inverted().transform
    heights = [float(transform((last, medians[-1]))[1]) for _, _, medians in drawn]  # in decades
    bottom, top = float(transform((last, low))[1]), float(transform((last, high))[1])
    gap = (top - bottom) * 0.038  # the height of a line of text as a share of the axes
    for ((_, _, text, colour, _, width), sizes, medians), place in zip(drawn, spread(heights, gap), strict=True):
        y = float(back((transform((last, 1.0))[0], place))[1])
        axes.annotate(
            text,
            xy=(sizes[-1], medians[-1]),
            xytext=(last * 1.9, y),
            textcoords="data",
            annotation_clip=False,
            va="center",
            color=colour,
            fontsize=9,
            fontweight="bold" if width > 2 else "normal",
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.7,
                "linestyle": ":",
                "relpos": (0, 0.5),
                "shrinkA": 2,
                "shrinkB": 3,
            },
        )


def speed_ups(report: Report, p: float, size: int) -> dict[str, float]:
    """Return how many times as fast as each idiom and peer fastdrop is (float32, one thread).

    A peer that is called from Python is compared with the call, one that C repeats with the kernel.
    """
    case, found = Case(size, p), {}
    for r in report.results:
        if r.case == case and r.kind in ("idiom", "peer") and r.median and "forward" not in r.row:
            own = report.median(compared_with(r.row, r.per_call), case)
            if own:
                found[r.row] = r.median / own
    return found


def draw_speed_ups(report: Report, module: ModuleType) -> object | None:
    """Draw a panel for each p, a pair of bars for each peer; None if no peer was measured."""
    values = {(p, size): speed_ups(report, p, size) for p in BAR_PROBABILITIES for size in BARS}
    best: dict[str, float] = {}
    for bars in values.values():
        for row, value in bars.items():
            best[row] = max(best.get(row, 0.0), value)
    rows = sorted(best, key=best.__getitem__)
    if not rows:
        return None
    figure = module.Figure(figsize=(WIDTH, 1.3 + 0.36 * len(rows)), layout="constrained")
    drawn = [p for p in BAR_PROBABILITIES if any(values[p, size] for size in BARS)]
    panels = figure.subplots(1, len(drawn), sharex=True, sharey=True, squeeze=False)[0]
    for axes, p in zip(panels, drawn, strict=True):
        for k, (size, colour) in enumerate(zip(BARS, (BLUE, SKY), strict=True)):
            here = values[p, size]
            places = [i + 0.2 - 0.4 * k for i, row in enumerate(rows) if row in here]
            lengths = [here[row] for row in rows if row in here]
            text = f"$2^{{{size.bit_length() - 1}}}$ elements"
            axes.barh(places, [length - 1 for length in lengths], 0.38, left=1, color=colour, label=text)
            for place, length in zip(places, lengths, strict=True):
                said = f"{length:.2f}" if length < 2 else f"{length:.1f}" if length < 10 else f"{length:.0f}"
                axes.annotate(
                    said, (max(length, 1.0), place), (2, 0), textcoords="offset points", va="center", fontsize=7.5
                )
        axes.axvline(1, color=BLACK, linewidth=1)
        axes.set_xscale("log")
        axes.set_xlim(
            min(0.8, 0.9 * min(min(bars.values(), default=1.0) for bars in values.values())), 2.5 * max(best.values())
        )
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_yticks(range(len(rows)), rows, fontsize=9)
        axes.set_title(f"p = {p:g}", fontsize=10)
        axes.grid(axis="x", which="major", alpha=0.25)
        axes.tick_params(axis="y", length=0)
    panels[0].legend(loc="lower right", fontsize=8.5)
    figure.suptitle("How many times as fast fastdrop is: float32, one core", fontsize=11, x=0.01, ha="left")
    figure.supxlabel(caption(report), fontsize=7.5, color="#555555", x=0.01, ha="left")
    return figure

"""The project's speed targets as batches: rows that are measured together, and what is asked of their ratios.

A batch is one interleaved run; every target divides by a row of its own batch, or takes a time as it is. Limits are
those of the machine the targets were set on, a 2-core Zen 4; elsewhere the shares of LIBXSMM's time decide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from target_layouts import layout_batches, overhead_batches

from fastdrop.bench import Case, Row, own_rows, peers
from fastdrop.bench.own_rows import CALL, KERNEL, SCALE, STORED
from fastdrop.bench.results import size_name

MAIN = (1 << 12, 1 << 16, 1 << 20, 1 << 24, 1 << 26)
ISAS = ("avx2", "avx512")
#: Multiples of the in-place scale by p, for each of the main sizes: (AVX2, AVX-512).
FLOAT32 = {
    (0.5,): ((1.5, 1.35), (1.4, 1.15), (1.3, 1.1), (1.04, 1.04), (1.03, 1.03)),
    (0.25, 0.75): ((2.9, 2.2), (2.8, 2.1), (2.4, 1.8), (1.06, 1.06), (1.05, 1.05)),
    (0.1, 0.2, 0.3): ((3.5, 2.8), (3.4, 2.7), (3.0, 2.4), (1.15, 1.15), (1.12, 1.12)),
}
BACKWARD = (1.25, 1.2, 1.2, 1.05, 1.03)
SHARE_OF_LIBXSMM = (0.7, 0.65, 0.7, 0.95, 0.95)
SLOWER_WITH_THREADS = 1.05


@dataclass(frozen=True)
class Target:
    """One line of the table: a row's median as a multiple of another's, or in a unit, is to be at most `limit`.

    Attributes
    ----------
    key : str
        What explanations are filed under; the same for every instruction set.
    text : str
        For readers.
    over : int
        Which entry of the batch.
    under : int or tuple of int or None
        What it is divided by; of a tuple (a, b, c), over / a is divided by b / c. None leaves nanoseconds.
    limit : float
    unit : str
        ``""`` for multiples, ``"ns"`` an element, ``"us"`` a call.
    """

    key: str
    text: str
    over: int
    under: int | tuple[int, int, int] | None
    limit: float
    unit: str = ""


@dataclass
class Batch:
    """Entries that are measured together, and the targets on them."""

    name: str
    entries: list[tuple[Row, Case]] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)

    def add(self, row: Row, case: Case) -> int:
        """Return the number of an entry, added if it is new."""
        if (row, case) not in self.entries:
            self.entries.append((row, case))
        return self.entries.index((row, case))

    def ask(
        self, key: str, text: str, over: int, under: int | tuple[int, int, int] | None, limit: float, unit: str = ""
    ) -> None:
        """Add a target."""
        self.targets.append(Target(key, text, over, under, limit, unit))


def own(isa: str) -> dict[str, Row]:
    """Return fastdrop's rows of an instruction set by name."""
    return {row.name: row for row in own_rows.rows((isa,))}


def float32_batches(isa: str) -> list[Batch]:
    """In place, one thread: every p, and the backward pass from a stored mask, as multiples of the in-place scale."""
    rows, batches = own(isa), []
    for column, size in enumerate(MAIN):
        batch = Batch(f"float32 {size_name(size)}")
        scale = batch.add(rows[SCALE], Case(size, 0.5))
        for probabilities, limits in FLOAT32.items():
            for p in probabilities:
                kernel = batch.add(rows[KERNEL], Case(size, p))
                limit = limits[column][ISAS.index(isa)]
                batch.ask(f"float32 p={p} {size_name(size)}", f"p = {p}, {size_name(size)}: times the in-place scale",
                          kernel, scale, limit)  # fmt: skip
        stored = batch.add(rows[STORED], Case(size, 0.5))
        batch.ask(f"backward {size_name(size)}", f"backward from a stored mask, {size_name(size)}: times the scale",
                  stored, scale, BACKWARD[column])  # fmt: skip
        batches.append(batch)
    return batches


def libxsmm_batches(isa: str) -> list[Batch]:
    """The share of LIBXSMM's time, p = 0.5 and 0.1; nothing where LIBXSMM is missing."""
    rows = own(isa)
    theirs = [row for row in peers.rows()[0] if row.name.startswith("LIBXSMM") and "no mask" in row.name]
    batches = []
    for column, size in enumerate(MAIN if theirs else ()):
        batch = Batch(f"LIBXSMM {size_name(size)}")
        for p in (0.5, 0.1):
            kernel, peer = batch.add(rows[KERNEL], Case(size, p)), batch.add(theirs[0], Case(size, p))
            batch.ask(f"libxsmm p={p} {size_name(size)}", f"p = {p}, {size_name(size)}: share of LIBXSMM's time",
                      kernel, peer, SHARE_OF_LIBXSMM[column])  # fmt: skip
        batches.append(batch)
    return batches


def dtype_batches(isa: str) -> list[Batch]:
    """The other dtypes beside float32."""
    rows, batches = own(isa), []
    for column, size in ((1, 1 << 16), (2, 1 << 20), (3, 1 << 24)):
        name = size_name(size)
        batch = Batch(f"dtypes {name}")
        scale = batch.add(rows[SCALE], Case(size, 0.5))
        float32 = {p: batch.add(rows[KERNEL], Case(size, p)) for p in (0.5, 0.25, 0.1)}
        for dtype in ("bfloat16", "float16"):
            bytes_scaled = batch.add(rows[SCALE], Case(size, 0.5, dtype))
            kernel = batch.add(rows[KERNEL], Case(size, 0.5, dtype))
            batch.ask(f"{dtype} p=0.5 {name}", f"{dtype}, p = 0.5, {name}: times its scale, by float32's same",
                      kernel, (bytes_scaled, float32[0.5], scale), 1.5)  # fmt: skip
            for p in (0.25, 0.1):
                kernel = batch.add(rows[KERNEL], Case(size, p, dtype))
                batch.ask(
                    f"{dtype} p={p} {name}", f"{dtype}, p = {p}, {name}: of float32's time", kernel, float32[p], 1.1
                )
        bytes_scaled = batch.add(rows[SCALE], Case(size, 0.5, "float64"))
        for probabilities, limits in FLOAT32.items():
            for p in set(probabilities) & set(float32):
                kernel = batch.add(rows[KERNEL], Case(size, p, "float64"))
                limit = limits[column][ISAS.index(isa)]
                batch.ask(f"float64 p={p} {name}", f"float64, p = {p}, {name}: times the scale of its bytes",
                          kernel, bytes_scaled, limit)  # fmt: skip
        batches.append(batch)
    return batches


def thread_batches(isa: str) -> list[Batch]:
    """Two threads against the scale with two, and at no size slower than one."""
    rows, batches = own(isa), []
    for size in (1 << 20, 1 << 24, 1 << 26):
        batch = Batch(f"two threads {size_name(size)}")
        kernel, scale = (batch.add(rows[name], Case(size, 0.5, threads=2)) for name in (KERNEL, SCALE))
        text = f"two threads, p = 0.5, {size_name(size)}: times the scale with two"
        batch.ask(f"threads {size_name(size)}", text, kernel, scale, 1.15)
        batches.append(batch)
    for power in (12, 14, 16, 17, 18, 19, 20, 22, 24):
        batch = Batch(f"two threads or one 2^{power}")
        for p in (0.5, 0.1):
            one, two = (batch.add(rows[CALL], Case(1 << power, p, threads=threads)) for threads in (1, 2))
            text = f"p = {p}, 2^{power}: two threads, of one thread's time"
            batch.ask(f"slower p={p} 2^{power}", text, two, one, SLOWER_WITH_THREADS)
        batches.append(batch)
    return batches


#: What can be chosen with --only, in the order of the table.
GROUPS: dict[str, Callable[[str], list[Batch]]] = {
    "float32": float32_batches,
    "libxsmm": libxsmm_batches,
    "dtypes": dtype_batches,
    "threads": thread_batches,
    "overhead": lambda isa: overhead_batches(Batch, own(isa)),
    "layouts": lambda isa: layout_batches(Batch, own(isa)),
}

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__version__: str
CONTRACT: int
MAX_NDIM: int

class KeyBase:
    def __new__(cls, seed: int, stream: int = 0) -> KeyBase: ...
    @property
    def seed(self) -> int: ...
    @property
    def stream(self) -> int: ...

class MaskArguments:
    def __init__(
        self,
        shape: tuple[int, ...],
        start: int,
        index_strides: tuple[int, ...],
        seed: int | None,
        stream: int | None,
        p: float | NDArray[np.float64],
        bits: NDArray[np.uint8] | None,
    ) -> None: ...
    def fill(self, bits: NDArray[np.uint8], threads: int) -> None: ...
    def apply(self, dtype: int, x: np.ndarray, y: np.ndarray, scale: float | None, threads: int) -> None: ...

def fold_in(seed: int, stream: int, role: int, number: int) -> tuple[int, int]: ...
def threshold(p: float) -> int: ...
def set_main_thread(ident: int) -> None: ...
def set_default_threads(n: int) -> None: ...
def get_default_threads() -> int: ...
def dropout_run(x: object, p: object, key: KeyBase, out: object, threads: object) -> np.ndarray | None: ...
def dropout_at(x: int, y: int, n: int, dtype: int, p: float, seed: int, stream: int, threads: int) -> None: ...
def count(bits: NDArray[np.uint8], n: int) -> int: ...
def philox4x32(counter: Sequence[int], key: Sequence[int]) -> NDArray[np.uint32]: ...
def block(seed: int, stream: int, domain: int, number: int) -> NDArray[np.uint32]: ...
def page(seed: int, stream: int, domain: int, number: int) -> NDArray[np.uint32]: ...
def noise_words(seed: int, stream: int, start: int, n: int) -> NDArray[np.uint32]: ...
def from_capsule(capsule: object) -> tuple[np.ndarray, int, bool]: ...
def isas() -> list[str]: ...
def isas_built() -> list[str]: ...
def isa() -> str: ...
def set_isa(name: str) -> None: ...
def select_isa_from_environment() -> bool: ...
def openmp() -> int: ...
def max_threads() -> int: ...
def last_team() -> int: ...
def compiler() -> str: ...
def connect(
    mask: MaskArguments,
    dtype: int,
    x: np.ndarray,
    w: np.ndarray,
    bias: np.ndarray | None,
    y: np.ndarray,
    threads: int,
) -> None: ...
def connect_backward(
    mask: MaskArguments,
    dtype: int,
    dy: np.ndarray,
    x: np.ndarray,
    w: np.ndarray,
    dx: np.ndarray,
    dw: np.ndarray,
    threads: int,
) -> None: ...
def normal(words: NDArray[np.uint32], z: np.ndarray) -> None: ...
def noise(
    key: KeyBase,
    kind: int,
    sigma: float,
    start: int,
    index_strides: tuple[int, ...],
    dtype: int,
    x: np.ndarray,
    y: np.ndarray,
    threads: int,
) -> None: ...
def grow_blocks(
    seeds: NDArray[np.uint8], maps: int, shape: tuple[int, ...], block: int, bits: NDArray[np.uint8], threads: int
) -> int: ...
def keep_at(key: KeyBase, p: float, start: int, numbers: NDArray[np.int64], threads: int) -> NDArray[np.uint8]: ...
def smallest(key: KeyBase, start: int, rows: int, n: int, k: int, threads: int) -> NDArray[np.int64]: ...
def move_rows(
    put: bool, positions: NDArray[np.int64], size: int, x: np.ndarray, y: np.ndarray, threads: int
) -> None: ...
def look_up(
    ids: NDArray[np.int64],
    keep: NDArray[np.uint8],
    dtype: int,
    scale: float,
    table: np.ndarray,
    y: np.ndarray,
    threads: int,
) -> None: ...
def sum_rows(
    order: NDArray[np.int64],
    begin: NDArray[np.int64],
    keep: NDArray[np.uint8],
    dtype: int,
    scale: float,
    x: np.ndarray,
    y: np.ndarray,
    threads: int,
) -> None: ...
def samples_apply(
    mask: MaskArguments,
    role: int,
    numbers: NDArray[np.uint64] | None,
    p_step: int,
    dtype: int,
    x: np.ndarray,
    y: np.ndarray,
    threads: int,
) -> None: ...
def samples_sum(
    mask: MaskArguments,
    role: int,
    numbers: NDArray[np.uint64] | None,
    dtype: int,
    dy: np.ndarray,
    dx: np.ndarray,
    threads: int,
) -> None: ...
def map_function(f: int, x: np.ndarray, y: np.ndarray) -> None: ...
def softmax_dropout(
    key: KeyBase,
    p: float,
    start: int,
    index_strides: tuple[int, ...],
    scale: float,
    mask: np.ndarray | None,
    causal: bool,
    first_query: int,
    dtype: int,
    x: np.ndarray,
    y: np.ndarray,
    row_max: np.ndarray | None,
    row_sum: np.ndarray | None,
    threads: int,
) -> None: ...
def softmax_dropout_backward(
    key: KeyBase,
    p: float,
    start: int,
    index_strides: tuple[int, ...],
    scale: float,
    mask: np.ndarray | None,
    causal: bool,
    first_query: int,
    dtype: int,
    x: np.ndarray,
    row_max: np.ndarray,
    row_sum: np.ndarray,
    dy: np.ndarray,
    dx: np.ndarray,
    threads: int,
) -> None: ...
def samples_moments(
    mask: MaskArguments,
    role: int,
    numbers: NDArray[np.uint64] | None,
    count: int,
    dtype: int,
    x: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    threads: int,
) -> None: ...
def concrete(
    key: KeyBase,
    p: float,
    temperature: float,
    slope: bool,
    start: int,
    index_strides: tuple[int, ...],
    dtype: int,
    x: np.ndarray,
    y: np.ndarray,
    threads: int,
) -> None: ...
def affine(
    mask: MaskArguments, a: float, b: float, c: float, dtype: int, x: np.ndarray, y: np.ndarray, threads: int
) -> None: ...
def choose(mask: MaskArguments, dtype: int, x: np.ndarray, other: np.ndarray, y: np.ndarray, threads: int) -> None: ...
def part(
    mask: MaskArguments, dtype: int, dy: np.ndarray, dx: np.ndarray, d_other: np.ndarray, threads: int
) -> None: ...
def blend(
    mask: MaskArguments, a: float, b: float, dtype: int, x: np.ndarray, other: np.ndarray, y: np.ndarray, threads: int
) -> None: ...
def fused(
    mask: MaskArguments,
    activation: int,
    dtype: int,
    x: np.ndarray,
    bias: np.ndarray | None,
    residual: np.ndarray | None,
    y: np.ndarray,
    threads: int,
) -> None: ...
def fused_backward(
    mask: MaskArguments,
    activation: int,
    dtype: int,
    dy: np.ndarray,
    x: np.ndarray,
    bias: np.ndarray | None,
    dx: np.ndarray,
    threads: int,
) -> None: ...
def xla_handler() -> object: ...

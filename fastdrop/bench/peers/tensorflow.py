"""Dropout in TensorFlow: ``stateless_dropout`` in a graph function."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np

from fastdrop.bench.case import Case, Row, UnsupportedError
from fastdrop.bench.peers.tools import few_cpus, find, fixed_threads, quiet_import, seeds

__all__ = ["missing", "rows"]


def missing() -> str | None:
    """Return why TensorFlow can't run here, or None."""
    return find("tensorflow")


def start(threads: int) -> Any:
    """Import TensorFlow and start it with so many threads: they can't be changed afterwards."""
    tf = quiet_import("tensorflow")
    if fixed_threads("TensorFlow", threads):
        try:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        except RuntimeError as error:  # started by somebody else in this process
            raise UnsupportedError(f"TensorFlow was started before, with threads of its own: {error}") from error
        with few_cpus(threads):
            tf.zeros(1)
    return tf


def prepare(case: Case) -> Callable[[int], Any]:
    """Prepare ``tf.nn.experimental.stateless_dropout(x, p, seed)`` under ``tf.function``."""
    tf = start(case.threads)
    with tf.device("CPU:0"):
        x = tf.ones([case.size], case.dtype)

    @tf.function
    def step(x: Any, seed: Any) -> Any:
        return tf.nn.experimental.stateless_dropout(x, case.p, seed)

    def run(times: int) -> Any:
        with tf.device("CPU:0"):
            for seed in islice(seeds(), times):
                y = step(x, np.array([seed, 0], np.int32))
        return y

    run(1)
    return run


def rows() -> list[Row]:
    """Return TensorFlow's row."""
    return [Row("TensorFlow stateless_dropout", "peer", prepare, per_call=True)]

"""Dropout in ONNX Runtime: a model of one Dropout node in training mode, its input and output bound to fixed memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastdrop.bench.case import Case, Row, UnsupportedError
from fastdrop.bench.peers.tools import find, ones, only, quiet_import

__all__ = ["missing", "rows"]


def missing() -> str | None:
    """Return why ONNX Runtime can't run here, or None."""
    return find("onnxruntime", "onnx")


def model(case: Case) -> bytes:
    """Return the model: opset 13, p and the training mode constant, no mask asked for."""
    onnx = quiet_import("onnx")
    helper, tensor = onnx.helper, onnx.TensorProto
    element = helper.np_dtype_to_tensor_dtype(np.dtype(case.dtype))
    node = helper.make_node("Dropout", ["x", "ratio", "training"], ["y"])
    x, y = (helper.make_tensor_value_info(name, element, [case.size]) for name in "xy")
    constants = [
        helper.make_tensor("ratio", tensor.FLOAT, [], [case.p]),
        helper.make_tensor("training", tensor.BOOL, [], [True]),
    ]
    graph = helper.make_graph([node], "dropout", [x], [y], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()


def prepare(case: Case) -> Callable[[int], np.ndarray]:
    """Prepare a session with the case's number of threads."""
    only(case, "ONNX Runtime's Dropout on a CPU", "float32", "float64")
    ort = quiet_import("onnxruntime")
    options = ort.SessionOptions()
    options.intra_op_num_threads = case.threads
    # idle threads of a session would otherwise spin, right through the timing of the next row
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = ort.InferenceSession(model(case), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no other base class
        raise UnsupportedError(f"ONNX Runtime refuses the model: {str(error).splitlines()[0]}") from error
    x = ones(case)
    y = np.empty_like(x)
    binding = session.io_binding()
    binding.bind_input("x", "cpu", 0, x.dtype, x.shape, x.ctypes.data)
    binding.bind_output("y", "cpu", 0, y.dtype, y.shape, y.ctypes.data)

    def run(times: int) -> np.ndarray:
        for _ in range(times):
            session.run_with_iobinding(binding)
        assert x.size  # the binding knows only the address: `run` is what keeps the input alive
        return y

    run(1)
    return run


def rows() -> list[Row]:
    """Return ONNX Runtime's row."""
    return [Row("onnxruntime Dropout", "peer", prepare, per_call=True)]

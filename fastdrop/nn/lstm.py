"""The long short-term memory layer, with every way to drop in a recurrent network."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from fastdrop.nn.checks import as_real, check_bool, check_count, check_shape, no_forward
from fastdrop.nn.initial import draw_uniform
from fastdrop.nn.lstm_steps import Trace, backward_steps, forward_steps, gate_constants
from fastdrop.nn.parameter import Parameter
from fastdrop.nn.recurrent import RecurrentDropout, check_evaluation
from fastdrop.rng import RNGLike

__all__ = ["LSTM"]

State = tuple[np.ndarray, np.ndarray]


class LSTM(RecurrentDropout):
    """One layer of long short-term memory over whole sequences.

    i, f, g and o are the gates, each with rows of its own of the weights and the bias, in this order; d(.) are masks,
    and p zoneout's probabilities, all of them absent outside training (but for zoneout's mean)::

        i, f, o = sigmoid(W_ih d(x_t) + W_hh d(h_{t-1}) + b)    g = tanh(the same)
        c~_t = f c_{t-1} + i d(g)                               h~_t = o tanh(c~_t)
        c_t = c~_t, or c_{t-1} with probability p               h_t = h~_t, or h_{t-1} with probability p

    Parameters
    ----------
    input_size, hidden_size : int
        Features of x_t and of h_t, at least 1.
    dropout : float, default 0.0
        Probability of dropping a feature of the input, for all steps of a sequence alike (variational).
    recurrent_dropout : float, default 0.0
        The same of h_{t-1} in the product with `weight_hh` (variational); the output is not masked.
    candidate_dropout : float, default 0.0
        Probability of dropping an element of the candidate g, which never erases what the cell holds.
    per_sequence : bool, default False
        Whether the candidate has one mask for all steps of a sequence; else each step draws its own.
    zoneout_h, zoneout_c : float, default 0.0
        Probability that an element of h, or of c, stays as it was; each step draws anew. Not together with
        `recurrent_dropout` and `candidate_dropout` respectively, which are drawn from the same part of the key.
    zoneout_eval : {"expectation", "identity"}, default "expectation"
        What takes zoneout's place in evaluation mode: the mean, (1 - p) new + p old, or nothing.
    batch_first : bool, default True
        Whether x and y are (batch, time, features); else (time, batch, features).
    bias : bool, default True
        Whether there is a b.
    rng : Key, int, SeedSequence, sequence of int, Generator, BitGenerator or None, optional
        Where the layer's own key comes from, drawn now.
    dtype : {float32, float64}, default float32
        Of the parameters and of the output; inputs are converted to it.

    Attributes
    ----------
    weight_ih : Parameter, shape (4 hidden_size, input_size)
    weight_hh : Parameter, shape (4 hidden_size, hidden_size)
    bias : Parameter, shape (4 hidden_size,), or None
    state_grad : tuple of ndarray, or None
        After `backward` the gradients for the initial state, h and c.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used. The probabilities can be set at any time.

    Notes
    -----
    Hochreiter and Schmidhuber, Neural Computation 1997, with forget gates. Variational: Gal and Ghahramani, NeurIPS
    2016. Candidate: Semeniuta, Severyn and Barth, COLING 2016. Zoneout: Krueger et al., ICLR 2017.

    Call c, counted from 0, draws part n from ``key.fold_in(c, role="call").fold_in(n, role="part")``: part 0 is the
    input's mask, part 1 the one of h, part 2 that of the candidate or of c. Masks that are drawn anew in each step have
    ``(t, role="step")`` folded in next. All are numbered as (batch, features), so that `batch_first` moves none.
    No mask is stored; backward makes them again.

    Initial values are uniform in ±1/sqrt(hidden_size), drawn as those of `Linear` from part 5: first `weight_ih`, then
    `weight_hh`, then the bias, in C order.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdrop import nn
    >>> lstm = nn.LSTM(3, 5, recurrent_dropout=0.25, rng=1)
    >>> x = np.ones((2, 7, 3), np.float32)
    >>> y, (h, c) = lstm(x, return_state=True)
    >>> y.shape, bool((y[:, -1] == h).all())
    ((2, 7, 5), True)
    >>> lstm.backward(np.ones_like(y)).shape, lstm.weight_hh.grad.shape
    ((2, 7, 3), (20, 5))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        candidate_dropout: float = 0.0,
        per_sequence: bool = False,
        zoneout_h: float = 0.0,
        zoneout_c: float = 0.0,
        zoneout_eval: str = "expectation",
        batch_first: bool = True,
        bias: bool = True,
        rng: RNGLike = None,
        dtype: np.dtype | type | str = np.float32,
    ) -> None:
        self.input_size = check_count(input_size, "input_size")
        self.hidden_size = check_count(hidden_size, "hidden_size")
        self.dropout, self.recurrent_dropout, self.candidate_dropout = dropout, recurrent_dropout, candidate_dropout
        self.per_sequence = check_bool(per_sequence, "per_sequence")
        self.zoneout_h, self.zoneout_c, self.zoneout_eval = zoneout_h, zoneout_c, check_evaluation(zoneout_eval)
        self.batch_first = check_bool(batch_first, "batch_first")
        has_bias = check_bool(bias, "bias")
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64) or not self.dtype.isnative:
            raise TypeError(f"dtype has to be float32 or float64, but got {self.dtype}")
        super().__init__(rng=rng)
        rows, first = 4 * self.hidden_size, 4 * self.hidden_size * self.input_size
        self.weight_ih = self._parameter((rows, self.input_size), 0)
        self.weight_hh = self._parameter((rows, self.hidden_size), first)
        self.bias = self._parameter((rows,), first + rows * self.hidden_size) if has_bias else None
        self.state_grad: State | None = None
        self._trace: Trace | None = None

    def _parameter(self, shape: tuple[int, ...], start: int) -> Parameter:
        return Parameter(shape, self.dtype, partial(self._draw, shape, start))

    def _draw(self, shape: tuple[int, ...], start: int) -> np.ndarray:
        return draw_uniform(self._take_key(), start, math.prod(shape), self.hidden_size, self.dtype).reshape(shape)

    def own_parameters(self) -> dict[str, Parameter]:
        """Return both weights and, if there is one, the bias."""
        both = {"weight_ih": self.weight_ih, "weight_hh": self.weight_hh}
        return both | ({} if self.bias is None else {"bias": self.bias})

    # ---- use ----

    def __call__(self, x: np.ndarray, state: State | None = None, return_state: bool = False) -> Any:
        """Return ``forward(x, state, return_state)``."""
        return self.forward(x, state, return_state)

    def forward(self, x: np.ndarray, state: State | None = None, return_state: bool = False) -> Any:
        """Return the hidden states of all steps.

        Parameters
        ----------
        x : array_like, shape (batch, time, input_size), or (time, batch, input_size) without `batch_first`
            Real numbers; copied. Batch and time can be 0.
        state : tuple of two array_like of shape (batch, hidden_size), optional
            h and c before the first step; zeros if not given. Every call is a sequence of its own for masks.
        return_state : bool, default False
            Whether the final state is returned too.

        Returns
        -------
        y : ndarray, shape (batch, time, hidden_size), or (time, batch, hidden_size) without `batch_first`
            Of the layer's dtype.
        state : tuple of two ndarray of shape (batch, hidden_size)
            h and c after the last step; only with `return_state`.

        Raises
        ------
        TypeError, ValueError
            If an argument can't be used.
        """
        array = self._time_first(as_real(x, "x", self.dtype))
        steps, batch, _ = array.shape
        h = np.empty((steps + 1, batch, self.hidden_size), self.dtype)
        c = np.empty_like(h)
        h[0], c[0] = self._check_state(state, "state", batch)
        return_state = check_bool(return_state, "return_state")
        drops = self._drops(steps, batch, self.input_size, self.hidden_size)
        source = np.array(array, order="C", subok=False)
        if drops.input is not None:
            drops.input.apply(source, out=source)
        factor, _ = gate_constants(self.hidden_size, self.dtype)
        gates = source.reshape(-1, self.input_size) @ (self.weight_ih.data * factor[:, None]).T
        if self.bias is not None:
            gates += self.bias.data * factor
        trace = Trace(source, gates.reshape(steps, batch, factor.size), h, c, np.empty_like(h[1:]), drops)
        forward_steps(trace, self.weight_hh.data)
        self._trace = trace
        self._count_call()
        y = self._back(h[1:]).copy()  # not the layer's own: an in-place layer after this one may write to it
        return (y, (h[-1].copy(), c[-1].copy())) if return_state else y

    def backward(self, dy: np.ndarray, dstate: State | None = None) -> np.ndarray:
        """Return the gradient for the latest x, back through all time steps; add to the parameters' gradients.

        Parameters
        ----------
        dy : array_like
            Gradient for the latest output, of its shape.
        dstate : tuple of two array_like of shape (batch, hidden_size), optional
            Gradient for the final state, where that was used as well.

        Returns
        -------
        ndarray
            Of x's shape and the layer's dtype. The gradient for the initial state is in `state_grad`.

        Raises
        ------
        RuntimeError
            Without a forward.
        TypeError, ValueError
            If dy or dstate do not hold real numbers, or are of another shape.
        """
        if self._trace is None:
            raise no_forward(self)
        trace, drops = self._trace, self._trace.drops
        batch = trace.squashed.shape[1]
        array = as_real(dy, "dy", self.dtype)
        check_shape(array, self._back(trace.squashed).shape, "dy")
        dh, dc = (np.array(d) for d in self._check_state(dstate, "dstate", batch))
        dgates, dh, dc = backward_steps(trace, self.weight_hh.data, self._back(array), dh, dc)
        before = trace.h[:-1] if drops.states is None else drops.states.apply(trace.h[:-1])
        rows = dgates.reshape(-1, dgates.shape[2])
        self.weight_ih.accumulate(rows.T @ trace.x.reshape(-1, self.input_size))
        self.weight_hh.accumulate(rows.T @ before.reshape(-1, self.hidden_size))
        if self.bias is not None:
            self.bias.accumulate(rows.sum(axis=0))
        self.state_grad = dh, dc
        dx = (rows @ self.weight_ih.data).reshape(trace.x.shape)
        if drops.input is not None:
            drops.input.apply(dx, out=dx)
        return np.ascontiguousarray(self._back(dx))

    # ---- layouts and checks ----

    def _back(self, array: np.ndarray) -> np.ndarray:
        """Exchange the first two axes if the batch comes first: from the inside to the outside, and back."""
        return array.swapaxes(0, 1) if self.batch_first else array

    def _time_first(self, x: np.ndarray) -> np.ndarray:
        if x.ndim != 3 or x.shape[2] != self.input_size:
            axes = "batch, time" if self.batch_first else "time, batch"
            raise ValueError(f"x has to be of shape ({axes}, {self.input_size}), but got {x.shape}")
        return self._back(x)

    def _check_state(self, state: object, name: str, batch: int) -> State:
        shape = batch, self.hidden_size
        if state is None:
            return np.zeros(shape, self.dtype), np.zeros(shape, self.dtype)
        if not isinstance(state, (tuple, list)) or len(state) != 2:
            raise TypeError(f"{name} has to be a tuple of two arrays, h and c, but got {state!r}")
        pair = tuple(as_real(part, f"{name}[{k}]", self.dtype) for k, part in enumerate(state))
        for k, part in enumerate(pair):
            if part.shape != shape:
                raise ValueError(f"{name}[{k}] has to be of shape {shape}, but got {part.shape}")
        return pair  # type: ignore[return-value]

    def __repr__(self) -> str:
        parts = [f"{self.input_size}, {self.hidden_size}", *self._settings()]
        if not self.batch_first:
            parts.append("batch_first=False")
        if self.bias is None:
            parts.append("bias=False")
        if self.dtype != np.float32:
            parts.append(f"dtype={self.dtype.name}")
        return f"LSTM({', '.join(parts)})"

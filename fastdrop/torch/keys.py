"""From PyTorch's generators, or `rng=`, to a key."""

from __future__ import annotations

import threading

import torch

from fastdrop.rng import RNGLike, key_source

__all__ = ["Words", "as_words", "check_generator", "draw", "given", "is_key", "signed"]

#: A key as PyTorch has it: seed and stream as signed numbers.
Words = tuple[int, int]

_LOWEST = -(2**63)


class _Buffer(threading.local):
    """Two numbers to draw into, for each thread: to make a tensor takes longer than to draw."""

    def __init__(self) -> None:
        self.words = torch.empty(2, dtype=torch.int64)


_buffer = _Buffer()


def draw(generator: torch.Generator | None) -> Words:
    """Draw a key from a generator, or from PyTorch's default one, which `torch.manual_seed` sets.

    It is what ``torch.empty(2, dtype=torch.int64).random_(-2**63, None, generator=generator)`` holds.
    """
    seed, stream = _buffer.words.random_(_LOWEST, None, generator=generator).tolist()
    return seed, stream


def signed(word: int) -> int:
    """Return an unsigned 64-bit number as the signed one of the same bits."""
    return word - (1 << 64) if word >> 63 else word


def check_generator(generator: object, rng: object) -> None:
    """Refuse what is no generator of the CPU, and both at once."""
    if generator is None:
        return
    if not isinstance(generator, torch.Generator):
        raise TypeError(f"generator has to be a torch.Generator or None, but got {type(generator).__name__}")
    if generator.device.type != "cpu":
        raise ValueError(f"generator has to be one of the CPU, but is on {generator.device}")
    if rng is not None:
        raise ValueError("rng and generator can't be given both: a key comes from one of them")


def given(rng: RNGLike) -> Words:
    """Return the key that rng stands for, or draw it there."""
    if type(rng) is int and 0 <= rng < 1 << 64:
        return signed(rng), 0
    key = key_source(rng)()
    return signed(key.seed), signed(key.stream)


def is_key(rng: object) -> bool:
    """Whether rng is a key already, as a tensor of two 64-bit integers: seed and stream."""
    if not isinstance(rng, torch.Tensor):
        return False
    if rng.dtype is not torch.int64 or rng.shape[-1:] != (2,) or rng.dim() != 1:
        kind = f"shape {tuple(rng.shape)} and dtype {str(rng.dtype).removeprefix('torch.')}"
        raise TypeError(f"rng as a tensor has to hold two integers of int64, seed and stream, but got {kind}")
    return True


def as_words(key: torch.Tensor) -> Words:
    """Return a key tensor's two numbers."""
    seed, stream = key.tolist()
    return seed, stream

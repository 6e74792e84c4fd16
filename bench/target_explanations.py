"""Why a target is not met, and what was tried: by patterns of the targets' keys, as `bench/targets.py --json` has them.

An entry says which resource is the limit (instructions, ports, bytes), with the measurement that shows it. The first
pattern that fits is printed.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

__all__ = ["EXPLANATIONS", "explanation"]

#: In nanoseconds, on a quiet core of a Zen 4 at 3.7 GHz, float32 unless said otherwise (or a Zen 3, with AVX2).
EXPLANATIONS: dict[str, str] = {
    "float32 p=0.5 2^12": (
        "Seeding. 2^12 coins are a quarter of one page, whose 16 Philox blocks are 320 vector instructions in "
        "chains of ten rounds: 45 to 60 ns of a call of 215 (AVX-512) to 250 ns (AVX2), and nothing else to "
        "do meanwhile; the scale takes 145, the apply alone 160 to 175. Tried: four chains at once (registers "
        "spill: slower), groups of blocks between steps, round keys made once (kept), the way to the kernel "
        "cut by 150 instructions (kept: 6 ns)."
    ),
    "float32 p=0.5 2^1*": (
        "Vector ports. The apply alone is at 1.06 (AVX-512) to 1.17 (AVX2); a page of coins by itself adds "
        "0.16 to 0.21 of the scale's time, of which a third is hidden. Tried: the whole page first (1.32 with "
        "AVX-512), half pages, coins one step ahead of the apply (kept: 1.20)."
    ),
    "float32 p=0.5 2^20": (
        "Vector ports, as at 2^16; the scale is bound by the third-level cache here and hides more of it."
    ),
    "float32 p=* 2^12": (
        "Seeding and the tail. The two pages of such a call are one batch: 60 ns of Philox before the first "
        "element, 60 ns for the list of ties after the last, of 350 to 480 ns; in longer runs they overlap "
        "with the neighbouring batches."
    ),
    "float32 p=* 2^16": (
        "Instructions: 1.52 an element without ties and 1.80 with them (AVX2, callgrind), 4.2 to 4.5 of which "
        "start in a cycle; the vector instructions alone need 0.25 cycles an element where the scale, bound "
        "by stores, takes 0.125."
    ),
    "float32 p=* 2^2?": (
        "Bytes, and what the other core does. From memory the scale takes 0.14 to 0.16 and the arithmetic of "
        "a byte law 0.08 (AVX-512) to 0.11 (AVX2), hidden but for the lists of ties, some 0.01: quiet runs "
        "show 1.00 to 1.08 without and 1.05 to 1.15 with ties. While the other core uses memory, rows of one "
        "run differ by more than that. A Zen 3, whose scale takes 0.21 to 0.45: 1.00 to 1.08 without ties, "
        "1.07 to 1.15 with them. Memory is asked for 8 KiB ahead there: with 2 KiB it idled while ties were "
        "refined (1.16 to 1.28); 4, 6, 12, 16 and 32 KiB were no better. Tried and left: a round of Philox for "
        "seeds and ties with each step, and ties listed without loads that wait for stores (both slower)."
    ),
    "backward 2^2?": (
        "Bytes: the apply is the scale plus one bit an element, 1.00 to 1.03 in quiet runs. More is what "
        "another core took meanwhile."
    ),
    "backward *": (
        "Vector ports: shift, multiplication and blend start on three of the four; 0.66 instructions an "
        "element against 0.31."
    ),
    "libxsmm p=0.1 2^2?": (
        "Bytes: both wait for memory, and LIBXSMM reaches 1.1 to 1.2 times the scale there. A quiet Zen 3 "
        "shows 0.65 to 0.69 at 2^20 and 0.89 to 0.93 beyond; a neighbour on the same core's other thread, up to 0.99."
    ),
    "libxsmm p=0.1 2^16": (
        "Vector ports: 81 instructions for 64 elements take 15.0 cycles of a Zen 3 (llvm-mca), which has all four "
        "vector pipes full."
    ),
    "libxsmm *": (
        "Seeding, as for p = 0.5 at 2^12: LIBXSMM's generator keeps its state from call to call, a pure "
        "function of key and index cannot."
    ),
    "bfloat16 p=0.5 *": (
        "Vector ports: doubling, the check for infinity and the mask are seven instructions for 16 elements, "
        "0.45 an element, where the scale of as many bytes needs one of them and is bound by stores."
    ),
    "bfloat16 *": (
        "Vector ports. Two products and their rounding to nearest even by hand are 14 instructions for 16 "
        "elements (AVX2) or 13 for 32 (AVX-512), beside the generator's 30 for 64: 104 for 64 elements where "
        "float32 needs 60. vcvtneps2bf16 flushes subnormals and is no way out. Tried: even and odd elements "
        "in place of unpacking (kept), no case for NaN, which needs none (kept)."
    ),
    "float16 p=0.5 *": "Vector ports, as for bfloat16 at p = 0.5.",
    "float16 *": (
        "Vector ports: vcvtph2ps and vcvtps2ph are two operations each, six a vector of eight with the product."
    ),
    "float64 *": (
        "The float32 limit at the same number of elements: twice the bytes leave the cache earlier, where rows scatter."
    ),
    "threads *": (
        "Waking: at 2^20 elements one thread is done in 40 to 50 us, and a thread that sleeps joins after 5 "
        "to 50 us. Tried: OpenMP's teams (they collapse beside other libraries' threads, bench/alternate.py), "
        "longer spinning (takes the time from others)."
    ),
    "slower p=* 2^1[0-6]": (
        "None: below 2^17 elements a call is never shared out, both columns are the same work and the "
        "difference is noise."
    ),
    "slower *": (
        "A busy second core: the pool's caller does what nobody has begun, so that quiet runs stay within 1.05."
    ),
    "call *": (
        "The clock and a cold cache between rows of megabytes: np.multiply takes 1.2 to 1.4 us in the same rows. In a "
        "loop of its own (Zen 3) a call takes 0.4 us on 16 elements, np.multiply 0.75; 0.7 to 1.0 on 4,096."
    ),
    "packed *": "Noise of memory: at 2^20 the same work takes 0.01 (p = 0.5) and 0.09 (p = 0.1).",
    "layout sliced *": (
        "Bytes. Every second element of a row brings the whole line: twice the bytes an element, and gathers "
        "and scatters by single words."
    ),
    "layout *": (
        "Bits are made in one order and applied in the other: a transposition of 64 x 64 bits and runs of a "
        "few kilobytes in memory."
    ),
    "p per row": (
        "A law a row: thresholds and a new batch of ties for each row, which for rows of 2,048 elements is "
        "half a batch."
    ),
    "p for every element": (
        "Bytes and checks: p alone is 8 bytes an element, read to be checked before the first write (NumPy's "
        "minimum and maximum, the core once more) and again to be compared; thresholds, comparison and a "
        "division for the scale are some 20 instructions."
    ),
}


def explanation(key: str) -> str:
    """Return what is known of the target `key`."""
    found = (text for pattern, text in EXPLANATIONS.items() if fnmatchcase(key, pattern))
    return next(found, "no explanation on record")

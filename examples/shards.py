"""One mask, many workers: each process drops its own block, and together they are dropout of the whole array.

The blocks are uneven and cut along both axes. No worker knows the others, no random state is passed around: the seed,
the block's origin and the shape of the whole are enough.
"""

import hashlib
import itertools
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np

import fastdrop as fd

SHAPE, SEED, P = (1200, 3000), 7, 0.1


def rows_of_data(first_row, last_row, first_column, last_column):
    """The block of the array that a worker would read from its own disk."""
    rows = np.arange(first_row, last_row, dtype=np.float32)[:, None]
    columns = np.arange(first_column, last_column, dtype=np.float32)[None, :]
    return 1 + rows + columns / SHAPE[1]


def work(box):
    """Run by a worker: make the block, drop in place, give it back."""
    block = rows_of_data(*box)
    place = fd.Shard(origin=(box[0], box[2]), global_shape=SHAPE)
    return box, fd.dropout(block, P, rng=SEED, out=block, shard=place, threads=1)


def main():
    row_cuts, column_cuts = (0, 500, 501, 1200), (0, 64, 1999, 3000)
    boxes = [(*rows, *columns) for rows in itertools.pairwise(row_cuts) for columns in itertools.pairwise(column_cuts)]
    gathered = np.empty(SHAPE, np.float32)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=2, mp_context=context) as pool:
        for (r0, r1, c0, c1), block in pool.map(work, boxes):
            gathered[r0:r1, c0:c1] = block

    whole = fd.dropout(rows_of_data(0, SHAPE[0], 0, SHAPE[1]), P, rng=SEED)
    print(f"{len(boxes)} blocks by 2 processes: {hashlib.sha256(gathered).hexdigest()[:16]}")
    print(f"one call on the whole:     {hashlib.sha256(whole).hexdigest()[:16]}")
    print(f"dropped: {(gathered == 0).mean():.4f} for p = {P}")
    assert (gathered == whole).all()


if __name__ == "__main__":
    main()

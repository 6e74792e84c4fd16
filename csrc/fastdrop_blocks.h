/* fastdrop_blocks.h: DropBlock's blocks. Part of fastdrop.h, whose conventions hold: include that. */
#ifndef FASTDROP_BLOCKS_H
#define FASTDROP_BLOCKS_H

/* fd_grow_blocks makes the mask of DropBlock (Ghiasi, Lin and Le, NeurIPS 2018) from that of its seeds. `seeds` is the packed
 * mask of `maps` valid maps one after the other, each of `shape` (dims axes, every length at least 1) in C order, where a
 * dropped element is a seed: fd_fill with p = gamma makes it. A seed at (i, j, ...) drops [i, i + block) x [j, j + block)
 * x ... of its map, whose lengths are those of `shape` plus block - 1. `bits` gets the packed mask of all these maps,
 * (n + 7) / 8 bytes for their n elements, unused high bits 0; it does not overlap the seeds. *kept, unless kept is NULL, is
 * the number of its ones. Threads share maps out; one map is never divided. */
fd_status fd_grow_blocks(const uint8_t *seeds, uint64_t maps, int dims, const int64_t *shape, int64_t block, uint8_t *bits,
                         uint64_t *kept, const fd_exec *exec);

#endif

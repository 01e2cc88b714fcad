"""Splitting by groups: rows of one group stay together, sizes as near as exchanges of groups bring them.

The rule: every split has a group; no group can be moved to another split, and no two groups of different
splits exchanged, so that sizes come nearer to what was asked for (by the sum of squares of rows too many or
too few). Which groups go where is drawn: they are dealt out in random order, each where most is lacking, then
moved and exchanged until the rule holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np

from nnctl.core.keys import Key
from nnctl.core.philox import permutation
from nnctl.data.splitting.splits import SplitRows, by_code, sizes
from nnctl.data.table import Rows


def grouped(n: int, groups: Sequence[int], validation: int | float, test: int | float, key: Key) -> SplitRows:
    """Rows of groups (N,), numbered from 0, by the rule above.

    Raises:
        ValueError: there are fewer groups than splits.
    """
    codes = np.asarray(groups, dtype=np.int64)
    weight = np.bincount(codes)
    lacking = list(sizes(n, validation, test))
    wanted = [i for i in range(3) if lacking[i]]
    if len(weight) < len(wanted):
        raise ValueError(f"{len(weight)} groups cannot fill {len(wanted)} splits")
    order = permutation(key, len(weight))
    place = np.empty(len(weight), dtype=np.int64)
    for position, group in enumerate(order.tolist()):
        if position < len(wanted):
            goes = wanted[position]
        else:
            goes = max(wanted, key=lambda i: (lacking[i], -i))
        place[group] = goes
        lacking[goes] -= int(weight[group])
    while _nearer(weight, order, place, lacking, wanted):
        pass
    return by_code(place[codes])


def _nearer(weight: Rows, order: Rows, place: Rows, lacking: list[int], wanted: list[int]) -> bool:
    """Move a group, or exchange two, where that brings the sizes nearest; False if nothing does.

    To take w rows from split j to k changes the sum of squares by 2 w (w - d), d being what k lacks more
    than j: it falls for 0 < w < d, most for w = d / 2.
    """
    best: tuple[int, int, int, int, int | None] | None = None
    for j, k in permutations(wanted, 2):
        d = lacking[k] - lacking[j]
        mine, others = order[place[order] == j], order[place[order] == k]
        found = [_exchange(weight, mine, others, d)]
        if len(mine) > 1:
            found.append(_exchange(weight, mine, None, d))
        for gain, group, back in (f for f in found if f is not None):
            if best is None or gain < best[0]:
                best = (gain, j, k, group, back)
    if best is None:
        return False
    _, j, k, group, back = best
    moved = int(weight[group]) - (0 if back is None else int(weight[back]))
    place[group] = k
    if back is not None:
        place[back] = j
    lacking[j] += moved
    lacking[k] -= moved
    return True


def _exchange(weight: Rows, mine: Rows, others: Rows | None, d: int) -> tuple[int, int, int | None] | None:
    """The best group of `mine` to give, and of `others` to take: what that changes, and the two."""
    if d <= 1:
        return None
    sizes_of_mine, first = np.unique(weight[mine], return_index=True)
    if others is None:
        theirs, back = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
    else:
        theirs, back = np.unique(weight[others], return_index=True)
    # For each size to give, the two sizes to take back that make the difference about d / 2.
    at = np.searchsorted(theirs, sizes_of_mine - d / 2)
    candidates = np.stack([np.clip(at - 1, 0, len(theirs) - 1), np.clip(at, 0, len(theirs) - 1)])
    w = sizes_of_mine - theirs[candidates]
    change = np.where((w > 0) & (w < d), 2 * w * (w - d), 0)
    side, which = np.unravel_index(int(np.argmin(change)), change.shape)
    if change[side, which] >= 0:
        return None
    taken = None if others is None else int(others[back[candidates[side, which]]])
    return int(change[side, which]), int(mine[first[which]]), taken

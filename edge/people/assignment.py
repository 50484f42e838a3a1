"""Pairs of things that belong together at the least total cost, over all pairs at once. Pure.

A greedy choice, likeliest pair first, can leave two people with each other's faces: the first pair takes what
the second one needs. This is the Hungarian method with potentials (Kuhn 1955, Munkres 1957), in its form with
one shortest augmenting path a row: O(rows * rows * columns).
"""

import math
from collections.abc import Sequence


def assign(costs: Sequence[Sequence[float]]) -> list[int]:
    """The column of each row, so that the sum of the costs is the least possible.

    Args:
        costs: a row for each of the one kind, a column for each of the other; finite, at least as many
            columns as rows. Where a row may stay alone, give it a column of its own at the price of that.

    Returns:
        For each row its column; no column twice.

    Raises:
        ValueError: there are more rows than columns.
    """
    rows, columns = len(costs), len(costs[0]) if costs else 0
    if rows > columns:
        raise ValueError(f"{rows} rows can't each have one of {columns} columns")
    row_price, column_price = [0.0] * rows, [0.0] * columns
    owner: list[int | None] = [None] * columns
    for row in range(rows):
        column, came_from = _shortest_path(row, costs, owner, row_price, column_price)
        while column is not None:  # everybody on the path moves on by one column
            before = came_from[column]
            owner[column] = row if before is None else owner[before]
            column = before
    out = {row: column for column, row in enumerate(owner) if row is not None}
    return [out[row] for row in range(rows)]


def _shortest_path(
    start: int,
    costs: Sequence[Sequence[float]],
    owner: Sequence[int | None],
    row_price: list[float],
    column_price: list[float],
) -> tuple[int | None, list[int | None]]:
    """The free column that a row reaches at the least cost, and the column before each on the way to it.

    Dijkstra's algorithm on prices that keep all costs above 0; the prices are brought up to date.
    """
    columns = range(len(owner))
    least, came_from = [math.inf] * len(owner), [None] * len(owner)  # type: list[float], list[int | None]
    done: dict[int, float] = {}
    row, at, distance = start, None, 0.0  # type: int, int | None, float
    while True:
        for j in columns:
            cost = distance + costs[row][j] - row_price[row] - column_price[j]
            if j not in done and cost < least[j]:
                least[j], came_from[j] = cost, at
        at = min((j for j in columns if j not in done), key=least.__getitem__)
        distance = least[at]
        taken_by = owner[at]
        if taken_by is None:
            break
        done[at], row = distance, taken_by
    row_price[start] += distance
    for j, reached in done.items():
        column_price[j] -= distance - reached
        row_price[owner[j]] += distance - reached  # type: ignore[index]  # done columns have owners
    return at, came_from

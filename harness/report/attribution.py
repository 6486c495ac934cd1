"""Who spends the CPU time of a request: the server or the store, and how much of it is authentication. Pure.

What an arm costs beyond the anonymous floor, which serves the same bytes to anybody, is what authentication
costs it.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.report import format as fmt
from harness.report.case import FLOOR, Case
from harness.report.tables import Table


def tables(case: Case) -> list[Table]:
    """One table, where the CPU time of a case was counted, with the columns that apply; none elsewhere."""
    measured = case.measured("total_cpu")
    if not measured:
        return []
    floor = case.find(FLOOR, "total_cpu")
    heads = ["arm", "CPU\nus/req", "server\nus/req", "store\nus/req", "store's\nshare"]
    if floor is not None:
        heads += ["over floor\nus/req", "over floor,\nshare"]
    rows = []
    for total in measured:
        row = [total.arm, fmt.with_interval(total.value, total.ci), *_parts(case, total.arm, total.value)]
        if floor is not None:
            over = total.value - floor.value
            is_floor = total.arm == FLOOR
            row += [fmt.NOTHING, fmt.NOTHING] if is_floor else [fmt.number(over), _share(over, total.value)]
        rows.append(row)
    return [Table(case.title, heads, rows)]


def sentences(case: Case) -> list[str]:
    """What authentication costs each arm, and where; none without the floor, or in an invalid run."""
    floor = case.find(FLOOR, "total_cpu")
    if floor is None or not case.result.valid:
        return []
    return [text for arm in case.arms if arm != FLOOR for text in _over_floor(case, arm, floor.value)]


def _over_floor(case: Case, arm: str, floor: float) -> Iterator[str]:
    total = case.find(arm, "total_cpu")
    if total is None:
        return
    over = total.value - floor
    text = f"{arm}: {fmt.number(over)} us of {fmt.number(total.value)} us a request are beyond the floor"
    store = case.find(arm, "store_cpu")
    if store is None or store.value <= 0:
        yield f"{text}, all of it the server's."
        return
    server_us, store_us = fmt.number(over - store.value), fmt.number(store.value)
    yield f"{text}: {server_us} us the server's, {store_us} us the store's."


def _parts(case: Case, arm: str, total: float) -> list[str]:
    server, store = case.find(arm, "server_cpu"), case.find(arm, "store_cpu")
    return [
        fmt.NOTHING if server is None else fmt.number(server.value),
        fmt.NOTHING if store is None else fmt.number(store.value),
        fmt.NOTHING if store is None else _share(store.value, total),
    ]


def _share(part: float, whole: float) -> str:
    return fmt.percent(part / whole) if whole else fmt.NOTHING

"""Whether what operations that ran at the same time did could have come of running them one after another."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

S = TypeVar("S")


class Operation(Protocol[S]):
    """One of the operations."""

    def outcomes(self, state: S) -> Iterable[tuple[Any, S]]:
        """Return what it may answer when it alone is done to `state`, and the state that each leaves."""


def orders(operations: Sequence[Operation[S]], answers: Sequence[Any], state: S) -> Iterator[S]:
    """Yield the states that the operations may leave, done in some order and answering `answers`."""
    if not operations:
        yield state
    for index, operation in enumerate(operations):
        others = [*operations[:index], *operations[index + 1 :]]
        other_answers = [*answers[:index], *answers[index + 1 :]]
        for answer, after in operation.outcomes(state):
            if answer == answers[index]:
                yield from orders(others, other_answers, after)

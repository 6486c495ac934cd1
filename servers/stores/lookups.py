"""The epoch of each account, by one indexed SELECT: it grows whenever the account's credentials end.

A token says the epoch in which it was issued.
"""

import abc
import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from servers.http.responses import unavailable

#: Seconds that a look-up may take, and a connection.
TIMEOUT_S: Final = 2.0

P = ParamSpec("P")
S = TypeVar("S", bound="Lookup")
T = TypeVar("T")

Method = Callable[Concatenate[S, P], Awaitable[T]]
Bounded = Callable[Concatenate[S, P], Coroutine[Any, Any, T]]


def unavailable_on(*errors: type[Exception]) -> Callable[[Method[S, P, T]], Bounded[S, P, T]]:
    """Return a decorator that makes a method raise 503 where the database fails it by one of `errors`."""

    def decorate(method: Method[S, P, T]) -> Bounded[S, P, T]:
        @functools.wraps(method)
        async def answered(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return await method(self, *args, **kwargs)
            except errors:
                raise unavailable("store_unavailable") from None

        return answered

    return decorate


class Lookup(abc.ABC):
    """The epochs. Every operation raises `web.HTTPServiceUnavailable` while the database does not answer."""

    async def ping(self) -> None:
        """Return when the database answers."""
        await self.epoch("")

    @abc.abstractmethod
    async def epoch(self, account_id: str) -> int | None:
        """Return the epoch of an account by one SELECT; None where nobody may come in by its name."""

    @abc.abstractmethod
    async def begin(self, account_id: str) -> int | None:
        """Return the epoch of an account that logs in; None where it was blocked meanwhile."""

    @abc.abstractmethod
    async def revoke(self, account_id: str) -> None:
        """Begin another epoch of an account."""

    @abc.abstractmethod
    async def close(self) -> None:
        """End the connections."""

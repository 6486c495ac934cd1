"""Epoch of each account, read by one indexed SELECT; it increases when the account's credentials are revoked.

A token carries the epoch in which it was issued.
"""

import abc
import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from servers.http.responses import unavailable

#: Timeout of a lookup, and of a connection attempt, in seconds.
TIMEOUT_S: Final = 2.0

P = ParamSpec("P")
S = TypeVar("S", bound="Lookup")
T = TypeVar("T")

Method = Callable[Concatenate[S, P], Awaitable[T]]
Bounded = Callable[Concatenate[S, P], Coroutine[Any, Any, T]]


def unavailable_on(*errors: type[Exception]) -> Callable[[Method[S, P, T]], Bounded[S, P, T]]:
    """Return a decorator that makes a method raise 503 if the database fails with one of `errors`."""

    def decorate(method: Method[S, P, T]) -> Bounded[S, P, T]:
        @functools.wraps(method)
        async def wrapper(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return await method(self, *args, **kwargs)
            except errors:
                raise unavailable("store_unavailable") from None

        return wrapper

    return decorate


class Lookup(abc.ABC):
    """Account epochs in a database; raises `web.HTTPServiceUnavailable` while it does not answer."""

    async def ping(self) -> None:
        """Return when the database answers."""
        await self.epoch("")

    @abc.abstractmethod
    async def epoch(self, account_id: str) -> int | None:
        """Return the epoch of an account by one SELECT; None if no token of the account is valid."""

    @abc.abstractmethod
    async def begin(self, account_id: str) -> int | None:
        """Return the epoch of an account that logs in; None if it was blocked in the meantime."""

    @abc.abstractmethod
    async def revoke(self, account_id: str) -> None:
        """Start a new epoch of an account."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Close the connections."""

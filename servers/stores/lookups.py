"""Epoch of each account, read by one indexed SELECT; it changes when the account's credentials are revoked.

A token carries the epoch in which it was issued. An epoch is a random number and not a count, so that none
repeats: not after a row was deleted and added again, nor after a backup was restored.
"""

import abc
import asyncio
import functools
import secrets
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from servers.http.responses import unavailable

#: Timeout of a lookup, and of a connection attempt, in seconds.
TIMEOUT_S: Final = 2.0

#: Random bits of an epoch, which databases store in 64 bits with a sign.
_EPOCH_BITS: Final = 63

M = TypeVar("M", bound=Callable[..., Coroutine[Any, Any, Any]])


def new_epoch() -> int:
    """Return an epoch that no account has had."""
    return secrets.randbits(_EPOCH_BITS)


def unavailable_on(*errors: type[Exception]) -> Callable[[M], M]:
    """Return a decorator that makes a method raise 503 if the database fails with one of `errors`."""

    def decorate(method: M) -> M:
        @functools.wraps(method)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                return await method(*args, **kwargs)
            except errors as error:
                raise unavailable("store_unavailable") from error

        return cast(M, wrapper)

    return decorate


class Lookup(abc.ABC):
    """Account epochs in a database; raises `web.HTTPServiceUnavailable` while it does not answer.

    Args:
        source: Path or URL of the database, which is opened on first use.
    """

    def __init__(self, source: str | Path) -> None:
        self._source = source
        self._database: Any = None
        self._opening = asyncio.Lock()

    @abc.abstractmethod
    async def check(self) -> None:
        """Write, read and delete as requests do; raise `web.HTTPServiceUnavailable` if that fails."""

    @abc.abstractmethod
    async def epoch(self, account_id: str) -> int | None:
        """Return the epoch of an account by one SELECT; None if no token of the account is valid."""

    async def begin(self, account_id: str) -> int | None:
        """Return the epoch of an account that logs in; None if it was blocked in the meantime."""
        return await self.epoch(account_id)

    @abc.abstractmethod
    async def revoke_account(self, account_id: str) -> None:
        """Start a new epoch of an account."""

    @abc.abstractmethod
    async def connect(self) -> Any:
        """Return a new connection, or pool of connections, to the database."""

    async def open(self) -> Any:
        """Return the connection, or pool of connections, which all lookups share."""
        async with self._opening:
            if self._database is None:
                self._database = await self.connect()
            return self._database

    async def close(self) -> None:
        """Close the connections."""
        if self._database is not None:
            await self._database.close()

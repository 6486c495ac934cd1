"""Seeds the store with other users' sessions: copies of the keys that one login creates.

A million logins would take an hour. Instead, one user logs in, and the store itself copies the keys of that
login, each to a new name.
"""

from __future__ import annotations

from typing import Final

import redis

from harness.errors import ConformanceError, EnvironmentFailedError, SuiteError
from harness.protocol.plan import Target
from harness.testbed.client import PASSWORD, ApiClient
from harness.testbed.rig import Rig

#: Copies per call, so that no call blocks the store for long.
_BATCH_SIZE: Final = 10_000

# The last part of a key's name identifies the session or account. Copies expire with the original.
_COPY: Final = """
local value, ttl = redis.call('DUMP', KEYS[1]), math.max(0, redis.call('PTTL', KEYS[1]))
for number = tonumber(ARGV[2]), tonumber(ARGV[3]) do
    redis.call('RESTORE', ARGV[1] .. string.format('%0' .. ARGV[4] .. 'x', number), ttl, value)
end
"""


def seed_sessions(rig: Rig, sessions: int) -> None:
    """Add this many sessions to the store for each arm that keeps logins there.

    Raises:
        SuiteError: The store is a cluster, which cannot copy keys from node to node.
        ConformanceError: A server refused the login.
        EnvironmentFailedError: The store is full, or does not answer.
    """
    if len(rig.store.nodes) > 1:
        raise SuiteError(
            "`population` needs a store of one node: choose another --redis-url than a cluster's."
        )
    try:
        for target in {instance.target.arm: instance.target for instance in rig.authenticating}.values():
            _copy_login(rig.store.client, rig.launcher.prefix_of(target.arm), target, sessions)
    except redis.RedisError as error:
        raise EnvironmentFailedError(
            f"the store did not accept {sessions:,} sessions of each server: {error}"
        ) from error


def _copy_login(client: redis.Redis, prefix: str, target: Target, sessions: int) -> None:
    status = ApiClient(target.host, target.port).log_in("load-0", PASSWORD).status
    if status != 200:
        raise ConformanceError(f"server {target.arm}: a login returned {status}.")
    copy = client.register_script(_COPY)
    originals = list(client.scan_iter(match=f"{prefix}*", count=1000))
    before = client.dbsize()
    for index, key in enumerate(originals):
        start, _, last = key.rpartition(b":")
        # Numbers continue from key to key, since two keys may have the same beginning.
        first, end = index * sessions, (index + 1) * sessions
        for begin in range(first, end, _BATCH_SIZE):
            until = min(begin + _BATCH_SIZE, end) - 1
            copy(keys=[key], args=[start + b":", begin, until, max(len(last), 8)])
    if client.dbsize() < before + sessions * len(originals):
        raise EnvironmentFailedError(
            f"the store evicted some of {sessions:,} sessions of {target.arm}: it has too little memory."
        )

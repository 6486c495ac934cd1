"""Others who are logged in while something is measured: copies of what one login leaves in the store.

A million logins would take an hour. What a login leaves is found out by logging in once; copies of those
keys, each under a name of its own, are made within the store.
"""

from __future__ import annotations

from typing import Final

import redis

from harness.errors import ConformanceError, EnvironmentFailedError, SuiteError
from harness.protocol.plan import Target
from harness.testbed.client import PASSWORD, ApiClient
from harness.testbed.rig import Rig

#: Copies made by one call, so that no call keeps the store busy for long.
_AT_ONCE: Final = 10_000

# The last part of a key's name tells sessions, and accounts, apart. Copies end when the original would.
_COPY: Final = """
local value, ttl = redis.call('DUMP', KEYS[1]), math.max(0, redis.call('PTTL', KEYS[1]))
for number = tonumber(ARGV[2]), tonumber(ARGV[3]) do
    redis.call('RESTORE', ARGV[1] .. string.format('%0' .. ARGV[4] .. 'x', number), ttl, value)
end
"""


def seed_sessions(rig: Rig, sessions: int) -> None:
    """Log so many others in with each arm, as far as the store remembers a login.

    Raises:
        SuiteError: The store is a cluster, within which nothing is copied from node to node.
        ConformanceError: A server would not log anybody in.
        EnvironmentFailedError: The store has no room for them, or does not answer.
    """
    if len(rig.store.nodes) > 1:
        raise SuiteError("`population` needs a store of one node: give another --redis-url than a cluster's.")
    try:
        for one in {instance.target.arm: instance.target for instance in rig.authenticating}.values():
            _settle(rig.store.client, rig.arm_prefix(one.arm), one, sessions)
    except redis.RedisError as error:
        raise EnvironmentFailedError(
            f"the store did not take {sessions:,} sessions of each arm: {error}"
        ) from error


def _settle(client: redis.Redis, prefix: str, target: Target, sessions: int) -> None:
    status = ApiClient(target.host, target.port).log_in("load-0", PASSWORD).status
    if status != 200:
        raise ConformanceError(f"server {target.arm}: a login was answered {status}.")
    copy = client.register_script(_COPY)
    left = list(client.scan_iter(match=f"{prefix}*", count=1000))
    before = client.dbsize()
    for index, key in enumerate(left):
        start, _, last = key.rpartition(b":")
        # Numbered on from key to key: two of them may begin alike.
        first, end = index * sessions, (index + 1) * sessions
        for begin in range(first, end, _AT_ONCE):
            until = min(begin + _AT_ONCE, end) - 1
            copy(keys=[key], args=[start + b":", begin, until, max(len(last), 8)])
    if client.dbsize() < before + sessions * len(left):
        raise EnvironmentFailedError(
            f"the store dropped some of {sessions:,} sessions of {target.arm}: it has too little memory."
        )

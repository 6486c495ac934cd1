"""Client of a Redis Cluster: a key has one of 16384 slots, a slot one node, and a transaction one slot."""

from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import RedisCluster
from redis.asyncio.cluster import ClusterNode, ClusterPipeline
from redis.exceptions import AskError, ClusterDownError, MaxConnectionsError, MovedError, ResponseError
from redis.exceptions import ConnectionError as NodeGoneError
from redis.exceptions import TimeoutError as NodeSilentError

#: A command, its key, and further arguments.
Command = Sequence[Any]

#: Redirections and retries of a command before it fails.
_REDIRECTIONS: Final = 3


class Cluster(RedisCluster):
    """Client of redis-py with a faster path for the commands that requests wait for, and for transactions.

    redis-py looks up a policy and the position of the keys for each command, which costs more than the
    command itself, and starts a thread for each command in a transaction.
    """

    async def at_slot(self, *commands: Command) -> Any:
        """Execute commands on keys of one slot, several as one transaction; return the last response.

        If the slot has moved, or its node does not answer, the commands are sent again: they must be
        idempotent.
        """
        await self.initialize()
        slots, slot = self.nodes_manager, self.keyslot(commands[0][1])
        node, asking = slots.get_node_from_slot(slot), False
        for _ in range(_REDIRECTIONS):
            try:
                return await _send(node, commands, asking=asking)
            except MovedError as moved:
                await slots.move_slot(moved)
                node, asking = slots.get_node_from_slot(slot), False
            except AskError as ask:  # while the slot is migrating
                node, asking = self.get_node(ask.host, ask.port), True
            except MaxConnectionsError:
                raise
            except (NodeGoneError, NodeSilentError, ClusterDownError):
                await slots.initialize(last_failed_node_name=node.name)
                node, asking = slots.get_node_from_slot(slot), False
        return await _send(node, commands, asking=asking)

    def get_node(
        self, host: str | None = None, port: int | None = None, node_name: str | None = None
    ) -> ClusterNode:
        """Return a node; raise an error for an unknown node, to which a slot may be migrating."""
        node = super().get_node(host, port, node_name)
        if node is None:
            raise NodeGoneError("a slot is migrating to a node that is not known yet")
        return node

    def pipeline(self, transaction: object = None, shard_hint: object = None) -> "ClusterChanges":  # noqa: ARG002
        """Return a pipeline that collects changes of several keys."""
        return ClusterChanges(self)  # type: ignore[abstract]  # caused by redis-py

    async def ping(self, **kwargs: Any) -> bool:
        """Return when all primary nodes answer; replicas may be down."""
        await self.execute_command("PING", target_nodes=self.PRIMARIES, **kwargs)
        return True


class ClusterChanges(ClusterPipeline):
    """Changes of several keys, as close to a transaction as keys in several slots allow.

    The last slot is changed after all others and in one transaction; with two slots, the first is one
    transaction as well. So after an interruption the last key is unchanged.
    """

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._cluster = cluster
        self._commands: list[Command] = []

    def execute_command(self, *args: Any, **_: Any) -> "ClusterChanges":
        """Queue a command; its first argument is the key."""
        self._commands.append(args)
        return self

    async def execute(
        self,
        raise_on_error: bool = True,  # noqa: ARG002 - redis-py's signature
        allow_redirections: bool = True,  # noqa: ARG002
    ) -> list[Any]:
        """Execute the queued commands; returns an empty list, not the responses."""
        by_slot: dict[int, list[Command]] = {}
        for command in self._commands:
            by_slot.setdefault(self._cluster.keyslot(command[1]), []).append(command)
        *before, last = by_slot.values()
        if len(before) == 1:
            await self._cluster.at_slot(*before[0])
        elif before:
            pipeline = RedisCluster.pipeline(self._cluster)
            for command in (command for commands in before for command in commands):
                pipeline.execute_command(*command)
            await pipeline.execute()
        await self._cluster.at_slot(*last)
        return []


async def _send(node: ClusterNode, commands: Sequence[Command], *, asking: bool) -> Any:
    """Send commands to a node together, several as a transaction, and return the last response.

    Args:
        node: Node to send to.
        commands: Commands on keys of one slot.
        asking: Whether the slot is being migrated to this node.

    Raises:
        RedisError: A command or the node failed.
    """
    sent = [*commands] if len(commands) == 1 else [("MULTI",), *commands, ("EXEC",)]
    if asking:
        sent.insert(0, ("ASKING",))
    failure: ResponseError | None = None
    response: Any = None
    connection = node.acquire_connection()
    try:
        await node.disconnect_if_needed(connection)
        await connection.send_packed_command(connection.pack_commands(sent))
        for _ in sent:
            try:
                response = await connection.read_response()
            except ResponseError as error:
                failure = failure or error  # a transaction's first error has the reason
    except BaseException:
        await connection.disconnect(nowait=True)  # pending responses must not answer other commands
        raise
    finally:
        node.release(connection)
    if failure is None and len(commands) > 1:
        failure = next((result for result in response if isinstance(result, ResponseError)), None)
    if failure is not None:
        raise failure
    return response

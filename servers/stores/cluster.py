"""A Redis Cluster: each key has one of 16384 slots, each slot one node, and a transaction one slot."""

from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import RedisCluster
from redis.asyncio.cluster import ClusterNode, ClusterPipeline
from redis.exceptions import AskError, ClusterDownError, MaxConnectionsError, MovedError, ResponseError
from redis.exceptions import ConnectionError as NodeGoneError
from redis.exceptions import TimeoutError as NodeSilentError

#: A command, its key, and what else it is given.
Command = Sequence[Any]

#: How often a command is sent elsewhere, or again, before it fails.
_REDIRECTIONS: Final = 3


class Cluster(RedisCluster):
    """redis-py's client, but for what all requests wait for, and for transactions.

    There redis-py looks up a policy and the place of the keys for each command, which costs more than the
    command, and starts a thread for each that a transaction queues.
    """

    async def at_slot(self, *commands: Command) -> Any:
        """Carry out commands on keys of one slot, several as one transaction; return the last answer.

        Where the slot has moved, or its node does not answer, they are sent again: each of them must leave
        the same behind when it is carried out twice.
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
            except AskError as ask:  # while the slot is moving
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
        """Return a node; one that is not known, to which a slot is just moving, counts as not there yet."""
        node = super().get_node(host, port, node_name)
        if node is None:
            raise NodeGoneError("a slot moves to a node that is not known yet")
        return node

    def pipeline(self, transaction: object = None, shard_hint: object = None) -> "ClusterChanges":  # noqa: ARG002
        """Return something that collects changes of several keys."""
        return ClusterChanges(self)  # type: ignore[abstract]  # of redis-py's own making

    async def ping(self, **kwargs: Any) -> bool:
        """Return when every node that holds keys answers; replicas may be away."""
        await self.execute_command("PING", target_nodes=self.PRIMARIES, **kwargs)
        return True


class ClusterChanges(ClusterPipeline):
    """Changes of several keys, as near to a transaction as keys of several slots can have.

    What is done to the last key named waits until all else is done, and what is done to it is a transaction,
    as it is to the first where there are two. So one that is broken off has not begun with its last key.
    """

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._cluster = cluster
        self._commands: list[Command] = []

    def execute_command(self, *args: Any, **_: Any) -> "ClusterChanges":
        """Note a command; its first argument is its key."""
        self._commands.append(args)
        return self

    async def execute(
        self,
        raise_on_error: bool = True,  # noqa: ARG002 - redis-py's signature
        allow_redirections: bool = True,  # noqa: ARG002
    ) -> list[Any]:
        """Carry out what was noted; the answers are none that would be those of a transaction."""
        by_slot: dict[int, list[Command]] = {}
        for command in self._commands:
            by_slot.setdefault(self._cluster.keyslot(command[1]), []).append(command)
        *before, last = by_slot.values()
        if len(before) == 1:
            await self._cluster.at_slot(*before[0])
        elif before:
            together = RedisCluster.pipeline(self._cluster)
            for command in (one for some in before for one in some):
                together.execute_command(*command)
            await together.execute()
        await self._cluster.at_slot(*last)
        return []


async def _send(node: ClusterNode, commands: Sequence[Command], *, asking: bool) -> Any:
    """Send commands to a node at once, several as a transaction, and return the last answer.

    Args:
        node: Where to.
        commands: On keys of one slot.
        asking: Whether the node is just being given that slot.

    Raises:
        RedisError: A command failed, or the node.
    """
    sent = [*commands] if len(commands) == 1 else [("MULTI",), *commands, ("EXEC",)]
    if asking:
        sent.insert(0, ("ASKING",))
    refused: ResponseError | None = None
    answer: Any = None
    connection = node.acquire_connection()
    try:
        await node.disconnect_if_needed(connection)
        await connection.send_packed_command(connection.pack_commands(sent))
        for _ in sent:
            try:
                answer = await connection.read_response()
            except ResponseError as error:
                refused = refused or error  # of a transaction the first says why, EXEC only that
    except BaseException:
        await connection.disconnect(nowait=True)  # what is still to come must answer nothing else
        raise
    finally:
        node.release(connection)
    if refused is None and len(commands) > 1:
        refused = next((one for one in answer if isinstance(one, ResponseError)), None)
    if refused is not None:
        raise refused
    return answer

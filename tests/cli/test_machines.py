"""Servers, store and load, each on a machine of its own (`tests/namespaces.py`), as docs/scale.md has it.

CPU times are compared by their intervals, what is counted exactly.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from harness.protocol.plan import arrival_offsets
from harness.results import progress_file
from harness.results.archive import load
from harness.results.model import Comparison, Measurement, Result
from servers.embedded_store import find_binary
from tests import namespaces, noise
from tests.cli.test_workers import added, kept
from tests.namespaces import Host
from tests.sandbox import ROOT, Sandbox

pytestmark = [pytest.mark.slow, pytest.mark.alone]

INSTANCES = 3
USERS = 6
PORTS = {"cookie": 8001, "token": 8101}
AGENT_PORT = 5600
SECRET = "a secret of the tests, and of nobody else"
PASSWORD = "the store's own"
_SCENARIO = """
[[scenarios]]
name = "{name}"
load = {{ {load} }}
seconds = {seconds}
primary = "{primary}"
"""
SATURATION = {"name": "saturation", "load": f'model = "closed", users = {USERS}'}
STEADY = {"name": "steady", "load": f'model = "open", users = {USERS}, rate = 150'}


@dataclass(frozen=True)
class Machines:
    """All of them; on the first the twins serve, and an agent; on the third runs are started."""

    server: Host
    store: Host
    load: Host
    workers: tuple[Host, ...]

    @property
    def redis_url(self) -> str:
        """Where the store is."""
        return f"redis://:{PASSWORD}@{self.store.address}:6379".replace(" ", "%20")

    @property
    def agent(self) -> str:
        """Where it answers."""
        return f"{self.server.address}:{AGENT_PORT}"

    def suite(self, folder: Path, *scenarios: str, agent: bool) -> str:
        """Write a suite of the twins by their addresses, and return its path."""
        text = f'title = "Twins elsewhere"\narms = ["cookie", "token"]\ninstances = {INSTANCES}\n'
        text += "warmup_requests = 50\n"
        for arm, transport in {"cookie": "cookie", "token": "bearer"}.items():
            addresses = [f"http://{self.server.address}:{PORTS[arm] + n}" for n in range(INSTANCES)]
            text += f'[own.{arm}]\ntransport = "{transport}"\naddress = {json.dumps(addresses)}\n'
            text += f'agent = "{self.agent}"\n' if agent else ""
        file = folder / "elsewhere.toml"
        file.write_text(text + "".join(scenarios))
        return str(file)

    def bench(
        self, sandbox: Sandbox, *arguments: str, secret: str = SECRET, redis_url: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run bench.py on the load host to its end."""
        return self.load.run(
            *(sys.executable, str(ROOT / "bench.py"), *arguments),
            cwd=sandbox.folder,
            env=_environment(sandbox, secret, redis_url),
            timeout=300,
        )


def _environment(sandbox: Sandbox, secret: str, redis_url: str | None) -> dict[str, str]:
    named = {} if redis_url is None else {"REDIS_URL": redis_url}
    return sandbox.environment(COOKIES_VS_TOKENS_SECRET=secret, **named)


def _scenario(about: dict[str, str], seconds: float, primary: str) -> str:
    return _SCENARIO.format(**about, seconds=seconds, primary=primary)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """The machines, with all up that is to be there before a run."""
    with namespaces.joined("server", "store", "load", "load-1", "load-2") as hosts:
        here = Machines(hosts[0], hosts[1], hosts[2], tuple(hosts[3:]))
        _bring_up(here, tmp_path_factory.mktemp("machines"))
        yield here


def _bring_up(machines: Machines, folder: Path) -> None:
    """Start the store, the twins and the agent where they are to be."""
    _start_store(machines.store)
    accounts = folder / "accounts.sqlite"
    cost = ("--password-cost", "bench")
    seed = ("-m", "servers.accounts", "--file", str(accounts), "--load-users", str(USERS), *cost)
    subprocess.run([sys.executable, *seed], cwd=ROOT, check=True)
    environment = os.environ | {
        "AUTH_SECRET": SECRET,
        "REDIS_URL": machines.redis_url,
        "COOKIES_VS_TOKENS_SECRET": SECRET,
    }
    serve = ("--host", machines.server.address, "--accounts", str(accounts), "--keepalive", "86400", *cost)
    programs = [
        ("-m", "servers", arm, "--port", str(port + number), *serve)
        for arm, port in PORTS.items()
        for number in range(INSTANCES)
    ]
    started = [
        machines.server.start(sys.executable, *words, cwd=ROOT, env=environment, stdout=subprocess.PIPE)
        for words in [*programs, (str(ROOT / "bench.py"), "remote", "agent", "--bind", machines.agent)]
    ]
    for one in started:
        assert one.stdout is not None
        assert one.stdout.readline(), "a server did not start"


def _start_store(host: Host) -> None:
    binary = find_binary()
    if binary is None:
        pytest.skip("no Valkey or Redis here")
    words = ("--port", "6379", "--bind", host.address, "--requirepass", PASSWORD, "--save", "")
    host.start(binary, *words, stdout=subprocess.DEVNULL)


def _run(machines: Machines, sandbox: Sandbox, suite: str, *arguments: str, **more: str) -> Result:
    """A run's result, as it stands."""
    done = machines.bench(sandbox, "run", suite, "--seed", "1", "--out", "run", *arguments, **more)
    assert (sandbox.folder / "run" / "result.json").exists(), done.stderr
    return load(sandbox.folder / "run")


def _is_valid(result: Result) -> None:
    """What follows needs a quiet machine; a run that others made invalid is no finding."""
    noise.skip_if_spoilt(result)
    assert result.run.exit_code == 0, [check for check in result.validity if check.status == "invalid"]


def _value(result: Result, arm: str, metric: str) -> Measurement:
    (found,) = [row for row in result.measurements if (row.arm, row.metric) == (arm, metric)]
    return found


def _exact(result: Result, arm: str, metric: str) -> float:
    """What is counted, but for the rounding of a mean of logarithms."""
    return round(_value(result, arm, metric).value, 6)


def _ratio(result: Result, metric: str) -> Comparison:
    (found,) = [row for row in result.comparisons if row.metric == metric]
    return found


def _metrics(result: Result) -> set[str]:
    return {row.metric for row in result.measurements}


def test_the_same_answer_as_on_one_machine(sandbox: Sandbox, tmp_path: Path) -> None:
    """Servers, store and load on three machines, an agent beside the servers; then all of it on one alone.

    What is counted is the same to the last byte, also of servers that the harness starts. The token costs
    less in both; with three instances on a busy machine the verdict may be open, but never the opposite.
    The ratio of CPU time is within both intervals. The bridge costs CPU time of its own, more in `cookie`,
    whose store is behind it too (2 % and more of the ratio): for that, narrow intervals of three instances
    may miss one another, so a difference is one that comes again on fresh processes.
    """
    for go in ("first", "again"):
        with namespaces.joined("server", "store", "load", "alone") as (server, store, load_host, alone):
            machines = Machines(server, store, load_host, ())
            apart = _saturated(machines, sandbox, tmp_path / f"{go}-apart")
            one_machine = Machines(alone, alone, alone, ())
            here = _saturated(one_machine, sandbox, tmp_path / f"{go}-here")
            started = _started_here(one_machine, sandbox, tmp_path / f"{go}-started")
        _is_counted_where_it_is(apart, machines)
        _is_counted_alike(apart, here)
        _is_counted_alike(apart, started)
        _is_valid(apart)
        _is_valid(here)
        for result in (apart, here):
            assert _ratio(result, "total_cpu").verdict in ("faster", "inconclusive")
            assert _ratio(result, "total_cpu").ratio < 1
        missed = [metric for metric in ("server_cpu", "total_cpu") if not _overlap(apart, here, metric)]
        if not missed:
            break
    assert not missed


def _saturated(machines: Machines, sandbox: Sandbox, folder: Path) -> Result:
    """The result of the twins, started for this run, under saturation."""
    folder.mkdir()
    _bring_up(machines, folder)
    suite = machines.suite(folder, _scenario(SATURATION, 6, "total_cpu"), agent=True)
    result = _run(machines, sandbox, suite, "--load-other-machines", redis_url=machines.redis_url)
    (sandbox.folder / "run").rename(folder / "run")
    return result


def _started_here(machines: Machines, sandbox: Sandbox, folder: Path) -> Result:
    """The same of servers that the harness starts itself."""
    folder.mkdir()
    file = folder / "here.toml"
    file.write_text(
        'title = "Twins here"\narms = ["cookie", "token"]\n'
        f"instances = {INSTANCES}\nwarmup_requests = 50\n{_scenario(SATURATION, 6, 'total_cpu')}"
    )
    result = _run(machines, sandbox, str(file), redis_url=machines.redis_url)
    (sandbox.folder / "run").rename(folder / "run")
    return result


def _is_counted_where_it_is(apart: Result, machines: Machines) -> None:
    """By the store elsewhere, and by the agent beside the servers."""
    assert apart.environment.store.source == f"redis://{machines.store.address}:6379"
    (agent,) = apart.environment.agents
    assert (agent.address, agent.arms) == (machines.agent, ["cookie", "token"])
    assert (_value(apart, "cookie", "store_ops").value, _value(apart, "token", "store_ops").value) == (1, 0)
    assert min(_value(apart, arm, "server_cpu").value for arm in PORTS) > 0
    assert min(_value(apart, arm, "server_rss").value for arm in PORTS) > 10e6
    assert "store_memory" not in _metrics(apart)


def _is_counted_alike(apart: Result, here: Result) -> None:
    for metric in ("store_ops", "response_bytes", "error_rate"):
        for arm in PORTS:
            assert _exact(apart, arm, metric) == _exact(here, arm, metric), (arm, metric)
    longer = [
        _exact(result, "token", "request_bytes") - _exact(result, "cookie", "request_bytes")
        for result in (apart, here)  # whose names in the header Host may not be equally long
    ]
    assert longer[0] == pytest.approx(longer[1], abs=1e-6)


def _overlap(one: Result, other: Result, metric: str) -> bool:
    """Whether the intervals of both ratios have a value in common."""
    ours, theirs = _ratio(one, metric).ci, _ratio(other, metric).ci
    assert ours is not None
    assert theirs is not None
    return max(ours[0], theirs[0]) <= min(ours[1], theirs[1])


def test_without_agent_and_store_nothing_is_made_up(machines: Machines, sandbox: Sandbox) -> None:
    """What nobody reads is left out, and a check says what, and what would help."""
    suite = machines.suite(sandbox.folder, _scenario(STEADY, 4, "service_p50"), agent=False)
    result = _run(machines, sandbox, suite, "--load-other-machines")
    unread = {"server_cpu", "store_cpu", "total_cpu", "store_ops", "server_rss", "store_memory", "store_rtt"}
    assert not unread & _metrics(result)
    assert {"service_p50", "response_p99", "response_bytes"} <= _metrics(result)
    told = [check.detail for check in result.validity if check.check == "elsewhere"]
    assert len(told) == len(PORTS)
    assert all("bench.py remote agent" in one and "--redis-url" in one for one in told)
    assert result.environment.store.name == "unknown"
    assert result.valid or noise.is_spoilt(result)


def test_what_is_refused_before_anything_is_loaded(machines: Machines, sandbox: Sandbox) -> None:
    """A machine that nobody called theirs, an agent with another secret, judging what nobody reads."""
    saturation = _scenario(SATURATION, 2, "total_cpu")
    suite = machines.suite(sandbox.folder, saturation, agent=True)
    plain = machines.bench(sandbox, "run", suite, redis_url=machines.redis_url)
    assert plain.returncode == 2
    assert "allow it with --load-other-machines" in plain.stderr
    allowed = ("run", suite, "--load-other-machines")
    other = machines.bench(sandbox, *allowed, secret=SECRET[::-1], redis_url=machines.redis_url)
    assert other.returncode == 3
    assert f"the agent at {machines.agent} has a different secret" in other.stderr
    unread = machines.bench(sandbox, *allowed)
    assert unread.returncode == 2
    assert "with --redis-url" in unread.stderr
    assert "a secret" not in plain.stderr + other.stderr + unread.stderr


def test_a_host_that_is_cut_off_is_named(machines: Machines, sandbox: Sandbox) -> None:
    """The run ends soon, as an environment that failed; what was measured until then is kept, unjudged."""
    scenarios = [_scenario(STEADY, 2, "service_p50"), _scenario(SATURATION, 60, "total_cpu")]
    suite = machines.suite(sandbox.folder, *scenarios, agent=True)
    running = machines.load.start(
        *(sys.executable, str(ROOT / "bench.py"), "run", suite, "--load-other-machines", "--out", "run"),
        cwd=sandbox.folder,
        env=_environment(sandbox, SECRET, machines.redis_url),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    sandbox.until(running, lambda: _is_measuring(sandbox.folder / "run", "saturation"))
    machines.server.cut_off()
    try:
        said, _ = running.communicate(timeout=90)
    finally:
        machines.server.join()
    assert running.returncode == 3, said
    assert machines.server.address in said.splitlines()[-2]
    result = load(sandbox.folder / "run")
    assert result.run.exit_code == 3
    assert {row.scenario for row in result.measurements} == {"steady", "saturation"}
    broken = [row for row in result.validity if row.check == "final report" and row.status == "invalid"]
    assert [machines.server.address in row.detail for row in broken] == [True]
    assert {row.verdict for row in result.comparisons} == {"not judged"}


def _is_measuring(run: Path, scenario: str) -> bool:
    """Whether some slots of a scenario are done."""
    told = progress_file.read(run)
    return told is not None and scenario in (told.scenario or "") and told.done > 3


@dataclass(frozen=True)
class Led:
    """A run whose load two workers make, each on a machine of its own."""

    run: subprocess.Popen[str]
    workers: list[subprocess.Popen[str]]

    def ended(self) -> str:
        """What the run said, once it and both workers are over."""
        said, _ = self.run.communicate(timeout=240)
        for worker in self.workers:
            worker.communicate(timeout=60)
        return said


def _lead(machines: Machines, sandbox: Sandbox, seconds: float) -> Led:
    """Start a run, and the workers as it asks for them."""
    scenario = _scenario(STEADY, seconds, "service_p50")
    suite = machines.suite(sandbox.folder, scenario, agent=True)
    place = f"{machines.load.address}:5557"
    options = ("--load-other-machines", "--expect-workers", "2", "--workers-bind", place, "--out", "run")
    of_run = {
        "cwd": sandbox.folder,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "text": True,
    }
    bench = (sys.executable, str(ROOT / "bench.py"))
    run = machines.load.start(
        *bench, "run", suite, *options, env=_environment(sandbox, SECRET, machines.redis_url), **of_run
    )
    workers = [
        host.start(*bench, "remote", "worker", place, env=_environment(sandbox, SECRET, None), **of_run)
        for host in machines.workers
    ]
    return Led(run, workers)


def test_two_load_hosts_drive_the_twins_on_a_third(machines: Machines, sandbox: Sandbox) -> None:
    """Every arrival is accounted for; percentiles are those of both workers' histograms together."""
    led = _lead(machines, sandbox, 4)
    said = led.ended()
    result, plan, recording = kept(sandbox.folder / "run")
    assert recording.complete, said
    assert recording.errors == {}
    due = len(arrival_offsets(plan.rate, plan.slot_ns, "constant", plan.seed))
    for slot in range(len(plan.order)):
        rows = [row for row in recording.slots if row.slot == slot]
        assert [row.process for row in rows] == [0, 1]
        assert sum(row.scheduled for row in rows) == due
        assert sum(row.requests + row.dropped for row in rows) == due
    for arm in PORTS:
        own = [target.instance for target in plan.targets if target.arm == arm]
        assert _value(result, arm, "response_p99").points == [
            added([row for row in recording.slots if row.instance == one]).get_value_at_percentile(99) / 1e3
            for one in own
        ]
    assert (_exact(result, "cookie", "store_ops"), _exact(result, "token", "store_ops")) == (1, 0)
    assert min(_value(result, arm, "server_cpu").value for arm in PORTS) > 0
    assert len(result.environment.workers) == len(machines.workers)


def test_a_load_host_that_dies_makes_a_run_invalid(machines: Machines, sandbox: Sandbox) -> None:
    """Its worker killed half-way: 12, and what both had measured until then is kept, without a verdict."""
    led = _lead(machines, sandbox, 60)
    sandbox.until(led.run, lambda: _is_measuring(sandbox.folder / "run", "steady"))
    for worker in psutil.Process(led.workers[0].pid).children():
        worker.kill()
    said = led.ended()
    assert led.run.returncode == 12, said
    result, plan, recording = kept(sandbox.folder / "run")
    assert result.run.exit_code == 12
    slots = {row.slot for row in recording.slots}
    assert 0 < len(slots) < len(plan.order)
    assert all({row.process for row in recording.slots if row.slot == one} == {0, 1} for one in slots)
    assert any(check.check == "final report" and check.status == "invalid" for check in result.validity)
    assert {row.verdict for row in result.comparisons} <= {"not judged"}

"""The whole instrument from the outside: one smoke run, and what can be done with its result."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis

from harness.report import cleanup
from harness.results.metrics import METRICS
from servers.embedded_store import embedded_store
from tests import forks

ROOT = Path(__file__).resolve().parents[2]
ARMS = ["anonymous", "token", "cookie"]
ALWAYS = {
    *("throughput", "service_p50", "service_p90", "service_p99", "service_p999"),
    *("server_cpu", "store_cpu", "total_cpu", "request_bytes", "response_bytes", "store_ops", "error_rate"),
    *("server_rss", "store_memory", "store_rtt", "load_cpu"),
}
OPEN_LOOP = {
    *("response_p50", "response_p90", "response_p99", "response_p999"),
    *("late_arrivals", "dropped_arrivals", "lag_p99"),
}


def bench(*arguments: str, cwd: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run bench.py as a user does, from another folder."""
    return subprocess.run(
        [sys.executable, str(ROOT / "bench.py"), *arguments],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def ask(*arguments: str, cwd: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run bench.py as `bench` does, for what measures nothing: it begins sooner."""
    return forks.run("bench", arguments, folder=cwd, environment=os.environ | environment, patience_s=110)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one run of the suite `smoke`."""
    folder = tmp_path_factory.mktemp("smoke")
    done = bench("run", "smoke", "--out", "run", "--seed", "7", cwd=folder)
    # 12 is this machine's noise, not this code's: a starved or stolen machine makes a short run invalid.
    assert done.returncode in (0, 12), done.stdout + done.stderr
    return folder / "run"


@pytest.fixture(scope="module")
def result(smoke: Path) -> dict[str, Any]:
    """Its result file, as any program reads it."""
    return dict(json.loads((smoke / "result.json").read_text()))


def _free_ports(count: int) -> int:
    """The first of some neighbouring ports that are free now."""
    with contextlib.ExitStack() as stack:
        while True:
            first = stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                for port in range(first + 1, first + count):
                    stack.enter_context(socket.create_server(("127.0.0.1", port)))
                return int(first)


def rows(result: dict[str, Any], **wanted: str) -> list[dict[str, Any]]:
    """The measurements with these fields."""
    return [r for r in result["measurements"] if wanted.items() <= r.items()]


def test_every_arm_has_every_metric_that_applies(result: dict[str, Any]) -> None:
    """Closed loop has no schedule; everything else is there for all arms."""
    for scenario, expected in {"saturation": ALWAYS, "steady": ALWAYS | OPEN_LOOP}.items():
        for arm in ARMS:
            found = {row["metric"] for row in rows(result, scenario=scenario, arm=arm)}
            assert found == expected, (scenario, arm)


def test_units_and_instances(result: dict[str, Any]) -> None:
    """Each row has the unit of its metric and as many points as instances."""
    for row in result["measurements"]:
        assert row["unit"] == METRICS[row["metric"]].unit
        assert len(row["points"]) == row["instances"]


def test_a_session_read_costs_one_store_command_and_a_token_none(result: dict[str, Any]) -> None:
    """What CONTRACT promises, counted by the store itself in the measured slots."""
    for scenario in ("saturation", "steady"):
        operations = {r["arm"]: r["value"] for r in rows(result, scenario=scenario, metric="store_ops")}
        assert operations == {"anonymous": 0, "token": 0, "cookie": 1}


def test_no_answer_was_wrong(result: dict[str, Any]) -> None:
    """Every answer is checked for status and identity; none failed, in or between slots."""
    assert all(row["value"] == 0 for row in rows(result, metric="error_rate"))
    assert {c["status"] for c in result["validity"] if c["check"] == "answers"} == {"ok"}


def test_store_cpu_is_the_sessions_alone(result: dict[str, Any]) -> None:
    """Server and store add up to the total; only sessions cost the store anything."""
    for row in rows(result, metric="store_cpu"):
        assert (row["value"] > 0) == (row["arm"] == "cookie")
    for arm in ARMS:
        server, store, total = (
            rows(result, scenario="saturation", arm=arm, metric=metric)[0]["points"]
            for metric in ("server_cpu", "store_cpu", "total_cpu")
        )
        assert [a + b for a, b in zip(server, store, strict=True)] == pytest.approx(total)


def test_comparisons_have_one_primary_metric_a_scenario(result: dict[str, Any]) -> None:
    """Only the primary metric is judged; all pairs of arms are there, later over earlier."""
    for scenario, primary in {"saturation": "total_cpu", "steady": "service_p50"}.items():
        here = [row for row in result["comparisons"] if row["scenario"] == scenario]
        assert {row["metric"] for row in here if row["primary"]} == {primary}
        assert [(r["base"], r["arm"]) for r in here if r["primary"]] == [
            ("anonymous", "token"),
            ("anonymous", "cookie"),
            ("token", "cookie"),
        ]
        assert {row["verdict"] for row in here if not row["primary"]} == {"not judged"}


def test_the_environment_is_written_down(result: dict[str, Any]) -> None:
    """Versions, store, code digest and seed: what one needs to run it again."""
    environment = result["environment"]
    assert environment["packages"]["pyjwt"]
    assert environment["store"]["source"] == "embedded"
    assert len(environment["servers"]["digest"]) == 64
    assert result["run"]["seed"] == 7
    assert [row["scenario"] for row in result["run"]["slots"]] == ["saturation", "steady"]
    assert {"other load", "versions"} <= {finding["check"] for finding in environment["findings"]}
    assert {"a/a", "load generator", "final report", "stolen cpu"} & {c["check"] for c in result["validity"]}
    assert environment["schemes"]["cookie"] == {
        "title": "Redis session behind a cookie",
        "transport": "cookie",
        "store": "every request",
        "database": "logins and writes",
        "place": "",
    }
    assert list(environment["schemes"]) == ["anonymous", "token", "cookie"]


def test_charts_and_recordings_lie_beside_the_result(smoke: Path) -> None:
    """At least four figures, each as PNG and SVG; raw histograms of both scenarios; no half-written file.

    And the report of it, as a page and as Markdown.
    """
    names = {path.name for path in smoke.iterdir()}
    figures = {name.removesuffix(".png") for name in names if name.endswith(".png")}
    assert len(figures) >= 4
    assert {f"{figure}.svg" for figure in figures} <= names
    assert {"report.html", "report.md"} <= names
    assert {"recording-1-saturation.jsonl.gz", "recording-2-steady.jsonl.gz"} <= names
    assert not [name for name in names if name.startswith(".")]


@pytest.mark.slow
def test_plot_draws_the_same_charts_again(smoke: Path, tmp_path: Path) -> None:
    """From the result file alone, elsewhere."""
    copy = tmp_path / "result.json"
    copy.write_bytes((smoke / "result.json").read_bytes())
    done = ask("report", "--charts-only", str(copy), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cost.png").read_bytes() == (smoke / "cost.png").read_bytes()


def test_report_writes_the_same_page_again(smoke: Path, tmp_path: Path) -> None:
    """From the result file alone, elsewhere, in another process."""
    copy = tmp_path / "result.json"
    copy.write_bytes((smoke / "result.json").read_bytes())
    done = ask("report", str(copy), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names = ("report.md", "report.html", "cost.png")
    assert {str(tmp_path / name) for name in names} <= set(done.stdout.split())
    for name in names:
        assert (tmp_path / name).read_bytes() == (smoke / name).read_bytes()


def test_list_names_the_run(smoke: Path) -> None:
    """People and programs find it."""
    done = ask("list", "--results", str(smoke.parent), "--json", cwd=smoke)
    assert [Path(row["folder"]).name for row in json.loads(done.stdout)["runs"]] == ["run"]


def test_list_names_what_there_is(tmp_path: Path) -> None:
    """Each list by itself, for people and for programs; what there is none of says how to get one."""
    done = bench("list", "schemes", "scenarios", "claims", "suites", "runs", "--json", cwd=tmp_path)
    there = json.loads(done.stdout)
    names = {
        "schemes": {row["name"] for row in there["schemes"]},
        "scenarios": {row["name"] for row in there["scenarios"]},
        "suites": set(there["suites"]),
    }
    assert len(names["schemes"]) >= 15
    assert names["schemes"] >= {"anonymous", "cookie", "token", "opaque-bearer"}
    assert names["scenarios"] >= {"saturation", "steady", "revocation"}
    assert "quick" in names["suites"]
    assert {row["number"] for row in there["claims"]} >= {2, 3, 18, 26}
    assert there["runs"] == []
    for what, known in names.items():
        said = ask("list", what, cwd=tmp_path).stdout
        assert known <= {line.split()[0] for line in said.splitlines()}, what
    empty = "  none in results yet; create one with bench.py run quick\n"
    assert ask("list", cwd=tmp_path).stdout.endswith(empty)
    refused = ask("list", "planets", cwd=tmp_path)
    assert refused.returncode == 2
    assert "'planets'" in refused.stderr


def test_clean_knows_every_file_of_a_run(smoke: Path) -> None:
    """A kind of file that a run writes anew must be named in report/cleanup.py, or it would stay."""
    [found] = cleanup.find(smoke.parent, Path("/nonexistent"))
    assert found.folder == smoke
    assert found.others == ()


def test_a_result_is_never_overwritten(smoke: Path) -> None:
    """A second run into the same folder is refused before anything starts."""
    before = (smoke / "result.json").read_bytes()
    done = ask("run", "smoke", "--out", str(smoke), cwd=smoke)
    assert done.returncode == 2
    assert "already holds a result" in done.stderr
    assert (smoke / "result.json").read_bytes() == before


def test_dry_run_starts_nothing(tmp_path: Path) -> None:
    """It tells the plan, time and disk, and writes nothing."""
    done = ask("run", "quick", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "time: about" in done.stdout
    assert "disk: about" in done.stdout
    assert "{" not in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "nonsense"], "no such suite"),
        (["run", "bad.toml"], "scenarios[0].load"),
        (["run", "smoke", "--loop", "trio"], "--loop"),
        (["report", "--charts-only", "nothing"], "no such result"),
        (["report", "nothing"], "no such result"),
        (["serve", "--port", "99999"], "--port"),
        (["run", "--nonsense"], "nonsense"),
    ],
)
def test_a_wrong_request_ends_with_2_and_says_why(tmp_path: Path, arguments: list[str], words: str) -> None:
    """Usage and suites: exit code 2, the file or option, and what was expected."""
    (tmp_path / "bad.toml").write_text(
        'title = "x"\narms = ["token"]\n'
        '[[scenarios]]\nname = "steady"\nseconds = 1\nload = { model = "open" }\n'
    )
    done = ask(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_no_store_ends_with_3(tmp_path: Path) -> None:
    """A URL where nothing listens: one sentence, exit code 3, the password nowhere."""
    url = "redis://:s3cret-word@127.0.0.1:1/0"
    done = ask("run", "smoke", "--out", "run", "--redis-url", url, cwd=tmp_path)
    assert done.returncode == 3
    assert "no answer from the store" in done.stderr
    assert "s3cret-word" not in done.stdout + done.stderr


def test_a_url_that_is_none_ends_with_2(tmp_path: Path) -> None:
    """No store can be started there: the user mistyped."""
    done = ask("run", "smoke", "--out", "run", "--redis-url", "localhost:6379", cwd=tmp_path)
    assert done.returncode == 2
    assert "--redis-url: " in done.stderr
    assert "redis://" in done.stderr


@pytest.mark.slow
def test_a_store_of_ones_own_keeps_its_other_keys(tmp_path: Path) -> None:
    """Only keys with the run's own prefix are written, and they are gone afterwards."""
    with embedded_store() as url, redis.Redis.from_url(url) as store:
        store.set("mine", "untouched")
        done = bench("run", "smoke", "--out", "run", cwd=tmp_path, REDIS_URL=url)
        assert done.returncode in (0, 12), done.stdout + done.stderr
        assert store.keys() == [b"mine"]
    source = json.loads((tmp_path / "run" / "result.json").read_text())["environment"]["store"]["source"]
    assert source != "embedded"


def test_serve_prints_lines_that_work(tmp_path: Path) -> None:
    """The curl lines of both twins log in and read."""
    first = _free_ports(2)
    running = subprocess.Popen(
        [sys.executable, str(ROOT / "bench.py"), "serve", "--port", str(first)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert running.stdout is not None
    said = ""
    for line in running.stdout:
        said += line
        if line.startswith("Ctrl-C"):
            break
    running.send_signal(signal.SIGINT)
    rest, _ = running.communicate(timeout=60)
    assert running.returncode == 130, said + rest
    assert f"http://127.0.0.1:{first}" in said
    assert f"http://127.0.0.1:{first + 1}" in said
    assert said.count("john.doe") >= 2


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="nothing is pinned there")
def test_a_busy_process_on_the_rigs_cpus_is_named(tmp_path: Path) -> None:
    """One that spins on each CPU: the run says that it waited for them, and has no verdict."""
    cpus = sorted(os.sched_getaffinity(0))
    spin = "import os, sys; os.sched_setaffinity(0, [int(sys.argv[1])])\nwhile True: pass"
    busy = [subprocess.Popen([sys.executable, "-c", spin, str(cpu)]) for cpu in cpus]
    try:
        done = bench("run", "smoke", "--out", "run", cwd=tmp_path)
    finally:
        for one in busy:
            one.kill()
            one.wait()
    assert done.returncode == 12, done.stdout + done.stderr
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    named = [one for one in result["validity"] if one["check"] == "busy cpu" and one["status"] == "invalid"]
    assert named
    assert "end other programs" in named[0]["detail"]
    assert {row["verdict"] for row in result["comparisons"]} == {"not judged"}

"""`bench.py view` from the outside: who gets an answer, to what, and what every answer forbids."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from harness.report.viewer.live import MOST
from harness.report.viewer.pages import MOST_DRAWN
from tests import viewing
from tests.sandbox import Sandbox
from tests.viewing import Viewer, put, put_comparison, stored

PNG = b"\x89PNG\r\n\x1a\n"
SECRET = "nobody may read this"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some runs, and much beside them that is none of a viewer's business."""
    top = tmp_path_factory.mktemp("view")
    results = top / "results"
    run = put(results / "20261101-quick", started_at="2026-11-01T08:00:00+00:00")
    put(results / "published" / "older", suite="standard", started_at="2026-03-01T08:00:00Z", cpu="Other CPU")
    names = (
        "cost.png",
        "recording-1-steady.jsonl.gz",
        "notes.txt",
        ".hidden.png",
        "report.html",
        "report.md",
    )
    for name in names:
        (run / name).write_bytes(PNG + name.encode())
    for name in ("compare-20261102-080000", "compare-20261103-080000", "compare-no-page", "compare-linked"):
        put_comparison(results / name, "before", "after <&")
    (results / "compare-no-page" / "report.html").unlink()
    (results / "compare-linked" / "report.html").unlink()
    (results / "compare-linked" / "report.html").symlink_to(top / "secret.png")
    (results / "no-run").mkdir()
    (results / "no-run" / "cost.png").write_bytes(PNG)
    (results / ".git").mkdir()
    (results / ".git" / "result.json").write_text(SECRET)
    (top / "secret.png").write_text(SECRET)
    put(top / "elsewhere", suite="elsewhere")
    (results / "linked").symlink_to(top / "elsewhere")
    (results / "with-links").mkdir()
    (results / "with-links" / "result.json").symlink_to(top / "elsewhere" / "result.json")
    for name in ("secret.png", "report.html"):
        (run / name.replace("report", "another-report")).symlink_to(top / "secret.png")
    return results


@pytest.fixture(scope="module")
def viewer(results: Path) -> Iterator[Viewer]:
    """A viewer of them."""
    with viewing.viewing(results) as running:
        yield running


def test_it_lists_the_newest_first(viewer: Viewer) -> None:
    """Those that are published too; with suite, arms, machine, how it ended, and its answer."""
    page = viewer.get("/").body
    assert page.index(">20261101-quick<") < page.index(">older<")
    assert "2 results" in page
    for words in (
        "anonymous, token, cookie",
        "Other CPU, 2 cores",
        "valid",
        "token beats cookie in both comparisons",
    ):
        assert words in page, words


@pytest.mark.parametrize("host", ["localhost:{}", "127.0.0.1:{}", "[::1]:{}", "LocalHost:{}"])
def test_its_own_names_are_answered(viewer: Viewer, host: str) -> None:
    """Whatever a reader writes for this machine."""
    assert viewer.get("/", host=host.format(viewer.port)).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:{}",
        "evil.example",
        "localhost",
        "localhost:1",
        "localhost:{}.evil.example",
        "",
        "0.0.0.0:{}",
    ],
)
def test_no_other_name_is_answered(viewer: Viewer, host: str) -> None:
    """A page that bound its name to 127.0.0.1 sends that name (DNS rebinding)."""
    answer = viewer.get("/", host=host.format(viewer.port))
    assert answer.status == 421
    assert "quick" not in answer.body


def test_two_names_or_none_are_not_answered(viewer: Viewer) -> None:
    """Neither is a request of a browser."""
    own = f"Host: localhost:{viewer.port}"
    assert viewer.send("GET / HTTP/1.1").status in (400, 421)
    assert viewer.send("GET / HTTP/1.1", own, "Host: evil.example").status in (400, 421)
    assert viewer.send("GET / HTTP/1.0").status in (400, 421)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("target", ["/", "/live", "/runs/20261101-quick/result.json", "/nothing"])
def test_nothing_but_reading(viewer: Viewer, results: Path, method: str, target: str) -> None:
    """Whatever the target is; and nothing changes."""
    answer = viewer.get(target, method=method)
    assert answer.status == 405
    assert answer.headers["allow"] == "GET,HEAD"
    assert (results / "20261101-quick" / "result.json").exists()


@pytest.mark.parametrize(
    "target", ["/", "/trends", "/live", "/runs/20261101-quick/cost.png", "/own/view.css"]
)
def test_head_has_no_body(viewer: Viewer, target: str) -> None:
    """Only what a GET would say of it."""
    answer = viewer.get(target, method="HEAD")
    assert (answer.status, answer.body) == (200, "")


@pytest.mark.parametrize(
    "headers",
    [
        ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"),
        ("Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"),
        ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"),
    ],
    ids=["embedded", "fetched from another port", "framed"],
)
def test_other_pages_get_nothing(viewer: Viewer, headers: tuple[str, ...]) -> None:
    """Neither to read nor to keep it busy."""
    for target in ("/", "/live", "/trends", "/runs/20261101-quick/cost.png"):
        answer = viewer.get(target, "Origin: http://localhost:1", *headers)
        assert answer.status == 403
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_link_from_another_page_works(viewer: Viewer) -> None:
    """Whoever follows it, reads it himself."""
    headers = ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
    assert viewer.get("/", *headers).status == 200


@pytest.mark.parametrize(
    ("target", "host", "method", "status"),
    [
        ("/", None, "GET", 200),
        ("/trends", None, "GET", 200),
        ("/runs/20261101-quick/", None, "GET", 200),
        ("/runs/20261101-quick/result.json", None, "GET", 200),
        ("/nothing", None, "GET", 404),
        ("/", None, "POST", 405),
        ("/", "evil.example", "GET", 421),
    ],
)
def test_every_answer_forbids(
    viewer: Viewer, target: str, host: str | None, method: str, status: int
) -> None:
    """Scripts of others, being framed, guessing of types, leaving addresses behind, being embedded."""
    answer = viewer.get(target, host=host, method=method)
    assert answer.status == status
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    expected = {
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-store",
    }
    assert expected.items() <= answer.headers.items()
    assert "server" not in answer.headers


RUN = "/runs/20261101-quick"


@pytest.mark.parametrize(
    "target",
    [
        "/runs/../secret.png",
        "/runs/20261101-quick/../../secret.png",
        "/runs/%2e%2e/secret.png",
        "/runs/%2E%2E/secret.png",
        "/runs/.%2e/secret.png",
        "/runs/20261101-quick/%2e%2e/%2e%2e/secret.png",
        "/runs/20261101-quick%2f..%2f..%2fsecret.png",
        "/runs/20261101-quick/..%2f..%2fsecret.png",
        "/runs/20261101-quick%2fcost.png",
        "/runs/20261101-quick%2Fcost.png",
        "/runs/20261101-quick%252fcost.png",
        "/runs/20261101-quick\\cost.png",
        "/runs/20261101-quick%5ccost.png",
        "/runs/20261101-quick/cost.png%00",
        "/runs/20261101-quick/cost.png%00.html",
        "/runs/20261101-quick/%00",
        "/runs/20261101-quick/./cost.png",
        "/runs//20261101-quick/cost.png",
        "/runs/20261101-quick//cost.png",
        "//runs/20261101-quick/cost.png",
        "/runs//etc/passwd",
        "/runs/%2fetc%2fpasswd",
        "/runs/file:%2f%2f%2fetc/passwd",
        "/runs/%ff%fe/cost.png",
        "/runs/%c0%ae%c0%ae/secret.png",
        "/runs/20261101-quick/cost.png/",
        "/runs/20261101-quick",
        "/runs/",
        "/runs",
        "/results/20261101-quick/cost.png",
        "/own/../server.py",
        "/own/%2e%2e/server.py",
        "/own/..%2fserver.py",
        "/own/",
    ],
)
def test_a_path_that_leads_elsewhere_leads_nowhere(viewer: Viewer, target: str) -> None:
    """As any that is not there; where a browser would have gone the way itself, it is not asked."""
    answer = viewer.get(target)
    assert answer.status == 404
    assert SECRET not in answer.body


def test_a_zero_byte_or_another_servers_address_is_no_request_for_a_file(viewer: Viewer) -> None:
    """A parser refuses the first; the second is answered for its path alone."""
    assert viewer.get("/runs/20261101-quick/cost.png\0").status in (400, 404)
    assert viewer.get("http://evil.example/nothing").status in (400, 404)
    assert viewer.get("*").status in (400, 404)


@pytest.mark.parametrize(
    "target",
    [
        "/runs/linked/",
        "/runs/linked/result.json",
        "/runs/with-links/",
        "/runs/with-links/result.json",
        f"{RUN}/secret.png",
        f"{RUN}/another-report.html",
    ],
)
def test_links_are_not_followed(viewer: Viewer, target: str) -> None:
    """Not to a folder, a result, or a file; nor is what they lead to listed."""
    answer = viewer.get(target)
    assert answer.status == 404
    assert SECRET not in answer.body
    assert "elsewhere" not in viewer.get("/").body


@pytest.mark.parametrize(
    "target", [f"{RUN}/notes.txt", f"{RUN}/.hidden.png", "/runs/no-run/cost.png", "/runs/.git/result.json"]
)
def test_only_files_of_a_run_are_served(viewer: Viewer, target: str) -> None:
    """Not what else lies there, what is hidden, or what lies where no run is."""
    assert viewer.get(target).status == 404


@pytest.mark.parametrize(
    ("name", "content_type", "policy"),
    [
        ("result.json", "application/json", "sandbox;"),
        ("cost.png", "image/png", "sandbox;"),
        ("report.md", "text/plain; charset=utf-8", "sandbox;"),
        ("recording-1-steady.jsonl.gz", "application/gzip", "sandbox;"),
        ("report.html", "text/html; charset=utf-8", "sandbox allow-scripts;"),
    ],
)
def test_each_file_is_what_it_is(viewer: Viewer, name: str, content_type: str, policy: str) -> None:
    """Its type is told, and no browser takes it for a page of this server's."""
    answer = viewer.get(f"{RUN}/{name}")
    assert (answer.status, answer.headers["content-type"]) == (200, content_type)
    assert answer.headers["content-security-policy"].startswith(policy)
    assert "content-encoding" not in answer.headers
    is_download = "attachment" in answer.headers.get("content-disposition", "")
    assert is_download == name.startswith("recording")


def test_a_run_leads_to_its_report_and_else_to_its_page(viewer: Viewer) -> None:
    """The report first, charts and files beside it."""
    page = viewer.get("/").body
    assert f'href="{RUN}/report.html"' in page
    assert f'href="{RUN}/"' in page
    assert 'href="/runs/published/older/"' in page


def test_comparisons_are_listed_and_shown(viewer: Viewer) -> None:
    """By the page alone that sets results side by side; what only looks like one is none."""
    page = viewer.get("/").body
    assert re.findall(r'<li><a href="([^"]*)">(.*)</a> <span class="minor">(.*)</span>', page) == [
        (
            f"/runs/compare-{day}-080000/report.html",
            "before (base), after &lt;&amp;",
            "suite quick; saturation (closed, 8 users); steady (open, 2000/s constant)",
        )
        for day in (20261103, 20261102)
    ]
    answer = viewer.get("/runs/compare-20261102-080000/report.html")
    assert (answer.status, answer.body) == (200, "side by side")
    assert answer.headers["content-security-policy"].startswith("sandbox allow-scripts;")
    assert viewer.get("/runs/compare-20261102-080000/comparison.json").status == 200
    for target in ("compare-linked/report.html", "compare-20261102-080000/"):
        assert viewer.get(f"/runs/{target}").status == 404


def test_the_page_of_a_run_has_its_tables_sentences_and_figures(viewer: Viewer) -> None:
    """Made from the result; figures are those that lie there."""
    page = viewer.get(f"{RUN}/").body
    words = ("saturation (closed, 8 users)", "verdict slower", "validity checks passed", "bench.py run quick")
    for text in words:
        assert text in page, text
    assert f'<img class="figure" src="{RUN}/cost.png"' in page
    assert "bench.py report --charts-only" in viewer.get("/runs/published/older/").body


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"20261101-quick", "older"}),
        ("?suite=quick", {"20261101-quick"}),
        ("?arm=cookie", {"20261101-quick", "older"}),
        ("?arm=", {"20261101-quick", "older"}),
        ("?machine=Other+CPU%2C+2+cores", {"older"}),
        ("?suite=standard&arm=token&machine=Other+CPU%2C+2+cores", {"older"}),
        ("?suite=quick&machine=Other+CPU%2C+2+cores", set()),
        ("?suite=none", set()),
        ("?unknown=1", {"20261101-quick", "older"}),
    ],
)
def test_filters_join(viewer: Viewer, query: str, shown: set[str]) -> None:
    """Suite, arm and machine; each may be left out, and what is not known is nothing."""
    page = viewer.get(f"/{query}").body
    assert set(re.findall(r'scope="row"><a href="[^"]*">([^<]*)<', page)) == shown


def test_what_was_chosen_stays_chosen(viewer: Viewer) -> None:
    """In the form and in the way to the trends, even where nothing is like that."""
    page = viewer.get("/?suite=standard&arm=no+such").body
    assert re.findall(r"<option selected>(.*?)</option>", page) == ["standard", "no such"]
    assert 'href="/trends?suite=standard&amp;arm=no+such"' in page
    assert "No result matches" in page


def test_trends_say_what_is_comparable(viewer: Viewer) -> None:
    """Two machines: their times are not set side by side, their ratios are."""
    page = viewer.get("/trends").body
    assert "These results are of 2 machines" in page
    assert "older: times measured under other conditions (CPU)" in page
    assert "Ratios between schemes: at least 6 runs are needed" in page
    assert "Throughput" not in page
    assert "a history needs two valid results" in viewer.get("/trends?suite=quick").body


def test_trends_of_very_many_are_those_of_the_newest(sandbox: Sandbox, tmp_path: Path) -> None:
    """And the page says so; the list has all."""
    for number in range(MOST_DRAWN + 20):
        put(
            tmp_path / "results" / f"run-{number}",
            started_at=f"2026-01-01T{number // 60:02}:{number % 60:02}:00Z",
        )
    viewer = viewing.start(sandbox, tmp_path / "results")
    page = viewer.get("/trends").body
    assert f"newest {MOST_DRAWN} of {MOST_DRAWN + 20} results" in page
    assert "run-20:" in page
    assert "run-19:" not in page
    assert f"{MOST_DRAWN + 20} results" in viewer.get("/").body
    viewing.stop(viewer)


def test_what_cannot_be_read_is_named(sandbox: Sandbox, tmp_path: Path) -> None:
    """Cut off, foreign, of another version: each with its reason; the rest is shown."""
    results = tmp_path / "results"
    put(results / "good")
    contents = {
        "cut-off": '{"schema_version": 1, "run": {',
        "deep": "[" * 100_000,
        "empty": "",
        "foreign": '{"<b>name</b>": 1}',
        "list": "[1]",
        "newer": '{"schema_version": 2}',
    }
    for name, text in contents.items():
        (results / name).mkdir()
        (results / name / "result.json").write_text(text)
    (results / "folder" / "result.json").mkdir(parents=True)
    foreign = put_comparison(results / "compared", "one", "two") / "comparison.json"
    foreign.write_text('{"schema_version": 1}')
    for name in ("result.json", "progress.json"):  # nobody writes into these
        (results / "pipes" / name).parent.mkdir(exist_ok=True)
        os.mkfifo(results / "pipes" / name)
    contents["pipes"] = ""
    latin = Path(os.fsdecode(os.fsencode(results) + b"/caf\xe9"))
    (put(latin) / "progress.json").write_text("{}")
    put(latin / "below")
    (results / "good" / os.fsdecode(b"caf\xe9.png")).write_bytes(PNG)
    viewer = viewing.start(sandbox, results)
    page = viewer.get("/")
    assert (page.status, page.body.count('class="when"')) == (200, 1)
    assert f"{len(contents) + 3} files skipped" in page.body
    assert "<code>compared/comparison.json</code>: not a comparison: confidence: Field required" in page.body
    for place in (r"caf\udce9", r"caf\udce9/below"):
        assert f"<code>{place}/result.json</code>: the name of its folder is not UTF-8" in page.body
    assert viewer.get("/runs/caf%e9/").status == 404
    assert viewer.get("/runs/good/").status == 200
    for name in contents:
        assert f"<code>{name}/result.json</code>" in page.body
        assert viewer.get(f"/runs/{name}/").status == 404
    assert "schema version 2; this tool reads 1" in page.body
    viewing.stop(viewer)


def test_figures_without_end_break_no_page_but_their_own(sandbox: Sandbox, tmp_path: Path) -> None:
    """JSON has no infinity, but numbers that are too large to be any other."""
    text = re.sub(r'("(?:value|ratio)": )[0-9.]+', r"\g<1>1e999", viewing.STORED.read_text())
    put(tmp_path / "results" / "good")
    put(tmp_path / "results" / "endless", json.loads(viewing.STORED.read_text()))
    (tmp_path / "results" / "endless" / "result.json").write_text(text)
    viewer = viewing.start(sandbox, tmp_path / "results")
    assert viewer.get("/").body.count('class="when"') == 2
    assert viewer.get("/trends").status == 200
    assert viewer.get("/runs/endless/").status == 404
    assert viewer.get("/runs/good/").status == 200
    viewing.stop(viewer)


HOSTILE = '"><script>alert(1)</script>'


def test_hostile_names_are_text(sandbox: Sandbox, tmp_path: Path) -> None:
    """A suite, an arm, a folder, a command and a check of a stranger's result: nothing of it is markup."""
    results = tmp_path / "results"
    text = viewing.STORED.read_text().replace('"cookie"', '"<img src=x>"')
    (results / "a<b>&'c%").mkdir(parents=True)
    (results / "a<b>&'c%" / "result.json").write_text(text)
    result = stored(suite=HOSTILE, id=HOSTILE, command=[HOSTILE], started_at=HOSTILE, cpu=HOSTILE)
    result["validity"].append({"check": HOSTILE, "status": "warning", "detail": HOSTILE})
    put(results / "other", result)
    viewer = viewing.start(sandbox, results)
    pages = [viewer.get("/"), viewer.get("/trends"), viewer.get("/runs/other/")]
    linked = re.findall(r'href="(/runs/a[^"]*)"', pages[0].body)
    assert linked
    pages += [viewer.get(linked[0])]
    for page in pages:
        assert page.status == 200
        assert "<script>" not in page.body
        assert "<img src=x" not in page.body
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in pages[0].body
    viewing.stop(viewer)


def test_so_many_may_listen(viewer: Viewer) -> None:
    """One more is told to come later; when others have gone there is room again."""
    with ExitStack() as stack:
        for _ in range(MOST):
            assert stack.enter_context(viewer.listening()).status() == 200
        refused = viewer.get("/live")
        assert (refused.status, refused.headers["retry-after"]) == (503, "10")
        assert viewer.get("/").status == 200
    deadline = time.monotonic() + 60
    while viewer.get("/live", method="HEAD").status != 200:  # the last has just hung up
        assert time.monotonic() < deadline
    with viewer.listening() as again:
        assert again.status() == 200


def test_it_does_nothing_while_nobody_looks(viewer: Viewer) -> None:
    """It wakes for those who ask, and for no clock."""
    process = psutil.Process(viewer.process.pid)
    assert viewer.get("/").status == 200
    time.sleep(1)
    before = process.num_ctx_switches().voluntary
    time.sleep(3)
    assert process.num_ctx_switches().voluntary - before <= 2


def test_it_listens_on_loopback_alone(viewer: Viewer) -> None:
    """One address, 127.0.0.1."""
    found = psutil.Process(viewer.process.pid).net_connections(kind="inet")
    assert {one.laddr.ip for one in found if one.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


def test_ctrl_c_ends_it_though_pages_listen(sandbox: Sandbox, tmp_path: Path) -> None:
    """With 130, as every command, and not a word more: nothing was broken off."""
    viewer = viewing.start(sandbox, tmp_path)
    with viewer.listening() as page:
        assert page.status() == 200
        assert page.event() == []
        said = viewing.stop(viewer)
    assert said.removeprefix("Press Ctrl-C to stop.\n") == "exit code 130\n"


def test_a_taken_port_is_named(sandbox: Sandbox, tmp_path: Path) -> None:
    """With what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = sandbox.ask("view", "--results", str(tmp_path), "--port", str(port))
    assert done.returncode == 3
    assert f"port {port} is taken" in done.stderr
    assert "--port" in done.stderr


def test_a_folder_that_is_not_there_is_wrong_usage(sandbox: Sandbox) -> None:
    """Rather an error than an empty page for ever."""
    done = sandbox.ask("view", "--results", "nowhere", "--port", "0")
    assert done.returncode == 2
    assert "nowhere: no such folder" in done.stderr


def test_it_opens_a_browser_where_asked(sandbox: Sandbox, tmp_path: Path) -> None:
    """The one that BROWSER names, at the right address."""
    script, told = tmp_path / "browser", tmp_path / "told"
    script.write_text(f'#!/bin/sh\necho "$1" > {told}\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    viewer = viewing.start(sandbox, tmp_path, "--open", BROWSER=str(script))
    sandbox.until(viewer.process, lambda: told.exists() and told.read_text().endswith("\n"))
    assert told.read_text().strip() == f"{viewer.url}/"
    viewing.stop(viewer)

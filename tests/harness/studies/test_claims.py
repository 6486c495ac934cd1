"""Claims and the list of answers to them: what is there, what is kept, and that an experiment can say no."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from harness.errors import SuiteError
from harness.report.charts.parts.draw import Picture
from harness.results import archive
from harness.results.claims import ClaimAnswer, ClaimFigure, Outcome
from harness.results.environment import Git
from harness.results.model import Check, Result
from harness.studies import lab
from harness.studies.claims import families, page
from harness.studies.claims import run as command
from harness.studies.claims.answers import FILE, Answers, answer_of
from harness.studies.claims.claim import decided, find_claims
from harness.studies.claims.families import clients, keys, refreshing, revocation
from harness.studies.lab import Lab, LabSetting
from tests.harness.sweeps import Sweeps

HERE = LabSetting(servers="abc", cpu="A", cores=2, python="CPython 3")
GIT = Git(revision="0" * 40, dirty=False)


def answer(number: int = 9, **more: Any) -> ClaimAnswer:
    """An answer to a claim that there is."""
    [claim] = find_claims([number])
    figures = [
        ClaimFigure(name="token", value=20, unit="of 20 reads"),
        ClaimFigure(name="ratio", value=1.25, ci=(1.2, 1.3)),
    ]
    return answer_of(claim, decided(True, "it was seen", figures)).model_copy(update=more)


def test_every_claim_says_all_that_a_reader_needs() -> None:
    """And how it is tried."""
    found = find_claims([])
    assert len(found) >= 16
    for claim in found:
        assert claim.says
        assert claim.by
        assert claim.experiment
        assert claim.rule.startswith("supported when")
        assert callable(claim.run)


def test_claims_have_a_number_each() -> None:
    """Two files do not claim one number."""
    import importlib
    import pkgutil

    modules = [
        importlib.import_module(f"harness.studies.claims.families.{found.name}")
        for found in pkgutil.iter_modules(families.__path__)
    ]
    numbers = [claim.number for module in modules for claim in module.CLAIMS]
    assert len(numbers) == len(set(numbers))
    assert [claim.number for claim in find_claims([])] == sorted(numbers)


def test_an_unknown_claim_is_named_with_those_there_are() -> None:
    """As every unknown name is."""
    with pytest.raises(SuiteError, match="no such claim: 99; there are 1, 2, 3, 4"):
        find_claims([9, 99])


def test_answers_are_kept_one_by_one(tmp_path: Path) -> None:
    """On disk after each; a second list goes on with them, and an answer takes an older one's place."""
    first = Answers(tmp_path, HERE, GIT)
    assert not first.has(9)
    first.add(answer(9))
    first.add(answer(3, verdict="not run"))
    second = Answers(tmp_path, HERE, GIT)
    assert second.has(9)
    assert not second.has(3)  # it was not answered
    second.add(answer(9, verdict="refuted"))
    assert [(one.number, one.verdict) for one in Answers(tmp_path, HERE, GIT).all] == [
        (3, "not run"),
        (9, "refuted"),
    ]


def test_answers_of_another_setting_are_not_mixed(tmp_path: Path) -> None:
    """Other servers, another machine: another folder."""
    Answers(tmp_path, HERE, GIT).add(answer())
    for change in ({"servers": "other"}, {"cpu": "B"}, {"cores": 4}, {"python": "CPython 4"}):
        with pytest.raises(SuiteError, match="--out"):
            Answers(tmp_path, HERE.model_copy(update=change), GIT)


def test_answers_of_another_browser_are_not_mixed(tmp_path: Path) -> None:
    """What one version does another need not; what no browser showed goes with either."""
    answers = Answers(tmp_path, HERE, GIT)
    answers.add(answer(3, browser="156.0"))
    answers.add(answer(9))
    answers.add(answer(6, browser="156.0"))
    with pytest.raises(SuiteError, match=r"holds answers from Chromium 156\.0, but this is 157\.0: .*--out"):
        answers.add(answer(6, browser="157.0"))
    assert [one.browser for one in Answers(tmp_path, HERE, GIT).all] == ["156.0", "156.0", ""]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"claims": []}'])
def test_a_list_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    """It is named, and what to do."""
    (tmp_path / FILE).write_text(text)
    with pytest.raises(SuiteError, match=r"claims.json: not a list of answers.*--out"):
        Answers(tmp_path, HERE, GIT)


def test_the_page_has_every_figure() -> None:
    """Counts as they are, measures with their interval."""
    text = page.render([answer(), answer(3, verdict="not run", figures=[], browser="156.0")])
    assert text.count("- browser: Chromium 156.0.") == text.count("- browser: ") == 1
    assert "| 9 | supported | blacklisting is a must-have" in text
    assert "| token | 20 of 20 reads |" in text
    assert "| ratio | 1.25 (1.20 to 1.30) |" in text
    assert "- rule: supported when access continues under all schemes without a lookup" in text
    assert "**not run**" in text


def test_the_page_shows_each_figure_below_its_claims() -> None:
    """By what it shows, for those who do not see it; none under other claims."""
    picture = Picture("revocation.png", "What it costs", (27, 9))
    text = page.render([answer(3), answer(9)], [picture])
    first, second = text.split("## 9. ")
    assert "![" not in first
    assert "![What it costs](revocation.png)" in second


def test_figures_are_drawn_of_what_a_folder_holds(tmp_path: Path) -> None:
    """Of the run that was made for claims, if it was; where matplotlib is missing it is said, and no more."""
    said: list[str] = []
    assert command.draw([], tmp_path, said.append) == []
    (tmp_path / "claims").mkdir()
    archive.save(Sweeps().result(), tmp_path / "claims")
    files = [picture.file for picture in command.draw([], tmp_path, said.append)]
    assert "distance.png" in files
    assert all((tmp_path / file).exists() for file in files)
    assert said == []


def test_without_matplotlib_answers_are_kept_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named."""

    def missing(*_: Any) -> None:
        raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")

    monkeypatch.setattr(command, "draw_claims", missing)
    said: list[str] = []
    assert command.draw([], tmp_path, said.append) == []
    assert "no charts" in said[0]
    assert "matplotlib" in said[0]


def test_the_console_has_every_verdict_in_80_columns() -> None:
    """And the reason below it."""
    out = Console(file=StringIO(), width=80)
    command.print_answers([answer(), answer(3, verdict="not run")], out)
    told = cast(StringIO, out.file).getvalue()
    assert "supported" in told
    assert "it was seen" in told
    assert max(map(len, told.splitlines())) <= 80


@dataclass
class Reply:
    """What a server answered."""

    status: int


@dataclass
class Stubborn:
    """A caller who is always let in, or never, whatever was done before."""

    status: int
    token: str = "e30.eyJlbWFpbCI6ICIiLCAiaWF0IjogMX0.x"  # {} and {"email": "", "iat": 1}
    refresh_token: str = "always the same"
    values_kept: int = 1
    requests: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    answered: int = 0

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: self._reply()

    def thief(self) -> Stubborn:
        """Somebody alike."""
        return self

    def at(self, _: object) -> Stubborn:
        """The same at another server."""
        return self

    def _reply(self) -> Reply:
        return Reply(self.status)


class StubbornLab:
    """A lab whose servers let in everybody, or nobody."""

    secret = "s" * 40

    def __init__(self, status: int) -> None:
        self._status = status
        self.schemes = {"token-refresh": self._scheme("token-refresh")}

    @staticmethod
    def _scheme(name: str) -> Any:
        from harness.suites.arms import SchemeEntry

        return SchemeEntry(name, "", "/", "bearer", "none", lifetime_s=300)

    def authenticating(self) -> list[Any]:
        """One that asks nothing of the store."""
        return [self._scheme("token")]

    def logged_in(self, *_: Any, **__: Any) -> Any:
        """Somebody."""
        return Stubborn(self._status)

    caller = admin = logged_in

    def account(self) -> str:
        """Any."""
        return "load-0"

    def store_commands(self) -> int:
        """None."""
        return 0


@pytest.mark.parametrize(
    ("run", "status"),
    [
        (revocation.replay, 401),  # refused without asking the store
        (revocation.block, 200),  # a blocked account logs in again
        (revocation.password, 401),
        (revocation.cutoff, 200),  # the old token is let in
        (revocation.cutoff, 401),  # the new one is not
        (keys.elsewhere, 200),  # the checking server issues tokens
        (keys.elsewhere, 401),  # it takes none
        (keys.leaked, 200),  # the public key forges
        (keys.leaked, 401),  # the secret does not
        (keys.rotation, 200),  # nobody is out without an overlap
        (keys.rotation, 401),
        (refreshing.rights, 200),  # the refreshed token says the same as before
        (refreshing.rotation, 200),  # a replay is accepted
        (refreshing.rotation, 401),
        (clients.mobile, 200),  # both keep as much
        (clients.tests, 401),
    ],
)
def test_an_experiment_can_refute(run: Any, status: int) -> None:
    """Servers that answer otherwise than the claim says are told from those that do."""
    outcome: Outcome = run(cast(Lab, StubbornLab(status)))
    assert outcome.verdict == "refuted"
    assert outcome.because
    assert outcome.figures


def test_a_run_that_came_to_its_end_is_kept(tmp_path: Path) -> None:
    """And is of these servers, or the folder is refused."""
    assert lab.kept(tmp_path / "claims", "any") is None
    result = stored()
    (tmp_path / "claims").mkdir()
    archive.save(result, tmp_path / "claims")
    digest = result.environment.servers["digest"]
    assert lab.kept(tmp_path / "claims", digest) == result
    with pytest.raises(SuiteError, match="with other servers"):
        lab.kept(tmp_path / "claims", f"not {digest}")


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("why", ["stopped", "invalid"])
def test_one_that_must_not_be_believed_is_set_aside(tmp_path: Path, why: str, number: int) -> None:
    """Not reused, and not lost either."""
    wrong = Check(check="errors", status="invalid", detail="12 requests failed")
    result = stored().ended_with(3) if why == "stopped" else stored().model_copy(update={"validity": [wrong]})
    for _ in range(number):
        (tmp_path / "claims").mkdir()
        archive.save(result, tmp_path / "claims")
        assert lab.kept(tmp_path / "claims", result.environment.servers["digest"]) is None
    assert archive.load(tmp_path / f"claims-set-aside-{number}") == result


def stored() -> Result:
    """A whole, valid result."""
    return Result.model_validate_json((Path(__file__).parents[1] / "data" / "result.json").read_text())

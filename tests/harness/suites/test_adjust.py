"""What options change of a suite, and what they may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import SuiteError
from harness.suites.adjust import SuiteChanges
from harness.suites.catalog import load_suite
from harness.suites.model import Suite
from harness.suites.parse import parse

SUITE = """
title = "A suite"
arms = ["anonymous", "token", "cookie", "mine"]
instances = 4
compare = [["token", "cookie"], ["token", "mine"]]

[own.mine]
transport = "bearer"
command = "python app.py {port}"

[[scenarios]]
name = "saturation"
load = { model = "closed", users = 8 }
seconds = 30
budgets = ["token.store_ops <= 0", "cookie.total_cpu <= 2 * token.total_cpu"]

[[scenarios]]
name = "login"
arms = ["token", "cookie"]
load = { model = "closed", users = 4 }
seconds = 20
"""
KNOWN = ("anonymous", "token", "cookie", "token-denylist")


@pytest.fixture
def suite() -> Suite:
    """Return a suite with everything that depends on arms."""
    return parse(SUITE, "a", "a.toml")


def test_without_options_nothing_changes(suite: Suite) -> None:
    """The suite itself is returned."""
    assert SuiteChanges().applied(suite, "a.toml", KNOWN) is suite
    assert SuiteChanges([]).applied(suite, "a.toml", KNOWN) is suite


def test_external_servers_stay_as_they_were_read(tmp_path: Path) -> None:
    """One at an address has no folder in its file, and one by the time it is chosen."""
    own = '[own.mine]\ntransport = "bearer"\naddress = ["http://127.0.0.1:3000"]\n'
    old = SUITE[SUITE.index("[own.mine]") : SUITE.index("[[scenarios]]")]
    (tmp_path / "a.toml").write_text(SUITE.replace(old, own).replace("instances = 4", "instances = 1"))
    suite = load_suite(str(tmp_path / "a.toml"))
    changed = SuiteChanges(["token", "mine"], instances=1, seconds=1).applied(suite, "a.toml", KNOWN)
    assert changed.own == suite.own


def test_numbers_reach_every_scenario(suite: Suite) -> None:
    """Seconds and users of each, instances of the suite; nothing else."""
    changed = SuiteChanges(seconds=5, instances=2, users=16).applied(suite, "a.toml", KNOWN)
    assert changed.instances == 2
    assert [(s.seconds, s.load.users) for s in changed.scenarios] == [(5, 16), (5, 16)]
    before = [s.model_dump(exclude={"seconds", "load"}) for s in suite.scenarios]
    assert [s.model_dump(exclude={"seconds", "load"}) for s in changed.scenarios] == before
    assert (changed.name, changed.arms, changed.compare) == (suite.name, suite.arms, suite.compare)


def test_arms_are_chosen_in_the_order_given(suite: Suite) -> None:
    """With what there is to compare and to judge of them; one arm twice is one arm."""
    changed = SuiteChanges(["cookie", "token", "cookie"]).applied(suite, "a.toml", KNOWN)
    assert changed.arms == ["cookie", "token"]
    assert changed.compare == [["token", "cookie"]]
    assert changed.own == {}
    assert changed.scenarios[0].budgets == suite.scenarios[0].budgets


def test_what_depends_on_other_arms_is_left_out(suite: Suite) -> None:
    """Pairs, budgets, and scenarios in which none of the chosen takes part."""
    changed = SuiteChanges(["mine", "token"]).applied(suite, "a.toml", KNOWN)
    assert changed.compare == [["token", "mine"]]
    assert set(changed.own) == {"mine"}
    assert changed.scenarios[0].budgets == ["token.store_ops <= 0"]
    assert changed.scenarios[1].arms == ["token"]
    alone = SuiteChanges(["anonymous"]).applied(suite, "a.toml", KNOWN)
    assert [s.name for s in alone.scenarios] == ["saturation"]
    assert alone.compare is None


def test_a_scheme_that_the_suite_does_not_name_is_added(suite: Suite) -> None:
    """To the scenarios of all arms, not to those that name theirs."""
    changed = SuiteChanges(["token-denylist", "token"]).applied(suite, "a.toml", KNOWN)
    assert changed.arms_of([changed.scenarios[0]]) == ["token-denylist", "token"]
    assert changed.arms_of([changed.scenarios[1]]) == ["token"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (SuiteChanges(["tokn"]), r"--schemes: expected a scheme, one of .*Did you mean 'token'\?"),
        (SuiteChanges(["token"], users=1001), "a.toml, with the given options: scenarios.0..load.users"),
    ],
)
def test_what_cannot_be_is_refused(changes: SuiteChanges, words: str, suite: Suite) -> None:
    """By the option, or by the key that it changes."""
    with pytest.raises(SuiteError, match=words):
        changes.applied(suite, "a.toml", KNOWN)


def test_no_scenario_for_the_chosen_arms_is_refused() -> None:
    """There would be nothing to measure."""
    budgets = next(line for line in SUITE.splitlines() if line.startswith("budgets"))
    only = parse(SUITE.replace(budgets, 'arms = ["cookie"]'), "a", "a.toml")
    with pytest.raises(SuiteError, match="no scenario of this suite measures anonymous"):
        SuiteChanges(["anonymous"]).applied(only, "a.toml", KNOWN)

"""Guessing passwords, and what keeps it slow."""

import concurrent.futures

import pytest
from aiohttp import web

from servers import contract
from servers.contract import Credentials
from servers.credentials.failed_logins import COUNTERS, MAX_FAILURES, WINDOW_S, FailedLogins
from tests.servers.client import Answer, Client
from tests.servers.process import Server


def is_refused(answer: Answer) -> bool:
    """Tell whether an answer is the 429 that says when to come back."""
    return (
        (answer.status, answer.json) == (429, {"error": "too_many_failures"})
        and 0 < int(answer.headers["Retry-After"]) <= WINDOW_S
        and "Set-Cookie" not in answer.headers
    )


@pytest.mark.parametrize("known", [True, False])
def test_brute_force(any_server: Server, account: Credentials, known: bool) -> None:
    """After ten wrong passwords not even the right one gets in; an unknown account answers alike."""
    client = Client(any_server.port)
    tried = account if known else Credentials(f"nobody-{account.username}", "foobar")
    guesses = [client.log_in(tried._replace(password=f"guess {n}")).status for n in range(MAX_FAILURES)]
    assert guesses == [401] * MAX_FAILURES
    assert is_refused(client.log_in(tried._replace(password="another guess")))
    assert is_refused(client.log_in(tried))


def test_others_are_not_kept_out(server: Server, caller: Client, account: Credentials) -> None:
    """Who guesses at one account hinders neither other accounts nor whoever is logged in already."""
    attacker = Client(server.port)
    for _ in range(MAX_FAILURES + 1):
        answer = attacker.log_in(account._replace(password="guess"))
    assert is_refused(answer)
    assert attacker.log_in(contract.EXAMPLE).status == 200
    assert caller.get(contract.RESTRICTED).status == 200
    assert caller.post(contract.EMAIL, {"email": "a@b.c"}).status == 200


def test_guesses_at_the_old_password(server: Server, caller: Client, account: Credentials) -> None:
    """Who has only the session cannot find the password by changing it: such guesses are limited as well."""
    for n in range(MAX_FAILURES):
        assert caller.post(contract.PASSWORD, {"old": f"guess {n}", "new": "correct horse"}).status == 403
    assert is_refused(caller.post(contract.PASSWORD, {"old": account.password, "new": "correct horse"}))
    assert Client(server.port).log_in(account).status == 200, "counted apart from logins"


def test_strangers_keep_nobody_from_changing_the_password(
    server: Server, caller: Client, account: Credentials
) -> None:
    """Who is logged in and knows the password may change it, even while guesses have locked logins."""
    for n in range(MAX_FAILURES):
        assert Client(server.port).log_in(account._replace(password=f"guess {n}")).status == 401
    assert is_refused(Client(server.port).log_in(account))
    assert caller.post(contract.PASSWORD, {"old": account.password, "new": "correct horse"}).status == 204


def test_guesses_all_at_once(server: Server, account: Credentials) -> None:
    """Forty guesses under way together tell as much as ten: no answer beyond says right or wrong."""

    def guess(number: int) -> int:
        return Client(server.port).log_in(account._replace(password=f"guess {number}")).status

    with concurrent.futures.ThreadPoolExecutor(40) as threads:
        statuses = sorted(threads.map(guess, range(40)))
    assert statuses == [401] * MAX_FAILURES + [429] * (40 - MAX_FAILURES)


def test_right_passwords_are_not_counted(server: Server, account: Credentials) -> None:
    """One account may log in as often as it likes."""
    statuses = {Client(server.port).log_in(account).status for _ in range(3 * MAX_FAILURES)}
    assert statuses == {200}


def refused(failed: FailedLogins, username: str) -> int:
    """Return for how many seconds a name is refused; 0 where it is not."""
    try:
        failed.check(username)
    except web.HTTPTooManyRequests as refusal:
        return int(refusal.headers["Retry-After"])
    return 0


def test_the_window_ends() -> None:
    """Nobody is kept out for longer than fifteen minutes, and the answer says for how long."""
    now = 1000.0
    failed = FailedLogins(lambda: now)
    now += 100.5
    for _ in range(MAX_FAILURES):
        assert refused(failed, "john.doe") == 0
        failed.count("john.doe")
    assert refused(failed, "john.doe") == WINDOW_S - 100
    now = 1000.0 + WINDOW_S
    assert refused(failed, "john.doe") == 0
    for _ in range(MAX_FAILURES):
        failed.count("john.doe")
    assert refused(failed, "john.doe") == WINDOW_S


def test_a_flood_of_names_displaces_no_count() -> None:
    """Memory stays what it is however many names are tried, and a count is not forgotten for it."""
    failed = FailedLogins(lambda: 0.0)
    for _ in range(MAX_FAILURES + 300):  # a counter is a byte, and stops short of its end
        failed.count("john.doe")
    for number in range(5000):
        failed.count(f"made up {number}")
    assert refused(failed, "john.doe") > 0
    assert len(failed._counts) == COUNTERS
    assert sum(refused(failed, f"somebody {number}") > 0 for number in range(100)) < 10

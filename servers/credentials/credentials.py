"""Handlers that issue and revoke credentials."""

from typing import Final

from aiohttp import web
from msgspec import UNSET

from servers.credentials.identity import Identity
from servers.credentials.passwords import weakness
from servers.http.app_keys import ACCOUNTS, FAILED_LOGINS, PASSWORDS, SCHEME
from servers.http.bodies import Login, PasswordChange, Refresh
from servers.http.request_keys import ACCOUNT_ID, CALLER, REFRESH_TOKEN
from servers.http.responses import encode, error, json_response, read_body
from servers.stores.accounts import Account

#: Counter of wrong old passwords. It is not that of logins: strangers who guess at a password could otherwise
#: keep its user from changing it.
_OLD_PASSWORD: Final = "old password"  # noqa: S105 - not a password


async def authenticate(request: web.Request) -> web.Response:
    """Issue a credential for a correct username and password.

    Unknown accounts, disabled accounts and wrong passwords cost the same work and get the same response.
    After too many failures the response is 429, whatever the password.
    """
    app = request.app
    app[SCHEME].check_issues()
    app[SCHEME].check_login_origin(request)
    body = await read_body(request, Login)
    account = await app[ACCOUNTS].find(body.username)
    if account is not None:
        request[ACCOUNT_ID] = account.id
    app[FAILED_LOGINS].check(body.username)
    correct = await app[PASSWORDS].verify(account.password_hash if account else None, body.password)
    app[FAILED_LOGINS].check(body.username)
    if account is None or account.disabled or not correct:
        app[FAILED_LOGINS].count(body.username)
        raise app[SCHEME].unauthorized("wrong_credentials")
    if app[PASSWORDS].is_outdated(account.password_hash):
        await app[ACCOUNTS].rehash(account, await app[PASSWORDS].hash(body.password))
    if body.refresh_token is not UNSET:
        request[REFRESH_TOKEN] = body.refresh_token
    response = web.Response(content_type="application/json")
    issued = await _issue(request, response, account)
    response.body = encode({**issued, "profile": account.profile})
    return response


async def csrf(request: web.Request) -> web.Response:
    """Return the CSRF token that must accompany unsafe requests."""
    return json_response({"csrf_token": await request.app[SCHEME].csrf_token(request)})


async def logout(request: web.Request) -> web.Response:
    """Revoke the caller's credential, if the scheme can."""
    response = web.Response(status=204)
    await request.app[SCHEME].log_out(request, response)
    return response


async def change_password(request: web.Request) -> web.Response:
    """Change the caller's password, revoke all credentials of the account, and issue a new one.

    The response has no body; `Authentication-Info` carries what a login returns in its body (RFC 9110
    section 11.6.3).
    """
    app = request.app
    app[SCHEME].check_issues()
    caller, body = request[CALLER], await read_body(request, PasswordChange)
    if code := "password_unchanged" if body.new == body.old else weakness(body.new):
        raise error(web.HTTPBadRequest, code)
    account = await app[ACCOUNTS].get(caller.sub)
    if account is None:
        raise app[SCHEME].unauthorized("not_authenticated")
    app[FAILED_LOGINS].check(account.id, _OLD_PASSWORD)
    correct = await app[PASSWORDS].verify(account.password_hash, body.old)
    app[FAILED_LOGINS].check(account.id, _OLD_PASSWORD)
    if not correct:
        app[FAILED_LOGINS].count(account.id, _OLD_PASSWORD)
        raise error(web.HTTPForbidden, "wrong_credentials")
    password_hash = await app[PASSWORDS].hash(body.new)
    # Before the change, so that nothing changes while the store is down; and after it, for logins in between.
    await app[SCHEME].revoke_account(account.id)
    changed = await app[ACCOUNTS].set_password(account, password_hash)
    await app[SCHEME].revoke_account(account.id)
    if changed is None:
        raise app[SCHEME].unauthorized("not_authenticated")
    response = web.Response(status=204)
    issued = await _issue(request, response, changed)
    response.headers["Authentication-Info"] = ", ".join(f'{name}="{value}"' for name, value in issued.items())
    return response


async def refresh(request: web.Request) -> web.Response:
    """Return a new pair of tokens for a refresh token."""
    accounts = request.app[ACCOUNTS]

    async def current(account_id: str) -> Identity | None:
        account = await accounts.get(account_id)
        return None if account is None or account.disabled else account.identity

    body = await read_body(request, Refresh)
    return json_response(await request.app[SCHEME].refresh(body.refresh_token, current))


async def _issue(
    request: web.Request, response: web.StreamResponse, account: Account
) -> dict[str, str | int]:
    """Issue a credential, unless the account was blocked or otherwise changed in the meantime.

    A block first writes the account and then revokes its credentials. So it is either seen here, or comes
    later and revokes the credential issued here.
    """
    scheme = request.app[SCHEME]
    issued = await scheme.issue(request, response, account.identity)
    current = await request.app[ACCOUNTS].get(account.id)
    if current is None or current.version != account.version:
        await scheme.revoke(request, response)
        raise scheme.unauthorized("wrong_credentials")
    return issued

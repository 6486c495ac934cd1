"""Handlers that issue and revoke credentials."""

import json
from typing import Final

from aiohttp import web

from servers.accounts import Account
from servers.credentials.identity import Identity
from servers.http.app_keys import ACCOUNTS, FAILED_LOGINS, PASSWORDS, SCHEME
from servers.http.responses import error, no_store, read_object, text_field

#: Minimum length of a new password in characters (NIST SP 800-63B).
MIN_PASSWORD_LENGTH: Final = 8


async def authenticate(request: web.Request) -> web.Response:
    """Issue a credential for a correct username and password.

    Unknown accounts, disabled accounts and wrong passwords cost the same work and get the same response.
    After too many failures the response is 429, whatever the password.
    """
    app = request.app
    app[SCHEME].check_issues()
    app[SCHEME].check_login_origin(request)
    body = await read_object(request)
    username, password = text_field(body, "username"), text_field(body, "password")
    app[FAILED_LOGINS].check(username)
    account = await app[ACCOUNTS].find(username)
    correct = await app[PASSWORDS].verify(account.password_hash if account else None, password)
    app[FAILED_LOGINS].check(username)
    if account is None or account.disabled or not correct:
        app[FAILED_LOGINS].count(username)
        raise app[SCHEME].unauthorized("wrong_credentials")
    response = web.Response(content_type="application/json")
    issued = await _issue(request, response, account)
    response.text = json.dumps({**issued, "profile": account.profile})
    return response


async def csrf(request: web.Request) -> web.Response:
    """Return the CSRF token that must accompany unsafe requests."""
    response = web.json_response({"csrf_token": await request.app[SCHEME].csrf_token(request)})
    no_store(response)
    return response


async def logout(request: web.Request) -> web.Response:
    """Revoke the caller's credential, if the scheme can."""
    scheme = request.app[SCHEME]
    await scheme.identify(request)
    response = web.Response(status=204)
    await scheme.revoke(request, response)
    return response


async def change_password(request: web.Request) -> web.Response:
    """Change the caller's password, revoke all credentials of the account, and issue a new one.

    The response has no body; `Authentication-Info` carries what a login returns in its body (RFC 9110
    section 11.6.3).
    """
    app = request.app
    app[SCHEME].check_issues()
    caller = await app[SCHEME].identify(request)
    body = await read_object(request)
    old, new = text_field(body, "old"), text_field(body, "new")
    if len(new) < MIN_PASSWORD_LENGTH:
        raise error(web.HTTPBadRequest, "password_too_short")
    account = await app[ACCOUNTS].get(caller.sub)
    if account is None:
        raise app[SCHEME].unauthorized("not_authenticated")
    app[FAILED_LOGINS].check(account.username)
    correct = await app[PASSWORDS].verify(account.password_hash, old)
    app[FAILED_LOGINS].check(account.username)
    if not correct:
        app[FAILED_LOGINS].count(account.username)
        raise error(web.HTTPForbidden, "wrong_credentials")
    password_hash = await app[PASSWORDS].hash(new)
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

    refresh_token = text_field(await read_object(request), "refresh_token")
    response = web.json_response(await request.app[SCHEME].refresh(refresh_token, current))
    no_store(response)
    return response


async def _issue(request: web.Request, response: web.Response, account: Account) -> dict[str, str | int]:
    """Issue a credential, unless the account was blocked or otherwise changed in the meantime.

    A block first writes the account and then revokes its credentials. So it is either seen here, or comes
    later and revokes the credential issued here.
    """
    scheme = request.app[SCHEME]
    no_store(response)
    issued = await scheme.issue(request, response, account.identity)
    current = await request.app[ACCOUNTS].get(account.id)
    if current is None or current.version != account.version:
        await scheme.revoke(request, response)
        raise scheme.unauthorized("wrong_credentials")
    return issued

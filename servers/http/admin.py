"""Handlers for callers with the role `admin`."""

from aiohttp import web
from msgspec import UNSET

from servers.credentials.identity import Identity
from servers.http.app_keys import ACCOUNTS, SCHEME
from servers.http.bodies import AccountChange
from servers.http.request_keys import ACCOUNT_ID, CALLER
from servers.http.responses import error, json_response, read_body


async def read(request: web.Request) -> web.Response:
    """Return the caller's name, id and role."""
    caller = _admin(request)
    return json_response({"name": caller.first_name, "id": caller.sub, "role": caller.role})


async def change_account(request: web.Request) -> web.Response:
    """Change an account's role, block or unblock it, or revoke its credentials.

    Each change revokes the account's credentials if the scheme can. OWASP requires a new session after a
    change of role, here by a new login.
    """
    caller = _admin(request)
    change = await read_body(request, AccountChange)
    if change == AccountChange():
        raise error(web.HTTPBadRequest, "bad_request")
    role = None if change.role is UNSET else change.role
    disabled = None if change.disabled is UNSET else change.disabled
    accounts, scheme = request.app[ACCOUNTS], request.app[SCHEME]
    # A credential may be out of date, so changes to the rights of others require the current account's role.
    admin = await accounts.get(caller.sub)
    if admin is None or admin.disabled:
        raise scheme.unauthorized("not_authenticated")
    if admin.role != "admin":
        raise scheme.forbidden()
    account = await accounts.find(request.match_info["username"])
    if account is None:
        raise error(web.HTTPNotFound, "unknown_account")
    request[ACCOUNT_ID] = account.id
    # Before the change, so that nothing changes while the store is down; and after it, for logins in between.
    revoke_now = (
        scheme.revoke_account
        if disabled or change.revoke is True
        else scheme.revoke_rights
        if role is not None
        else None
    )
    if revoke_now:
        await revoke_now(account.id)
    if role is not None or disabled is not None:
        if await accounts.set_rights(caller.sub, account.id, role, disabled) is None:
            raise scheme.unauthorized("not_authenticated")
        if revoke_now:
            await revoke_now(account.id)
    return web.Response(status=204)


def _admin(request: web.Request) -> Identity:
    caller = request[CALLER]
    if caller.role != "admin":
        raise request.app[SCHEME].forbidden()
    return caller

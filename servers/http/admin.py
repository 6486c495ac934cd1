"""Handlers for callers with the role `admin`."""

from typing import Any, Final

from aiohttp import web

from servers.accounts import ROLES
from servers.credentials.identity import Identity
from servers.http.app_keys import ACCOUNTS, SCHEME
from servers.http.responses import error, read_object

_CHANGES: Final = {"role", "disabled", "revoke"}


async def read(request: web.Request) -> web.Response:
    """Return the caller's name, id and role."""
    caller = await _admin(request)
    return web.json_response({"name": caller.first_name, "id": caller.sub, "role": caller.role})


async def change_account(request: web.Request) -> web.Response:
    """Change an account's role, block or unblock it, or revoke its credentials.

    Each change revokes the account's credentials if the scheme can. OWASP requires a new session after a
    change of role, here by a new login.
    """
    caller = await _admin(request)
    role, disabled, revoke = _changes(await read_object(request))
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
    # Before the change, so that nothing changes while the store is down; and after it, for logins in between.
    revoke_now = (
        scheme.revoke_account if disabled or revoke else scheme.revoke_rights if role is not None else None
    )
    if revoke_now:
        await revoke_now(account.id)
    if role is not None or disabled is not None:
        if await accounts.set_rights(caller.sub, account.id, role, disabled) is None:
            raise scheme.unauthorized("not_authenticated")
        if revoke_now:
            await revoke_now(account.id)
    return web.Response(status=204)


async def _admin(request: web.Request) -> Identity:
    scheme = request.app[SCHEME]
    caller = await scheme.identify(request)
    if caller.role != "admin":
        raise scheme.forbidden()
    return caller


def _changes(body: dict[str, Any]) -> tuple[str | None, bool | None, bool]:
    flags = [body[name] for name in ("disabled", "revoke") if name in body]
    if (
        not body
        or body.keys() - _CHANGES
        or ("role" in body and body["role"] not in ROLES)
        or not all(isinstance(flag, bool) for flag in flags)
    ):
        raise error(web.HTTPBadRequest, "bad_request")
    return body.get("role"), body.get("disabled"), body.get("revoke", False)

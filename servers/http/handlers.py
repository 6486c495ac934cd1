"""Handlers of the restricted and the public route, the email change, and the health check."""

from typing import Final

from aiohttp import web

from servers.http.app_keys import ACCOUNTS, SCHEME
from servers.http.responses import error, read_object, text_field

#: Same length as the restricted response to a virtual user, so that only the authentication differs.
_PUBLIC_ANSWER: Final = {"name": "World", "id": "anybody"}

#: Maximum length of an address in octets (RFC 5321); longer ones could make tokens exceed the size limit.
_MAX_EMAIL_BYTES: Final = 254


async def restricted(request: web.Request) -> web.Response:
    """Return the caller's name and id."""
    caller = await request.app[SCHEME].identify(request)
    return web.json_response({"name": caller.first_name, "id": caller.sub})


async def public(request: web.Request) -> web.Response:  # noqa: ARG001 - a handler's signature
    """Return a constant; no code of the scheme runs."""
    return web.json_response(_PUBLIC_ANSWER)


async def health(request: web.Request) -> web.Response:
    """Return 200 if the scheme can serve; otherwise the scheme raises 503."""
    await request.app[SCHEME].ready()
    return web.json_response({"status": "ok"})


async def change_email(request: web.Request) -> web.Response:
    """Change the email address of the caller's account and return the new profile."""
    scheme = request.app[SCHEME]
    caller = await scheme.identify(request)
    email = text_field(await read_object(request), "email", _MAX_EMAIL_BYTES)
    name, at, domain = email.rpartition("@")
    if not (name and at and domain) or not email.isprintable() or len(email.encode()) > _MAX_EMAIL_BYTES:
        raise error(web.HTTPBadRequest, "bad_request")
    account = await request.app[ACCOUNTS].set_email(caller.sub, email)
    if account is None:
        raise scheme.unauthorized("not_authenticated")
    await scheme.update(request, account.identity)
    return web.json_response({"profile": account.profile})

"""Handlers of the restricted and the public route, the email change, and the health check."""

from typing import Final

from aiohttp import web

from servers.http.app_keys import ACCOUNTS, SCHEME
from servers.http.bodies import MAX_EMAIL_BYTES, EmailChange
from servers.http.request_keys import CALLER
from servers.http.responses import error, json_response, read_body

#: Same length as the restricted response to a virtual user, so that only the authentication differs.
_PUBLIC_ANSWER: Final = {"name": "World", "id": "anybody"}


async def restricted(request: web.Request) -> web.Response:
    """Return the caller's name and id."""
    caller = request[CALLER]
    return json_response({"name": caller.first_name, "id": caller.sub})


async def public(request: web.Request) -> web.Response:  # noqa: ARG001 - a handler's signature
    """Return a constant; no code of the scheme runs."""
    return json_response(_PUBLIC_ANSWER)


async def health(request: web.Request) -> web.Response:
    """Return 200 if the scheme can serve; otherwise the scheme raises 503."""
    await request.app[SCHEME].ready()
    return json_response({"status": "ok"})


async def change_email(request: web.Request) -> web.Response:
    """Change the email address of the caller's account and return the new profile."""
    scheme = request.app[SCHEME]
    email = (await read_body(request, EmailChange)).email
    name, at, domain = email.rpartition("@")
    if not (name and at and domain) or not email.isprintable() or len(email.encode()) > MAX_EMAIL_BYTES:
        raise error(web.HTTPBadRequest, "bad_request")
    account = await request.app[ACCOUNTS].set_email(request[CALLER].sub, email)
    if account is None:
        raise scheme.unauthorized("not_authenticated")
    await scheme.update(request, account.identity)
    return json_response({"profile": account.profile})

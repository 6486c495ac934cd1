"""Keys of what handlers and schemes find in a request."""

from typing import Final

from aiohttp import web

from servers.credentials.identity import Identity

#: Identity of the caller; `servers.http.guard` sets it on all routes that are not public.
CALLER: Final = web.RequestKey("caller", Identity)

#: Id of the account that a login names, or that an admin changes, for the security log.
ACCOUNT_ID: Final = web.RequestKey("account id", str)

#: Refresh token in the body of a login.
REFRESH_TOKEN: Final = web.RequestKey("refresh token", str)

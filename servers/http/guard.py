"""Guard of all routes: deny by default, log what matters to security, keep answers out of caches."""

from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from servers import contract
from servers.http.app_keys import SCHEME, SECURITY_LOG
from servers.http.request_keys import CALLER

#: Routes that need no credential; any other route does, a new one included. A logout checks the credential by
#: itself, because a refresh token is sufficient.
PUBLIC_ROUTES: Final = frozenset(
    {contract.PUBLIC, contract.HEALTH, contract.AUTHENTICATE, contract.REFRESH, contract.LOGOUT}
)

#: Routes of which every use is logged. An expired credential on other routes is normal, and anyone could fill
#: a log with missing ones; but a refresh token that is rejected may have been stolen.
LOGGED_ROUTES: Final = frozenset(
    {contract.AUTHENTICATE, contract.LOGOUT, contract.PASSWORD, contract.ADMIN_ACCOUNT}
)
LOGGED_REFUSALS: Final = LOGGED_ROUTES | {contract.REFRESH}

#: Refusals that are logged on all routes: what a credential does not allow, and failures of the store.
LOGGED_STATUSES: Final = frozenset({403, 503})

#: Routes with responses that do not depend on the caller.
CACHEABLE_ROUTES: Final = frozenset({contract.PUBLIC, contract.HEALTH})


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Identify the caller unless the route is public, and call the handler with `request[CALLER]`.

    Raises:
        web.HTTPUnauthorized: The route needs a credential, and the request has no valid one.
        web.HTTPForbidden: The method is unsafe and the CSRF token is missing or wrong.
    """
    resource = request.match_info.route.resource
    route = "" if resource is None else resource.canonical  # none: the handler answers 404 or 405
    is_preflight = request.method == hdrs.METH_OPTIONS  # without a credential; only aiohttp-cors handles it
    try:
        if route and route not in PUBLIC_ROUTES and not is_preflight:
            request[CALLER] = await request.app[SCHEME].identify(request)
        response = await handler(request)
    except web.HTTPException as refusal:
        if route in LOGGED_REFUSALS or (refusal.status in LOGGED_STATUSES and not is_preflight):
            request.app[SECURITY_LOG].refused(request, route, refusal)
        raise
    if route in LOGGED_ROUTES:
        request.app[SECURITY_LOG].done(request, route, response)
    if route not in CACHEABLE_ROUTES:
        response.headers[hdrs.CACHE_CONTROL] = "no-store"
    return response

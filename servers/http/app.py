"""The application: routes and handlers, identical for all schemes."""

from typing import Final

from aiohttp import hdrs, web

from servers import contract, schemes
from servers.accounts import Accounts
from servers.credentials import credentials
from servers.credentials.failed_logins import FailedLogins
from servers.credentials.passwords import Passwords
from servers.http import admin, cors, handlers
from servers.http.app_keys import ACCOUNTS, FAILED_LOGINS, PASSWORDS, SCHEME
from servers.http.responses import MAX_BODY_BYTES
from servers.settings import Settings

#: Seconds for which browsers remember to use https only: a year, the least of OWASP ASVS 5.0 (3.4.1).
_HSTS_S: Final = 31_536_000


def create_app(scheme: str, settings: Settings) -> web.Application:
    """Return the application with the authentication scheme `scheme`.

    Raises:
        UsageError: There is no such scheme, or the settings are invalid.
        CannotStartError: The accounts file does not exist or is invalid.
    """
    module = schemes.load(scheme)
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app[SCHEME] = module.build(scheme, settings)
    app[ACCOUNTS] = Accounts(settings.accounts_file, settings.password_cost)
    app[PASSWORDS] = Passwords(settings.password_cost)
    app[FAILED_LOGINS] = FailedLogins()
    app.on_cleanup.append(_close_pools)
    app[SCHEME].setup(app)
    app.add_routes(
        [
            web.get(contract.RESTRICTED, handlers.restricted),
            web.get(contract.PUBLIC, handlers.public),
            web.get(contract.HEALTH, handlers.health),
            web.post(contract.EMAIL, handlers.change_email),
            web.post(contract.AUTHENTICATE, credentials.authenticate),
            web.get(contract.CSRF, credentials.csrf),
            web.post(contract.LOGOUT, credentials.logout),
            web.post(contract.PASSWORD, credentials.change_password),
            web.post(contract.REFRESH, credentials.refresh),
            web.get(contract.ADMIN, admin.read),
            web.post(contract.ADMIN_ACCOUNT, admin.change_account),
        ]
    )
    if settings.behind_tls:
        app.on_response_prepare.append(_require_tls)
    if settings.allow_origins:
        cors.allow(app, settings.allow_origins, module.ABOUT.transport)
    return app


async def _require_tls(_: web.Request, response: web.StreamResponse) -> None:
    """Have browsers use https only from now on (RFC 6797), for this host but not for hosts below it."""
    response.headers[hdrs.STRICT_TRANSPORT_SECURITY] = f"max-age={_HSTS_S}"


async def _close_pools(app: web.Application) -> None:
    app[PASSWORDS].close()
    app[ACCOUNTS].close()

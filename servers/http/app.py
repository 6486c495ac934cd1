"""The application: routes and handlers, identical for all schemes."""

from collections.abc import AsyncIterator

from aiohttp import web

from servers import contract, schemes
from servers.credentials import credentials
from servers.credentials.failed_logins import FailedLogins
from servers.credentials.passwords import Passwords
from servers.http import admin, cors, handlers, headers
from servers.http.app_keys import ACCOUNTS, FAILED_LOGINS, PASSWORDS, SCHEME, SECURITY_LOG
from servers.http.guard import guard
from servers.http.responses import MAX_BODY_BYTES
from servers.http.security_log import SecurityLog
from servers.settings import Settings
from servers.stores.accounts import Accounts


def create_app(scheme: str, settings: Settings) -> web.Application:
    """Return the application with the authentication scheme `scheme`.

    Raises:
        UsageError: There is no such scheme, or the settings are invalid.
        CannotStartError: The accounts file does not exist or is invalid.
    """
    module = schemes.load(scheme)
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[guard])
    app[SCHEME] = module.build(scheme, settings)
    app[ACCOUNTS] = Accounts(settings.accounts_file)
    app[PASSWORDS] = Passwords(settings.password_cost)
    app[FAILED_LOGINS] = FailedLogins()
    app[SECURITY_LOG] = SecurityLog()
    app.cleanup_ctx.append(_threads)
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
    headers.setup(app, behind_tls=settings.behind_tls)
    if settings.allow_origins:
        cors.allow(app, settings.allow_origins, module.ABOUT.transport)
    return app


async def _threads(app: web.Application) -> AsyncIterator[None]:
    yield
    app[PASSWORDS].close()
    app[ACCOUNTS].close()

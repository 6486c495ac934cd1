"""Keys of the objects in the application that handlers need."""

from typing import Final

from aiohttp import web

from servers.accounts import Accounts
from servers.credentials.failed_logins import FailedLogins
from servers.credentials.passwords import Passwords
from servers.credentials.scheme import Scheme

SCHEME: Final = web.AppKey("SCHEME", Scheme)
ACCOUNTS: Final = web.AppKey("ACCOUNTS", Accounts)
PASSWORDS: Final = web.AppKey("PASSWORDS", Passwords)
FAILED_LOGINS: Final = web.AppKey("FAILED_LOGINS", FailedLogins)

"""Keys of the objects in the application that handlers need."""

from typing import Final

from aiohttp import web

from servers.credentials.failed_logins import FailedLogins
from servers.credentials.passwords import Passwords
from servers.credentials.scheme import Scheme
from servers.http.security_log import SecurityLog
from servers.stores.accounts import Accounts

SCHEME: Final = web.AppKey("SCHEME", Scheme)
ACCOUNTS: Final = web.AppKey("ACCOUNTS", Accounts)
PASSWORDS: Final = web.AppKey("PASSWORDS", Passwords)
FAILED_LOGINS: Final = web.AppKey("FAILED_LOGINS", FailedLogins)
SECURITY_LOG: Final = web.AppKey("SECURITY_LOG", SecurityLog)

"""Request bodies of the contract; msgspec checks them against these types."""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

#: Maximum length of an address in octets (RFC 5321); longer ones could make tokens exceed the size limit.
MAX_EMAIL_BYTES: Final = 254

Text = Annotated[str, Meta(min_length=1, max_length=1024)]


class Login(Struct):
    """Username and password; a refresh token of an earlier login, which this one replaces."""

    username: Text
    password: Text
    refresh_token: Text | UnsetType = UNSET


class PasswordChange(Struct):
    """Old and new password."""

    old: Text
    new: Text


class Refresh(Struct):
    """Refresh token."""

    refresh_token: Text


class Logout(Struct):
    """Refresh token, or nothing."""

    refresh_token: Text | UnsetType = UNSET


class EmailChange(Struct):
    """New email address."""

    email: Annotated[str, Meta(min_length=1, max_length=MAX_EMAIL_BYTES)]


class AccountChange(Struct, forbid_unknown_fields=True):
    """Changes by an admin; at least one."""

    role: Literal["user", "admin"] | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    revoke: bool | UnsetType = UNSET

"""Identity of a caller: the fields that session records and tokens both carry."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Identity(NamedTuple):
    """Fields of `contract.IDENTITY_FIELDS`; `sub` is the account's id."""

    sub: str
    first_name: str
    last_name: str
    email: str
    role: str

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> "Identity":
        """Return the identity in a session record or a token's claims.

        Raises:
            KeyError: A field is missing.
        """
        return cls(fields["sub"], fields["first_name"], fields["last_name"], fields["email"], fields["role"])

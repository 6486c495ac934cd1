"""JSON Web Tokens as bearer tokens, with PyJWT, as in FastAPI's tutorial: `uvicorn jwt_bearer:app`."""

import os
import time
import uuid
from typing import Any

import jwt
from accounts import Account
from api import Identity, create_app, unauthorized
from fastapi import Request

FIVE_HOURS_S = 5 * 60 * 60
ISSUER = "fastapi-example"
AUDIENCE = "api"
REQUIRED = ["exp", "iat", "iss", "aud", "sub", "jti"]


class Tokens:
    """Scheme with the user's identity in a signed token."""

    challenge = 'Bearer realm="api"'

    def __init__(self, secret: str) -> None:
        if len(secret) < 32:  # RFC 7518 section 3.2
            raise SystemExit("JWT_SECRET: expected 32 characters or more")
        self._secret = secret

    async def required(self, request: Request) -> Identity:
        """Return the identity in the token; raise `unauthorized` without a valid one."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise unauthorized(self.challenge)  # RFC 6750 section 3: no error code without a credential
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=["HS256"],
                issuer=ISSUER,
                audience=AUDIENCE,
                options={"require": REQUIRED},
            )
        except jwt.InvalidTokenError:
            raise unauthorized(f'{self.challenge}, error="invalid_token"') from None
        return claims | {"id": claims["sub"]}

    async def proven(self, request: Request) -> None:
        """Accept all writes, because browsers do not add bearer tokens to requests."""

    async def issue(self, request: Request, account: Account) -> dict[str, Any]:
        """Issue a token that is valid for five hours."""
        now = int(time.time())
        claims = account.identity | {
            "sub": account.id,
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + FIVE_HOURS_S,
            "jti": str(uuid.uuid4()),
        }
        del claims["id"]
        token = jwt.encode(claims, self._secret, algorithm="HS256")
        return {"token": token, "token_type": "Bearer", "expires_in": FIVE_HOURS_S}

    async def end(self, request: Request) -> None:
        """Do nothing: a stateless token stays valid until it expires."""


async def always() -> bool:
    """Return True, since the server needs no other service."""
    return True


app = create_app(Tokens(os.environ["JWT_SECRET"]), always)

"""JSON Web Tokens as bearers, by PyJWT, as FastAPI's own tutorial does: `uvicorn jwt_bearer:app`."""

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
    """A signed token that carries who one is."""

    challenge = 'Bearer realm="api"'

    def __init__(self, secret: str) -> None:
        if len(secret) < 32:  # RFC 7518 section 3.2
            raise SystemExit("JWT_SECRET: expected 32 characters or more")
        self._secret = secret

    async def required(self, request: Request) -> Identity:
        """Whose token it is."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise unauthorized(self.challenge)  # RFC 6750 section 3: no error code where no credential came
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
        """No browser sends a bearer token by itself."""

    async def issue(self, request: Request, account: Account) -> dict[str, Any]:
        """A token that lives five hours."""
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
        """A stateless token lives until it expires."""


async def always() -> bool:
    """There is nothing that it needs."""
    return True


app = create_app(Tokens(os.environ["JWT_SECRET"]), always)

"""The common part of both servers: routes and login. Only the credential differs."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Protocol

from accounts import Account, authenticate, set_email
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

MAX_BODY_BYTES = 4096
MAX_FAILURES = 10

Identity = dict[str, Any]


class Login(BaseModel):
    """Body of a login request."""

    username: str = Field(min_length=1)
    password: str


class Email(BaseModel):
    """Body of a request with a new email address."""

    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")


class Scheme(Protocol):
    """Interface to issue, check and revoke credentials."""

    challenge: str

    async def required(self, request: Request) -> Identity:
        """Return the identity of the request's credential; raise `unauthorized` without a valid one."""

    async def proven(self, request: Request) -> None:
        """Raise an error if a write may be forged."""

    async def issue(self, request: Request, account: Account) -> dict[str, Any]:
        """Issue a credential, and return the fields of the login's response besides the profile."""

    async def end(self, request: Request) -> None:
        """Revoke the credential, as far as the scheme can."""


def unauthorized(challenge: str, error: str = "unauthorized") -> HTTPException:
    """Return the 401 error with a challenge."""
    return HTTPException(401, error, {"WWW-Authenticate": challenge})


async def small_json(request: Request) -> None:
    """Refuse bodies that are not JSON, or too large."""
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise HTTPException(415, "unsupported_media_type")
    length = request.headers.get("content-length")
    if length is None:  # a chunked body has no known size
        raise HTTPException(411, "length_required")
    if int(length) > MAX_BODY_BYTES:
        raise HTTPException(413, "too_large")


def routes(scheme: Scheme) -> APIRouter:
    """Return the contract's routes for a scheme."""
    router = APIRouter()
    failures: Counter[str] = Counter()
    caller = Annotated[Identity, Depends(scheme.required)]
    proven = Depends(scheme.proven)

    @router.post("/authenticate", dependencies=[Depends(small_json)])
    async def log_in(login: Login, request: Request, response: Response) -> dict[str, Any]:
        if failures[login.username] >= MAX_FAILURES:
            raise HTTPException(429, "too_many_failures", {"Retry-After": "900"})
        account = await run_in_threadpool(authenticate, login.username, login.password)
        if account is None:
            failures[login.username] += 1
            raise unauthorized(scheme.challenge, "wrong_credentials")
        response.headers["Cache-Control"] = "no-store"
        return {**await scheme.issue(request, account), "profile": account.profile}

    @router.get("/api/restricted")
    async def read(identity: caller) -> dict[str, str]:
        return {"name": identity["first_name"], "id": identity["id"]}

    @router.get("/api/admin")
    async def read_admin(identity: caller) -> dict[str, bool]:
        if identity["role"] != "admin":
            raise HTTPException(403, "forbidden")
        return {"admin": True}

    @router.post("/api/email", dependencies=[proven, Depends(small_json)])
    async def change_email(identity: caller, email: Email) -> dict[str, Any]:
        return {"profile": set_email(identity["username"], email.email).profile}

    @router.post("/logout", status_code=204, dependencies=[Depends(scheme.required), proven])
    async def log_out(request: Request) -> None:
        await scheme.end(request)

    @router.get("/public")
    async def read_public() -> dict[str, str]:
        return {"name": "John", "id": "nobody"}

    return router


def create_app(scheme: Scheme, healthy: Callable[[], Awaitable[bool]]) -> FastAPI:
    """Create an app for a scheme.

    Args:
        scheme: Scheme that issues, checks and revokes credentials.
        healthy: Function that returns whether the app can serve requests.
    """
    app = FastAPI(openapi_url=None)
    app.include_router(routes(scheme))

    @app.exception_handler(HTTPException)
    async def failed(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    async def bad(request: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"error": "bad_request"}, 400)

    @app.get("/healthz")
    async def health(response: Response) -> dict[str, bool]:
        ok = await healthy()
        response.status_code = 200 if ok else 503
        return {"ok": ok}

    return app

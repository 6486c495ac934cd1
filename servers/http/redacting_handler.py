"""Keeps what a request carried out of answers and logs when it cannot even be parsed."""

from typing import Final

from aiohttp import web

_BAD_REQUEST: Final = 400


class DiscreetRequestHandler(web.RequestHandler):
    """aiohttp's protocol, but mum about malformed requests.

    aiohttp quotes the header line at fault in its answer and its log, and that line may be a credential.
    """

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what no handler could answer; closes the connection."""
        if status != _BAD_REQUEST:
            return super().handle_error(request, status, exc, message)
        response = web.Response(status=_BAD_REQUEST, text="400: Bad Request")
        response.force_close()
        return response

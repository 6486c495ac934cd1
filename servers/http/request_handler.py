"""Request handler that keeps the content of malformed requests out of responses and logs."""

from typing import Final

from aiohttp import web

_BAD_REQUEST: Final = 400


class RequestHandler(web.RequestHandler):
    """Request handler of aiohttp that does not quote malformed requests, and reports the receipt of bodies.

    aiohttp quotes the faulty header line in its response and its log, and that line may contain a credential.
    """

    __slots__ = ()

    @property
    def receiving(self) -> bool:
        """Whether a handler is waiting for the body of its request."""
        request = self._current_request
        return request is not None and not request.content.is_eof()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the response to a request that reached no handler; a malformed one closes the connection."""
        if status != _BAD_REQUEST:
            return super().handle_error(request, status, exc, message)
        response = web.Response(status=_BAD_REQUEST, text="400: Bad Request")
        response.force_close()
        return response

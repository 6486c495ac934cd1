"""Whether a server answers as the contract says, before anything is measured of it."""

from __future__ import annotations

import http.client

from harness.errors import ConformanceError, EnvironmentFailedError
from harness.schedule import Target


def check(target: Target) -> None:
    """Ask what needs no credential; a server that answers wrongly gets no number (the idea is TechEmpower's).

    Raises:
        ConformanceError: It answered something else than the contract says.
        EnvironmentFailedError: It did not answer.
    """
    expected = {"/healthz": 200, "/public": 200, "/api/restricted": 401}
    asked = {
        target.dialect.path(route): status for route, status in expected.items() if target.dialect.has(route)
    }
    connection = http.client.HTTPConnection(target.host, target.port, timeout=10)
    try:
        for path, status in asked.items():
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            if answer.status != status:
                raise ConformanceError(
                    f"server {target.arm}: GET {path} without credential answered {answer.status},"
                    f" the contract says {status}."
                )
    except (OSError, http.client.HTTPException) as error:
        raise EnvironmentFailedError(
            f"server {target.arm} at {target.host}:{target.port} does not answer: {error}"
        ) from error
    finally:
        connection.close()

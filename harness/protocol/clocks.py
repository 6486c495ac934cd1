"""Start and end of the time of an answer. Pure."""

from __future__ import annotations

from typing import Literal

#: `service` runs from the sending of a request, `response` from its scheduled arrival.
Clock = Literal["service", "response"]
#: The time of an answer ends when its last byte arrived, by the kernel's timestamp. Without a timestamp, as
#: in older results, it ends when the load generator read the answer, which is later.
AnswersEnd = Literal["arrived", "read"]

"""From when to when an answer is timed. Pure."""

from __future__ import annotations

from typing import Literal

#: `service` runs from the sending of a request, `response` from its scheduled arrival.
Clock = Literal["service", "response"]
#: An answer's time ends when its last byte arrived, as the kernel noted it. Where the kernel tells nothing,
#: and in results of before it was asked, it ends when the load generator read it: later, by what kept that.
AnswersEnd = Literal["arrived", "read"]

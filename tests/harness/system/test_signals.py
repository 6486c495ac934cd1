"""Ends of commands by Ctrl-C."""

from __future__ import annotations

import pytest

from harness.errors import InterruptedRunError
from harness.system.signals import until_stopped


def test_a_command_that_serves_ends_without_a_message() -> None:
    """Ctrl-C is how it ends."""
    with pytest.raises(InterruptedRunError) as ended, until_stopped():
        raise KeyboardInterrupt
    assert str(ended.value) == ""

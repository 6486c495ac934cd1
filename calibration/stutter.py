"""Slows a process down: `python -m calibration.stutter PID`.

The process is stopped for part of every period (SIGSTOP, SIGCONT), and left running when this program ends.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

from calibration import parser


def main() -> None:
    """Stop and continue the process, until one of both programs ends."""
    arguments = parser("stutter", __doc__)
    arguments.add_argument("pid", type=int, help="id of a process that you started")
    arguments.add_argument("--period-ms", type=float, default=4, help="period in milliseconds (4)")
    arguments.add_argument(
        "--stopped", type=float, default=0.5, help="fraction of it in which it is stopped (0.5)"
    )
    options = arguments.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        while True:
            os.kill(options.pid, signal.SIGSTOP)
            time.sleep(options.period_ms * options.stopped / 1e3)
            os.kill(options.pid, signal.SIGCONT)
            time.sleep(options.period_ms * (1 - options.stopped) / 1e3)
    except ProcessLookupError:
        return
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(options.pid, signal.SIGCONT)


if __name__ == "__main__":
    main()

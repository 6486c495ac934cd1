"""Occupies a CPU after a delay: `python -m calibration.neighbour --after 20`.

The process starts to spin this many seconds after its start, and continues until it is terminated.
"""

from __future__ import annotations

import time

from calibration import parser


def main() -> None:
    """Wait, then spin."""
    arguments = parser("neighbour", __doc__)
    arguments.add_argument("--after", type=float, default=0, help="seconds until it starts to spin (0)")
    time.sleep(arguments.parse_args().after)
    while True:
        pass


if __name__ == "__main__":
    main()

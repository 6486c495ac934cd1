"""A process that wants a CPU from some moment on: `python -m calibration.neighbour --after 20`.

It begins to spin so many seconds after it was started, and goes on until it is ended.
"""

from __future__ import annotations

import argparse
import time


def main() -> None:
    """Wait, then spin."""
    parser = argparse.ArgumentParser(
        prog="python -m calibration.neighbour",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--after", type=float, default=0, help="seconds until it begins (0)")
    time.sleep(parser.parse_args().after)
    while True:
        pass


if __name__ == "__main__":
    main()

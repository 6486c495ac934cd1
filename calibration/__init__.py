"""Programs of known behaviour to validate the measurements with."""

import argparse
from typing import Any


def parser(name: str, description: str | None, **settings: Any) -> argparse.ArgumentParser:
    """Return the parser of a program's command line; the program's docstring is its help."""
    return argparse.ArgumentParser(
        prog=f"python -m calibration.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **settings,
    )

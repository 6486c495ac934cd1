"""Draw golden pictures anew: `python -m tests.golden [NAME ...]`."""

from __future__ import annotations

import argparse

from tests.golden import pictures
from tests.golden.figures import GOLDEN


def main() -> None:
    """Write the pictures named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which: all where none is named")
    names = parser.parse_args().names or list(GOLDEN)
    if unknown := [name for name in names if name not in GOLDEN]:
        parser.error(f"no such figure: {', '.join(unknown)}; there are {', '.join(GOLDEN)}")
    for name in names:
        with pictures.drawing():
            drawn = pictures.drawn(GOLDEN[name].figure())
        print(pictures.save(drawn, pictures.path(name)))
    stale = {file for file in pictures.FOLDER.glob("*.png") if file.stem not in GOLDEN}
    for file in stale:
        print(f"{file} is a picture of no figure: remove it")


if __name__ == "__main__":
    main()

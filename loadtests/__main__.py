"""Lists the scenarios without importing Locust: `python -m loadtests --list --json`."""

import argparse
import json

from loadtests import scenarios


def main() -> None:
    """List the scenarios, as text or as JSON."""
    parser = argparse.ArgumentParser(prog="python -m loadtests", description=__doc__)
    parser.add_argument("--list", action="store_true", required=True, help="list the scenarios")
    parser.add_argument("--json", action="store_true", help="as a JSON array")
    options = parser.parse_args()
    rows = [scenarios.load(name) for name in scenarios.names()]
    if options.json:
        keys = ("name", "title", "model", "steps", "needs_credential", "sets", "incident", "asks")
        print(json.dumps([{key: getattr(row, key) for key in keys} for row in rows]))
    else:
        print("\n".join(f"{row.name:<14} {row.model:<7} {row.title}" for row in rows))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Entry point in a checkout; the commands are in harness/cli/."""

from __future__ import annotations

from harness.system import interpreter

interpreter.check()

from harness.cli.app import main

if __name__ == "__main__":
    main()

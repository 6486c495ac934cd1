"""What the article and its readers claim or ask, one file a claim or a family: a module with `CLAIMS`."""

from __future__ import annotations

import importlib
import pkgutil

from harness.errors import SuiteError
from harness.studies.claims.claim import Claim


def find(numbers: list[int]) -> list[Claim]:
    """The claims of these numbers, or all, by number.

    Raises:
        SuiteError: There is none of a number.
    """
    modules = [
        importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)
    ]
    there = {claim.number: claim for module in modules for claim in module.CLAIMS}
    if unknown := [number for number in numbers if number not in there]:
        known = ", ".join(map(str, sorted(there)))
        raise SuiteError(f"no such claim: {', '.join(map(str, unknown))}; there are {known}.")
    return [there[number] for number in sorted(numbers or there)]

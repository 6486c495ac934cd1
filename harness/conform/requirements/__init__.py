"""What the contract asks, a file a theme; each has `REQUIREMENTS`."""

from harness.conform.requirement import Requirement
from harness.conform.requirements import carrying, changes, ends, guesses, logins, reads

#: All of them, in the order in which they are asked: guesses come last, since a server may answer them by
#: keeping everybody out who comes from there.
ALL: tuple[Requirement, ...] = (
    *reads.REQUIREMENTS,
    *logins.REQUIREMENTS,
    *carrying.REQUIREMENTS,
    *changes.REQUIREMENTS,
    *ends.REQUIREMENTS,
    *guesses.REQUIREMENTS,
)

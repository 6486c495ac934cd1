"""What the contract asks, a file a theme; each has `REQUIREMENTS`."""

from harness.conform.requirement import Requirement
from harness.conform.requirements import carrying, changes, ends, logins, reads

#: All of them, in the order in which they are asked: what keeps an account out comes last.
ALL: tuple[Requirement, ...] = (
    *reads.REQUIREMENTS,
    *logins.REQUIREMENTS,
    *carrying.REQUIREMENTS,
    *changes.REQUIREMENTS,
    *ends.REQUIREMENTS,
)

"""What the contract asks, a file a theme; each has `REQUIREMENTS`."""

from harness.testbed.contract.requirement import Requirement
from harness.testbed.contract.requirements import brute_force, credentials, logins, logout, reads, writes

#: All of them, in the order in which they are asked: guesses come last, since a server may answer them by
#: keeping everybody out who comes from there.
ALL: tuple[Requirement, ...] = (
    *reads.REQUIREMENTS,
    *logins.REQUIREMENTS,
    *credentials.REQUIREMENTS,
    *writes.REQUIREMENTS,
    *logout.REQUIREMENTS,
    *brute_force.REQUIREMENTS,
)

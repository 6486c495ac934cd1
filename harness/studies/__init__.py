"""Where claims are put to the test: live servers of any scheme, callers of them, and the list of answers."""

"""The instrument: from a suite to a result file, and from a result file to what people read."""

from typing import Final

#: Kept equal to pyproject.toml by a test.
__version__: Final = "0.1.0"

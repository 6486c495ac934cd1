"""Programs of known behaviour to validate the measurements with."""

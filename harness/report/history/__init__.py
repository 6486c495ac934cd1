"""How figures moved from run to run: series, change points, and how they are told."""

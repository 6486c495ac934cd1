"""The regression gate: what it compares with, what it asks, how it answers, and how it tells."""

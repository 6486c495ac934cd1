"""What a scheme would cost somebody, from what a run measured: `bench.py advise` (docs/advice.md)."""

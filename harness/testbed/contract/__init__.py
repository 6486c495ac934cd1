"""`bench.py conform`: what of the contract a server meets, line by line."""

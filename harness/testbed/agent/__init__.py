"""`bench.py agent`: CPU time and memory of servers on another machine, for whoever has the secret."""

"""The load engine held against Locust's own users, against wrk, and against a server that knows the truth."""

"""Load generator: a Locust project with a fast client, exact schedules and microsecond records."""

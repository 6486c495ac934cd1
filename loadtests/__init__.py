"""The load: a Locust project with a lean client, exact schedules and microsecond records."""

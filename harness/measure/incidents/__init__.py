"""What a scheme does while something goes wrong: all arms live through one incident at the same moment.

Slots, which deal time to one instance at a time, do not fit here. The load goes on at all arms at once, the
harness makes the incident happen, and what was seen is laid out over time.
"""

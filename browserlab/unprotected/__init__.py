"""Removal of single protections, by the proxy, so that no server has to be made unsafe."""

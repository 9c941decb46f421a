"""Pixels to instances, through an engine and a codec."""

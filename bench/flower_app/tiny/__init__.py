"""A federation that trains nothing, as an app for Flower's SuperLink and SuperNodes: what the benchmark `round` starts."""

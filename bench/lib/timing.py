"""How long things take: contestants in turns, so that whatever else the machine does hits all alike."""

import statistics
import time

REPEATS = 5
QUICK_REPEATS = 2  # of what takes long to prepare


def seconds_of(action):
    """Seconds of one call; an action that returns a float has measured itself."""
    began = time.perf_counter()
    own = action()
    took = time.perf_counter() - began
    return own if isinstance(own, float) else took


def in_turns(actions, repeats=REPEATS):
    """Seconds of each action of a dict, one after the other, so many times; a first turn is not counted."""
    for action in actions.values():
        action()
    taken = {label: [] for label in actions}
    for _ in range(repeats):
        for label, action in actions.items():
            taken[label].append(seconds_of(action))
    return taken


def median(samples):
    return statistics.median(samples)

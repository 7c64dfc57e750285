"""Whether benchmarks wrote what they should: one line of TAP for each.

    python3 check.py DIRECTORY NAME...
"""

import json
import math
import pathlib
import sys


def problem(path, name):
    """What is wrong with a benchmark's JSON, or None."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        return str(error)
    ratios, aims = found.get("ratios"), found.get("aims")
    if found.get("name") != name or not found.get("machine"):
        return "it does not say what was measured, and where"
    if not ratios or not aims or list(ratios) != list(aims):
        return "ratios and aims have different labels, or none"
    if not all(math.isfinite(n) and n > 0 for n in [*ratios.values(), *aims.values()]):
        return "a ratio is no number above 0"
    return None


def main(directory, *names):
    broken = 0
    for number, name in enumerate(names, 1):
        why = problem(pathlib.Path(directory) / f"{name}.json", name)
        print(f"ok {number} - {name}" if why is None else f"not ok {number} - {name}: {why}")
        broken += why is not None
    return broken > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

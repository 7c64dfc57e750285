"""Runs benchmarks by name; bench/run calls this with everything built."""

import argparse
import importlib
import pathlib
import signal
import sys
import traceback
from dataclasses import dataclass

from lib import machine, native
from lib.report import Report
from lib.timing import QUICK_REPEATS, REPEATS


@dataclass
class Bench:
    """What a benchmark gets."""
    quick: bool
    work: pathlib.Path  # a directory that is removed afterwards
    results: pathlib.Path

    def size(self, full, quick):
        return quick if self.quick else full

    @property
    def repeats(self):
        """Of what takes long to prepare."""
        return self.size(REPEATS, QUICK_REPEATS)


def run(name, bench):
    """One benchmark: measured, printed, written. False if it broke."""
    module = importlib.import_module("benchmarks." + name.replace("-", "_"))
    report = Report(name, machine.facts(native.level()), module.__doc__.strip())
    try:
        module.run(bench, report)
    except Exception:
        traceback.print_exc()
        print(f"benchmark {name}: broken", flush=True)
        return False
    print(report.markdown(), flush=True)
    for label in report.missed():
        print(f"benchmark {name}: aim missed: {label}: {report.ratios[label]:.2f}, aim {report.aims[label]:g}", flush=True)
    report.write(bench.results)
    print(f"benchmark {name}: ran", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--results", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("names", nargs="+")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that clusters are stopped on the way out
    bench = Bench(given.quick, given.work, given.results)
    print(f"{machine.facts(native.level())}{'; quick, so no figure counts' if bench.quick else ''}\n", flush=True)
    broken = [name for name in given.names if not run(name, bench)]
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()

"""Secure aggregation of N updates of d values in RAM, one Island's work and the server's: against AES-256-CTR for the masks' key streams alone, and Flower's SecAgg+."""

import numpy

from lib import secagg
from lib.timing import in_turns

AIM = 0.67  # of the floor's speed
COUNTED = 1_000_000  # values from which on the aim holds: below, agreeing on keys is most of the work


def beside_floor(bench, report, label, streams, values, ours):
    """A figure of each, and the ratio: how much of its time ours needs for nothing but key streams."""
    gigabytes = 4 * streams * values / 1e9
    taken = in_turns({"floor": lambda: secagg.floor(streams, values), "ours": ours}, bench.repeats)
    least = report.figure(f"AES-256-CTR for {label}", taken["floor"], gigabytes)
    whole = report.figure(label, taken["ours"], gigabytes)
    if values >= bench.size(COUNTED, 100_000):
        report.ratio(f"key streams over {label}", least / whole, AIM)


def servers(n, values):
    """How many drop out, for each run of the server: with many values, only without drop-outs."""
    return [0] if values > COUNTED else [0, n // 10, 3 * n // 10]


def flower(bench, report, cohort, update, masked):
    client = secagg.FlowerClient(cohort.n, update)
    taken = in_turns({"ours": lambda: cohort.island(update, masked), "Flower": client.mask}, bench.repeats)
    label = f"N {cohort.n}, d {len(update):.0e}"
    ours = report.figure(f"an Island beside Flower, {label}", taken["ours"])
    theirs = report.figure(f"Flower SecAgg+, a client that masks, {label}", taken["Flower"])
    report.ratio(f"Flower SecAgg+ client over an Island, {label}", theirs / ours, 5)


def run(bench, report):
    for n in bench.size((10, 50, 100), (10, 20)):
        with secagg.Cohort(n) as cohort:
            for values in bench.size((100_000, 1_000_000, 25_000_000), (20_000, 100_000)):
                update, masked = secagg.update_of(values), numpy.zeros(values, numpy.uint32)
                mean = numpy.zeros(values)
                label = f"N {n}, d {values:.1e}"
                beside_floor(bench, report, f"an Island, {label}", n, values, lambda: cohort.island(update, masked))
                for dropped in servers(n, values):
                    beside_floor(bench, report, f"the server, {label}, {dropped} dropped", (n - dropped) * (1 + dropped),
                                 values, lambda: cohort.server(dropped, masked, mean))
                if values in (100_000, 1_000_000) and n <= 50:
                    flower(bench, report, cohort, update, masked)
    report.note("CPU seconds of one process. GB/s of key stream. The server may divide its work among its processes.")
    report.note("An Island: its keys, both sharings, all envelopes sealed and opened, quantised and masked values. The server: all secrets from shares, sum, masks, mean; its updates are the same one in memory.")
    report.note("Flower's client only opens envelopes, quantises and masks; its masks come from 32 bits of the key and a Mersenne twister.")

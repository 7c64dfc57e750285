"""Flower's own aggregation functions over arrays in RAM."""

import types

import numpy
from flwr.common import FitRes, Code, Status, ndarrays_to_parameters
from flwr.server.strategy.aggregate import aggregate, aggregate_inplace

SAMPLES = 100
LAYERS = 50


def cut(vector, layers):
    """A vector as so many layers, without a copy."""
    return numpy.array_split(vector, layers)


class Updates:
    """The same updates in the forms that Flower's functions take; all of them in RAM before anything is timed."""

    def __init__(self, n_updates, n_values):
        rng = numpy.random.default_rng(2)
        self.vectors = [rng.standard_normal(n_values, dtype=numpy.float32) for _ in range(n_updates)]
        self.whole = [([vector], SAMPLES) for vector in self.vectors]
        self.layered = [(cut(vector, LAYERS), SAMPLES) for vector in self.vectors]
        self.results = [(types.SimpleNamespace(cid=str(i)), fit_result(vector)) for i, vector in enumerate(self.vectors)]

    def contestants(self):
        """What may be timed, by name. FedAvg's own is the last, whose updates are serialised as they arrive."""
        return {
            "Flower aggregate(), one layer": lambda: aggregate(self.whole) and None,
            f"Flower aggregate(), {LAYERS} layers": lambda: aggregate(self.layered) and None,
            f"Flower aggregate_inplace() of FedAvg, {LAYERS} layers": lambda: aggregate_inplace(self.results) and None,
        }


def fit_result(vector):
    return FitRes(Status(Code.OK, ""), ndarrays_to_parameters(cut(vector, LAYERS)), SAMPLES, {})


def best(report, taken, gigabytes):
    """Seconds of the quickest of Flower's functions; all of them are shown."""
    return min(report.figure(label, seconds, gigabytes) for label, seconds in taken.items() if label.startswith("Flower"))

#!/usr/bin/python3
"""The server of secure aggregation against scripted Islands. Needs a fresh server: see part_secagg of scripts/test."""

import unittest

import federation
import numpy

SERVER = []


def setUpModule():
    SERVER.append(federation.Server(7))


def server():
    return SERVER[0]


def model(count, seed=1):
    return numpy.random.default_rng(seed).uniform(-1, 1, count).astype(numpy.float32)


class Rounds(unittest.TestCase):
    def complete(self, numbers, count, mode, **config):
        base = model(count)
        session = server().start(numbers, base, mode=mode, secagg_metrics="none", **config)
        server().until(session, "advertise", numbers)
        document = server().players[numbers[0]].task(session)["secagg"]
        server().until(session, "done", numbers)
        self.assertEqual(server().status(session), ("completed", None))
        numpy.testing.assert_array_equal(server().weights(session), server().expected(base, numbers, document, 1))

    def test_three_active(self):
        self.complete([1, 2, 3], 10, "active")

    def test_five_active(self):
        self.complete([1, 2, 3, 4, 5], 5000, "active")

    def test_semi_honest(self):
        self.complete([1, 2, 3, 4], 2017, "semi_honest")

    def test_several_slices(self):
        self.complete([1, 2, 3], 2 * 262080 + 17, "active", secagg_sample_cap=300)


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/python3
"""Tests of the hospital example itself, without a server: ./test_hospital.py"""

import pathlib
import sys
import unittest

import numpy as np

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import data
import logistic
import trainer


class Deal(unittest.TestCase):
    """How patients are dealt to hospitals."""

    def setUp(self):
        self.inputs, self.labels = data.load_patients()

    def test_every_patient_has_one_place(self):
        for n_islands in (1, 3, 20, 26):
            dealt, test = data.deal(self.inputs, self.labels, n_islands, seed=1)
            everything = np.sort(np.concatenate([*dealt, test]))
            self.assertTrue((everything == np.arange(569)).all())
            self.assertEqual((len(test), self.labels[test].sum()), (113, 42))

    def test_hospitals_differ_in_size_and_patients(self):
        dealt, _ = data.deal(self.inputs, self.labels, 3, seed=1)
        sizes = [len(part) for part in dealt]
        malignant = [self.labels[part].mean() for part in dealt]
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        self.assertGreater(malignant[0], 0.5)
        self.assertLess(malignant[2], 0.15)

    def test_ranges_are_those_of_the_data(self):
        """A wrong constant would cut values off or leave part of -1..1 unused."""
        np.testing.assert_allclose(self.inputs.min(axis=0), -1, atol=0.03)
        np.testing.assert_allclose(self.inputs.max(axis=0), 1, atol=0.03)


class Network(unittest.TestCase):
    """Logistic regression."""

    def setUp(self):
        inputs, self.labels = data.load_patients()
        self.inputs = inputs.astype(np.float64)
        rng = np.random.default_rng(0)
        self.weights = {"weight": rng.normal(0, 1, (1, 30)), "bias": rng.normal(0, 1, 1)}

    def test_gradients_match_finite_differences(self):
        slopes, _ = logistic.gradients(self.weights, self.inputs, self.labels)
        for name, place in (("weight", (0, 0)), ("weight", (0, 29)), ("bias", (0,))):
            kept, losses = self.weights[name][place], []
            for step in (1e-3, -1e-3):
                self.weights[name][place] = kept + step
                losses.append(logistic.gradients(self.weights, self.inputs, self.labels)[1])
            self.weights[name][place] = kept
            self.assertAlmostEqual(slopes[name][place], (losses[0] - losses[1]) / 2e-3, places=4)

    def test_it_learns(self):
        hyper = trainer.Hyper(local_epochs=50, learning_rate=0.1, batch_size=16)
        inputs = self.inputs.astype(np.float32)
        trained, _ = logistic.train(logistic.initial(1), inputs, self.labels, hyper, np.random.default_rng(0))
        self.assertGreater(logistic.evaluate(trained, inputs, self.labels)["accuracy"], 0.95)

    def test_extreme_scores_stay_finite(self):
        weights = {"weight": np.full((1, 30), 1e30, np.float32), "bias": np.zeros(1, np.float32)}
        scores = logistic.evaluate(weights, self.inputs.astype(np.float32), self.labels)
        self.assertTrue(np.isfinite(scores["loss"]))


if __name__ == "__main__":
    unittest.main()

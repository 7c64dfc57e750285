#!/usr/bin/python3
"""Tests of the hospital example itself, without a server: ./test_hospital.py"""

import math
import pathlib
import sys
import unittest

import numpy as np

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import data
import logistic
import membership
import noise
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


class Membership(unittest.TestCase):
    """The attack that says whether a hospital took part."""

    ROUNDS, CLIP_NORM, RUNS = 4, 0.5, 1200

    def setUp(self):
        self.hospitals, self.test = membership.load(3)

    def measure(self, epsilon):
        return membership.measure(self.hospitals, self.test, 0, self.ROUNDS, self.CLIP_NORM, epsilon, self.RUNS, seed=1)

    def test_many_models_train_like_one(self):
        """The attack must run what the Islands run."""
        name, inputs, labels = self.hospitals[1]
        task = {"config": membership.CONFIG, "round": 3}
        start = {"weight": np.full((1, 30), 0.1, np.float32), "bias": np.full(1, -0.2, np.float32)}
        one, _ = logistic.train(start, inputs, labels, membership.HYPER, trainer.task_rng(task, name))
        models = np.zeros((2, 31), np.float32)
        models[1] = np.concatenate([start["weight"][0], start["bias"]])
        many = membership.train_many(models, inputs, labels, trainer.task_rng(task, name))
        np.testing.assert_allclose(many[1], np.concatenate([one["weight"][0], one["bias"]]), atol=1e-4)
        self.assertGreater(abs(many[0] - many[1]).max(), 1e-3)

    def test_noise_for_an_epsilon(self):
        self.assertAlmostEqual(membership.epsilon_of(1.0, 1), 4.37718, places=4)
        self.assertAlmostEqual(membership.epsilon_of(2.1, 12), 7.90464, places=4)
        for epsilon in (0.1, 1, 8, 40):
            z = membership.noise_multiplier(epsilon, 12)
            self.assertAlmostEqual(membership.epsilon_of(z, 12), epsilon, places=6)

    def test_without_privacy_everybody_is_found(self):
        row = self.measure(math.inf)
        self.assertEqual((row["loss"], row["best"]), (1, 1))

    def test_attacks_find_less_with_less_epsilon_and_never_more_than_they_may(self):
        """Against Gaussian noise nobody is right more often than Phi(mu / 2), mu^2 = rounds / z^2."""
        right = []
        for epsilon in (16, 4, 1):
            row = self.measure(epsilon)
            most = 0.5 + 0.5 * math.erf(math.sqrt(self.ROUNDS) / row["z"] / 2 / math.sqrt(2))
            error = 4 * math.sqrt(0.25 / self.RUNS)
            self.assertLess(abs(row["best"] - most), error)  # in these rounds every update is clipped
            self.assertLess(row["loss"], most + 2 * error)
            self.assertLess(most, row["bound"])
            right.append((row["loss"], row["best"]))
        self.assertGreater(right[0][0], 0.7)
        self.assertGreater(right[0][0], right[1][0])
        self.assertGreater(right[1][1], right[2][1])


class Noise(unittest.TestCase):
    """What is found of the noise in models."""

    def measure(self, deviation, honest=None, hospitals=5):
        """A session of ten rounds with this noise on the sum, of which the document says that it is 1."""
        private = {"noise_std_sum": 1.0, "divisor": hospitals, **({"honest_updates": honest} if honest else {})}
        config = {**membership.CONFIG, "dp_clip_norm": 0.5}
        dealt, _ = membership.load(hospitals)
        rng, models = np.random.default_rng(1), [logistic.initial(0)]
        for number in range(1, 11):
            total = noise.clipped_sum(dealt, models[-1], config, number, 0.5) + rng.normal(0, deviation, 31)
            vector = (noise.flat(models[-1]) + total / hospitals).astype(np.float32)
            models.append({"weight": vector[None, :30], "bias": vector[30:]})
        complete = [number != 4 for number in range(1, 11)]
        return noise.measure({"privacy": private, "config": config}, models, complete, dealt)

    def test_noise_is_found(self):
        for deviation, honest in (1, None), (math.sqrt(5 / 3), 3):
            found = self.measure(deviation, honest)
            self.assertEqual(found.size, 9 * 31)
            self.assertTrue(noise.is_right(found), found.std())

    def test_too_little_and_too_much_is_found(self):
        for deviation, honest in (0.7, None), (1.4, None), (1, 3), (0, 3):
            self.assertFalse(noise.is_right(self.measure(deviation, honest)), deviation)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/python3
"""Tests of the digits example itself, without a server: ./test_trainer.py"""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest

import numpy as np

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import data
import mlp
import safetensors_io
import trainer

CONFIG = {"local_epochs": 2, "learning_rate": 0.2, "batch_size": 16, "proximal_mu": 0.1, "seed": 5}


class Safetensors(unittest.TestCase):
    """The file helper."""

    def test_round_trip_keeps_bits_and_shapes(self):
        tensors = {"b": np.float32([[1.5, -0.0], [3e-45, np.inf]]), "a": np.zeros((0, 3), np.float32)}
        with tempfile.TemporaryDirectory() as name:
            path = pathlib.Path(name) / "x.safetensors"
            safetensors_io.write(path, tensors, {"k": "v"})
            again = safetensors_io.read(path)
        self.assertEqual(sorted(again), ["a", "b"])
        for key, value in tensors.items():
            self.assertEqual(again[key].shape, value.shape)
            self.assertEqual(again[key].tobytes(), value.tobytes())


class Deal(unittest.TestCase):
    """How images are dealt to Islands."""

    def test_every_image_has_one_place(self):
        _, labels = data.load_images()
        for n_islands in (1, 2, 3, 7, 26):
            parts, test = data.deal(labels, n_islands, seed=2)
            everything = np.sort(np.concatenate([*parts, test]))
            self.assertTrue((everything == np.arange(len(labels))).all())
            self.assertEqual(len(test), 360)

    def test_islands_are_not_alike(self):
        _, labels = data.load_images()
        parts, _ = data.deal(labels, 3, seed=2)
        for part in parts:
            counts = np.sort(np.bincount(labels[part], minlength=10))
            self.assertGreater(counts[-4:].sum(), 0.85 * counts.sum())

    def test_deal_repeats(self):
        _, labels = data.load_images()
        for one, other in zip(data.deal(labels, 3, 2)[0], data.deal(labels, 3, 2)[0]):
            self.assertTrue((one == other).all())


class Network(unittest.TestCase):
    """The numpy network."""

    def setUp(self):
        images, labels = data.load_images()
        self.images, self.labels = images[:40].astype(np.float64), labels[:40]
        self.weights = {k: v.astype(np.float64) for k, v in mlp.initial(3).items()}

    def test_gradients_match_finite_differences(self):
        slopes, _ = mlp.gradients(self.weights, self.images, self.labels)
        rng = np.random.default_rng(0)
        for name, value in self.weights.items():
            for _ in range(5):
                place = tuple(rng.integers(n) for n in value.shape)
                kept, losses = value[place], []
                for step in (1e-6, -1e-6):
                    value[place] = kept + step
                    losses.append(mlp.gradients(self.weights, self.images, self.labels)[1])
                value[place] = kept
                self.assertAlmostEqual(slopes[name][place], (losses[0] - losses[1]) / 2e-6, places=5)

    def test_proximal_term_pulls_by_mu_times_distance(self):
        """Two full-batch steps: the second differs by exactly rate * mu * (first step's move)."""
        images, labels = self.images.astype(np.float32), self.labels
        start = mlp.initial(3)
        steps = {}
        for mu in (0.0, 0.5):
            for epochs in (1, 2):
                hyper = trainer.Hyper(epochs, 0.1, len(labels), mu)
                steps[mu, epochs], _ = mlp.train(start, images, labels, hyper, np.random.default_rng(0))
        for name, value in start.items():
            self.assertTrue((steps[0.0, 1][name] == steps[0.5, 1][name]).all())
            pull = steps[0.0, 2][name] - steps[0.5, 2][name]
            expected = 0.1 * 0.5 * (steps[0.0, 1][name] - value)
            np.testing.assert_allclose(pull, expected, atol=1e-6)


class Contract(unittest.TestCase):
    """The trainer's files."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.dir = pathlib.Path(holder.name)
        list(data.write_islands(self.dir, 3, seed=2))
        safetensors_io.write(self.dir / "model", mlp.initial(1))

    def run_task(self, **task):
        """Run the trainer as island-a; return its result and the bytes of its update, if any."""
        task = {"kind": "train", "round": 1, "config": CONFIG, **task}
        (self.dir / "task").write_text(json.dumps(task), encoding="utf-8")
        names = ("FED_MODEL", "FED_TASK", "FED_UPDATE", "FED_RESULT")
        environ = {name: str(self.dir / name[4:].lower()) for name in names}
        (self.dir / "update").unlink(missing_ok=True)
        with contextlib.redirect_stdout(io.StringIO()):
            trainer.run(mlp, self.dir / "island-a.npz", {**environ, "FED_HOST_ID": "island-a"})
        update = self.dir / "update"
        result = json.loads((self.dir / "result").read_text(encoding="utf-8"))
        return result, update.read_bytes() if update.exists() else None

    def test_training_learns(self):
        result, update = self.run_task()
        self.assertEqual(result["update"], "weights")
        self.assertGreater(result["num_samples"], 300)
        self.assertLess(result["training"]["loss"], result["evaluation"]["loss"])
        self.assertIsNotNone(update)

    def test_same_task_same_bytes(self):
        self.assertEqual(self.run_task(), self.run_task())

    def test_another_round_or_seed_is_another_draw(self):
        update = self.run_task()[1]
        self.assertNotEqual(update, self.run_task(round=2)[1])
        self.assertNotEqual(update, self.run_task(config={**CONFIG, "seed": 6})[1])

    def test_evaluation_only(self):
        result, update = self.run_task(kind="evaluate")
        self.assertEqual(sorted(result), ["evaluation", "num_samples"])
        self.assertIsNone(update)

    def test_divergence_is_an_error(self):
        with self.assertRaisesRegex(SystemExit, "diverged"), np.errstate(all="ignore"):
            self.run_task(config={**CONFIG, "learning_rate": 1e6, "proximal_mu": 50})


if __name__ == "__main__":
    unittest.main()

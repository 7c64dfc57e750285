#!/usr/bin/python3
"""Attack the models: did a hospital take part? With how much privacy does that stay hidden?

The unit of privacy is one participant, and so is what is attacked here: --target takes part in half
of the runs and in the other half does not, nothing else differs. After each run two attackers say
which it was; by tossing a coin they would be right half of the time.

* "loss" has the last model and the target's patients, and has rehearsed on as many runs of its own: it
  compares the model's loss on these patients with the losses of rehearsals with the target and without
  it (likelihood ratio of two Gaussians; Carlini et al. 2022, with a participant in place of a record).
* "best" knows all models, all data of everybody else and every random number but the noise. No attack
  on the models can be right more often, since its ratio of likelihoods is the exact one.

The bound is what (epsilon, delta) differential privacy promises about any attacker: being right at most
with e^epsilon / (1 + e^epsilon), and delta. Runs follow the server's rule (clip to the clip norm, sum,
noise, fixed divisor) and the Islands' trainer, many at a time; the noise is numpy's, which is good
enough to measure with, and not to protect with. Prints a table in Markdown.
"""

import argparse
import math
import os
import pathlib
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import data
import parts
import trainer

CONFIG = {"local_epochs": 20, "learning_rate": 0.1, "batch_size": 16, "seed": 1}
HYPER = trainer.Hyper.from_config(CONFIG)
DELTA = 1e-5
MOST_Z = 1e6
NO_CLIP = 1e30
LEAST_NOISE = 1e-6  # where there is none: a ratio of likelihoods needs some


def epsilon_of(z, rounds, delta=DELTA):
    """Return the epsilon of `rounds` rounds with noise multiplier z (Balle, Wang 2018, theorem 8)."""
    from scipy.special import log_ndtr

    mu = math.sqrt(rounds) / z

    def too_small(epsilon):
        here = math.exp(log_ndtr(mu / 2 - epsilon / mu))
        there = math.exp(epsilon + log_ndtr(-mu / 2 - epsilon / mu))
        return here - there > delta

    low, high = 0.0, 1.0
    while too_small(high):
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if too_small(middle) else (low, middle)
    return high


def noise_multiplier(epsilon, rounds):
    """Return the least noise multiplier with which `rounds` rounds cost at most epsilon."""
    low, high = 1e-2, MOST_Z
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if epsilon_of(middle, rounds) <= epsilon else (middle, high)
    return high


def train_many(models, inputs, labels, rng):
    """Return `models` (runs, 31) after local training, each as logistic.train would train it."""
    models = models.copy()
    inputs = np.hstack([inputs, np.ones((len(inputs), 1), np.float32)])
    for _ in range(HYPER.local_epochs):
        order = rng.permutation(len(labels))
        for start in range(0, len(order), HYPER.batch_size):
            batch = order[start : start + HYPER.batch_size]
            chances = 0.5 + 0.5 * np.tanh(0.5 * (models @ inputs[batch].T))
            models -= np.float32(HYPER.learning_rate / len(batch)) * ((chances - labels[batch]) @ inputs[batch])
    return models


def clipped(updates, clip_norm):
    """Return updates (runs, 31) in float64, each scaled down to the clip norm where it is longer."""
    updates = updates.astype(np.float64)
    norms = np.linalg.norm(updates, axis=1, keepdims=True)
    return updates * np.minimum(1, clip_norm / np.maximum(norms, 1e-300))


def updates_of(hospitals, models, number, clip_norm):
    """Return (hospitals, runs, 31): what each hospital sends in this round, clipped, from each of the models."""
    sent = []
    for name, inputs, labels in hospitals:
        rng = trainer.task_rng({"config": CONFIG, "round": number}, name)
        sent.append(clipped(train_many(models, inputs, labels, rng) - models, clip_norm))
    return np.array(sent)


def belief_of(beyond, of_target, noise):
    """Return (runs,): the log of how much likelier it is that the target is in `beyond` than that it is not.

    beyond is what a round's sum has beyond the others' updates: noise, of that standard deviation, and in
    some of the runs the target's update.
    """
    return (beyond * of_target).sum(axis=1) / noise**2 - (of_target**2).sum(axis=1) / (2 * noise**2)


def run_sessions(hospitals, target, takes_part, rounds, clip_norm, z, rng):
    """Run len(takes_part) sessions at once; return (last models, what "best" thinks of each, as belief_of).

    hospitals is [(name, inputs, labels)]; takes_part says per run whether the target is in.
    """
    models = np.zeros((len(takes_part), 31), np.float32)
    belief = np.zeros(len(takes_part))
    noise = max(z * clip_norm, LEAST_NOISE)
    for number in range(1, rounds + 1):
        sent = updates_of(hospitals, models, number, clip_norm)
        beyond = rng.normal(0, noise, models.shape) + sent[target] * takes_part[:, None]
        belief += belief_of(beyond, sent[target], noise)
        others = sent.sum(axis=0) - sent[target]
        models = (models + (others + beyond) / len(hospitals)).astype(np.float32)
    return models, belief


def losses(models, inputs, labels):
    """Return the mean loss (runs,) of each model on the patients, as a logarithm: more like a Gaussian."""
    scores = (models[:, :30] @ inputs.T + models[:, 30:]).astype(np.float64)
    wrong = np.where(labels == 1, -scores, scores)
    return np.log(np.logaddexp(0, wrong).mean(axis=1) + 1e-12)


def log_likelihood(values, seen):
    """Return the log density of values under a Gaussian fitted to `seen`."""
    spread = max(seen.std(), 1e-9)
    return -(((values - seen.mean()) / spread) ** 2) / 2 - math.log(spread)


def loss_attack_says(rehearsed, takes_part, values):
    """Return (runs,): whether the loss attack takes each of the losses `values` for one with the target.

    rehearsed are losses of its own runs, takes_part whether the target was in those.
    """
    return log_likelihood(values, rehearsed[takes_part]) > log_likelihood(values, rehearsed[~takes_part])


def loss_attack(models, takes_part, inputs, labels):
    """Return how often the loss attack is right: it rehearses on half of the runs, then is tested on the rest."""
    values = losses(models, inputs, labels)
    own = np.arange(len(values)) % 4 < 2
    says = loss_attack_says(values[own], takes_part[own], values[~own])
    return float((says == takes_part[~own]).mean())


def accuracy(models, inputs, labels):
    """Return the mean accuracy of models on the held-out patients."""
    scores = models[:, :30] @ inputs.T + models[:, 30:]
    return float(((scores > 0) == (labels == 1)).mean())


def load(n_islands, seed=1):
    """Return ([(name, inputs, labels)], (test inputs, test labels)): training parts only, as data.py deals them."""
    inputs, labels = data.load_patients()
    dealt, test = data.deal(inputs, labels, n_islands, seed)
    hospitals = []
    for index, part in enumerate(dealt):
        train, _ = parts.split(part, data.VALIDATION_SHARE)
        hospitals.append((parts.island_name(index, "hospital"), inputs[train], labels[train]))
    return hospitals, (inputs[test], labels[test])


def bound_of(epsilon):
    """Return how often any attacker may be right: 1 where nothing is promised."""
    return min(1.0, 1 / (1 + math.exp(-epsilon)) + DELTA)


def row_words(epsilon, row):
    """Return a row of the table in Markdown."""
    name = f"{epsilon:g}" if math.isfinite(epsilon) else "none"
    return (f"| {name} | {row['z']:.2f} | {row['loss']:.3f} | {row['best']:.3f} | {row['bound']:.3f} "
            f"| {row['accuracy']:.3f} |")


def measure(hospitals, test, target, rounds, clip_norm, epsilon, runs, seed):
    """Return a row: noise multiplier, accuracies of the attacks, bound, accuracy of the model with the target."""
    private = math.isfinite(epsilon)
    z = noise_multiplier(epsilon, rounds) if private else 0.0
    takes_part = np.arange(runs) % 2 == 0
    rng = np.random.default_rng(seed)
    models, belief = run_sessions(hospitals, target, takes_part, rounds, clip_norm if private else NO_CLIP, z, rng)
    _, inputs, labels = hospitals[target]
    return {
        "z": z,
        "loss": loss_attack(models, takes_part, inputs, labels),
        "best": float(((belief > 0) == takes_part).mean()),
        "bound": bound_of(epsilon),
        "accuracy": accuracy(models[takes_part], *test),
    }


def add_options(parser, runs):
    """Give an argparse parser what this script and the one for a real server have in common."""
    parser.add_argument("--islands", type=int, default=3, help="hospitals (default 3)")
    parser.add_argument("--rounds", type=int, default=12, help="rounds of a session (default 12)")
    parser.add_argument("--clip-norm", type=float, default=0.5, help="(default 0.5)")
    parser.add_argument("--target", type=int, default=0, help="number of the attacked one (default 0, the largest)")
    parser.add_argument("--runs", type=int, default=runs, help=f"sessions, half of them with the target (default {runs})")
    parser.add_argument("--seed", type=int, default=1, help="of the simulated noise (default 1)")


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, runs=4000)
    parser.add_argument("--epsilon", type=float, nargs="*", default=[math.inf, 16, 8, 4, 2, 1, 0.5])
    options = parser.parse_args()
    hospitals, test = load(options.islands)
    print("| epsilon | noise multiplier | \"loss\" is right | \"best\" is right | bound | accuracy of the model |")
    print("|---|---|---|---|---|---|")
    for epsilon in options.epsilon:
        row = measure(hospitals, test, options.target, options.rounds, options.clip_norm, epsilon, options.runs, options.seed)
        print(row_words(epsilon, row), flush=True)


if __name__ == "__main__":
    main()

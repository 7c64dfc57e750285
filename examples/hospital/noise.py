#!/usr/bin/python3
"""Measure the noise in a session's models: what each round added beyond the hospitals' clipped updates.

Trainers give the same update for the same task again, so whoever has the patients of all hospitals can take
the updates off again, and what is left of a model is its noise. Reads the session document from standard
input and, in --versions, the models and the list of them that scripts/demo makes. A round in which not every
hospital's update counted is left out. Prints the standard deviation of the noise in parts of what the document
says that it should be, and fails if it is not that within four standard errors. Where the models of a session
do not show it (a server's optimiser, clipping that adapts, Islands that are drawn) it says so.
"""

import argparse
import json
import math
import pathlib
import sys

import numpy as np

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import logistic
import membership
import safetensors_io
import trainer


def flat(weights):
    """Return a model's 31 parameters as one vector in float64."""
    return np.concatenate([weights["weight"][0], weights["bias"]]).astype(np.float64)


def clipped_sum(hospitals, weights, config, number, clip_norm):
    """Return the sum (31,) of the hospitals' clipped updates in this round; hospitals is [(name, inputs, labels)]."""
    total = np.zeros(31)
    for name, inputs, labels in hospitals:
        rng = trainer.task_rng({"config": config, "round": number}, name)
        trained, _ = logistic.train(weights, inputs, labels, trainer.Hyper.from_config(config), rng)
        total += membership.clipped((flat(trained) - flat(weights))[None], clip_norm)[0]
    return total


def noise_due(privacy, hospitals):
    """Return the standard deviation that the noise of a sum of so many updates should have.

    Where the hospitals add the noise the document tells that of the honest ones that count; all add theirs.
    """
    honest = privacy.get("honest_updates")
    return privacy["noise_std_sum"] * (math.sqrt(hospitals / honest) if honest else 1)


def shows_noise(config):
    """Return whether a model of a session with this config is the one before and a mean of clipped updates."""
    return config["server_optimizer"] == "fed_avg" and config["server_learning_rate"] == 1 and "dp_clip_norm" in config


def measure(document, models, complete, hospitals):
    """Return all noise (n,) in standard deviations that it should have.

    models are those of rounds 0, 1, 2 ..., complete says of each round from 1 on whether all hospitals are in it.
    """
    privacy, config, noise = document["privacy"], document["config"], [[]]
    for number in np.flatnonzero(complete) + 1:
        before, after = models[number - 1], models[number]
        total = clipped_sum(hospitals, before, config, int(number), config["dp_clip_norm"])
        noise.append((flat(after) - flat(before)) * privacy["divisor"] - total)
    return np.concatenate(noise) / noise_due(privacy, len(hospitals))


def is_right(noise):
    """Return whether numbers (n,) may be noise of standard deviation 1: within four standard errors."""
    return abs((noise**2).mean() - 1) < 4 * math.sqrt(2 / noise.size) and abs(noise.mean()) < 4 / math.sqrt(noise.size)


def main():
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--versions", type=pathlib.Path, required=True, help="the folder with models and their list")
    parser.add_argument("islands", nargs="+", type=pathlib.Path, help="the hospitals' .npz files")
    options = parser.parse_args()
    document = json.load(sys.stdin)
    hospitals = []
    for path in options.islands:
        data = np.load(path)
        hospitals.append((path.stem, data["train_inputs"], data["train_labels"]))
    listed = [line.split("\t") for line in (options.versions / "list").read_text().splitlines()]
    models = [safetensors_io.read(options.versions / f"{version}.safetensors") for _, version, *_ in listed]
    complete = [line[-1] == str(len(hospitals)) for line in listed[1:]]
    if not shows_noise(document["config"]) or not any(complete):
        print("noise: not to be seen in the models of this session")
        return
    noise = measure(document, models, complete, hospitals)
    print(f"noise: {noise.std():.3f} of the standard deviation that it should have, {noise.size} values, mean {noise.mean():.3f}")
    sys.exit(0 if is_right(noise) else 1)


if __name__ == "__main__":
    main()

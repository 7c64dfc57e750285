#!/usr/bin/python3
"""What federation is compared with: the same network trained centrally, and by each Island alone.

Both start from the same model and train for as many epochs as the session did in all its rounds.
"Central" sees the training data of all Islands pooled, which is what federated learning avoids;
"alone" is the mean over the Islands, each of which sees its own only. All are measured on the
held-out data. Prints: central=0.967 alone=0.712, after a line per Island.
"""

import argparse
import json
import os
import pathlib

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import networks
import safetensors_io
import trainer


def accuracy_after_training(network, weights, parts, test, hyper):
    """Train on the pooled `parts` [(inputs, labels)] and return the accuracy on `test`."""
    inputs = np.concatenate([part[0] for part in parts])
    labels = np.concatenate([part[1] for part in parts])
    trained, _ = network.train(weights, inputs, labels, hyper, np.random.default_rng(0))
    return network.evaluate(trained, test["inputs"], test["labels"])["accuracy"]


def main():
    """Print the accuracy of each Island alone, then central and the mean alone."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    networks.add_option(parser)
    parser.add_argument("--model", required=True, help="the base model of the session")
    parser.add_argument("--rounds", type=int, required=True, help="rounds of the session")
    parser.add_argument("--config", type=json.loads, required=True, help="the session's config")
    parser.add_argument("--test", required=True, help="test.npz, made by data.py")
    parser.add_argument("islands", nargs="+", help="the Islands' .npz files")
    options = parser.parse_args()
    network = networks.load(options.net)
    weights = safetensors_io.read(options.model)
    test = np.load(options.test)
    config = options.config
    epochs = options.rounds * trainer.Hyper.from_config(config).local_epochs
    hyper = trainer.Hyper.from_config({**config, "local_epochs": epochs, "proximal_mu": 0})

    parts = []
    for path in options.islands:
        data = np.load(path)
        parts.append((data["train_inputs"], data["train_labels"]))
    alone = [accuracy_after_training(network, weights, [part], test, hyper) for part in parts]
    for path, part, accuracy in zip(options.islands, parts, alone):
        name = pathlib.Path(path).stem
        print(f"{name} alone: {len(part[1])} for training, accuracy {accuracy:.3f}")
    central = accuracy_after_training(network, weights, parts, test, hyper)
    print(f"central={central:.3f} alone={np.mean(alone):.3f}")


if __name__ == "__main__":
    main()

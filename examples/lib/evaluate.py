#!/usr/bin/python3
"""Measure models on held-out data: evaluate.py --net mlp --test test.npz MODEL..."""

import argparse

import numpy as np

import networks
import safetensors_io


def main():
    """Print one line per model file: path, loss, accuracy."""
    parser = argparse.ArgumentParser(description=__doc__)
    networks.add_option(parser)
    parser.add_argument("--test", required=True, help="test.npz, made by data.py")
    parser.add_argument("models", nargs="+", help="safetensors files")
    options = parser.parse_args()
    network = networks.load(options.net)
    test = np.load(options.test)
    for path in options.models:
        scores = network.evaluate(safetensors_io.read(path), test["inputs"], test["labels"])
        print(f"{path}\t{scores['loss']:.4f}\t{scores['accuracy']:.4f}")


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Write an untrained model, the base of a session: make_model.py --net mlp [--seed 1] FILE."""

import argparse

import networks
import safetensors_io


def main():
    """Write the file and say how many parameters it has."""
    parser = argparse.ArgumentParser(description=__doc__)
    networks.add_option(parser)
    parser.add_argument("--seed", type=int, default=1, help="of the initialisation (default 1)")
    parser.add_argument("file", help="safetensors file to write")
    options = parser.parse_args()
    weights = networks.load(options.net).initial(options.seed)
    safetensors_io.write(options.file, weights, {"network": options.net, "task": networks.FOLDERS[options.net]})
    print(f"{options.file}: {sum(value.size for value in weights.values())} parameters")


if __name__ == "__main__":
    main()

"""Logistic regression in numpy: 30 measurements in, the probability of "malignant" out.

Weights are {name: float32 array}: weight (1, 30) and bias (1,), 31 parameters. The model starts at
zero, so that nothing but data and noise is in it.
"""

import numpy as np

FEATURES = 30


def initial(seed):
    """Return the untrained model: zeros, whatever the seed."""
    return {"weight": np.zeros((1, FEATURES), np.float32), "bias": np.zeros(1, np.float32)}


def probabilities(weights, inputs):
    """Return the probability of "malignant" (n,) of inputs (n, 30)."""
    scores = inputs @ weights["weight"][0] + weights["bias"][0]
    return np.float32(0.5) + np.float32(0.5) * np.tanh(np.float32(0.5) * scores)


def mean_loss(chances, labels):
    """Return the mean cross-entropy in nats of probabilities (n,) against labels (n,)."""
    right = np.where(labels == 1, chances, 1 - chances).astype(np.float64)
    return float(-np.log(np.maximum(right, 1e-12)).mean())


def gradients(weights, inputs, labels):
    """Return ({name: d mean_loss / d weight}, mean_loss) on one batch."""
    chances = probabilities(weights, inputs)
    wrong = (chances - labels).astype(inputs.dtype) / len(labels)
    return {"weight": (wrong @ inputs)[None], "bias": wrong.sum(keepdims=True)}, mean_loss(chances, labels)


def train(weights, inputs, labels, hyper, rng):
    """Train a copy of `weights` by mini-batch SGD; return it and the last epoch's mean loss.

    FedProx as in ../digits/mlp.py. `rng` draws the order of the patients.
    """
    current = {name: value.copy() for name, value in weights.items()}
    rate, mu = np.float32(hyper.learning_rate), np.float32(hyper.proximal_mu)
    losses = []
    for _ in range(hyper.local_epochs):
        order = rng.permutation(len(labels))
        losses = []
        for start in range(0, len(order), hyper.batch_size):
            batch = order[start : start + hyper.batch_size]
            slopes, loss = gradients(current, inputs[batch], labels[batch])
            losses.append(loss)
            for name, value in current.items():
                value -= rate * (slopes[name] + mu * (value - weights[name]))
    return current, float(np.mean(losses)) if losses else 0.0


def evaluate(weights, inputs, labels):
    """Return {"loss", "accuracy"} of the weights on inputs (n, 30) and labels (n,)."""
    chances = probabilities(weights, inputs)
    return {"loss": mean_loss(chances, labels), "accuracy": float(((chances > 0.5) == labels).mean())}

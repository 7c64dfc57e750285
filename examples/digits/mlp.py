"""A network for 8x8 digits in numpy: 64 pixels, one hidden ReLU layer, softmax over ten digits.

Three functions make a network usable by the trainer and the other scripts of this folder:
`initial`, `train` and `evaluate`; cnn.py has the same three for PyTorch. Weights are
{name: float32 array}: hidden.weight (64, 64), hidden.bias (64,), output.weight (10, 64),
output.bias (10,).
"""

import numpy as np

HIDDEN = 64


def initial(seed):
    """Return random weights (He initialisation), the same for the same seed."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, n_out, n_in in (("hidden", HIDDEN, 64), ("output", 10, HIDDEN)):
        spread = np.sqrt(2 / n_in)
        weights[f"{name}.weight"] = rng.normal(0, spread, (n_out, n_in)).astype(np.float32)
        weights[f"{name}.bias"] = np.zeros(n_out, np.float32)
    return weights


def forward(weights, images):
    """Return hidden activations (n, HIDDEN) and digit probabilities (n, 10) of images (n, 64)."""
    hidden = np.maximum(images @ weights["hidden.weight"].T + weights["hidden.bias"], 0)
    scores = hidden @ weights["output.weight"].T + weights["output.bias"]
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return hidden, scores / scores.sum(axis=1, keepdims=True)


def mean_loss(probabilities, labels):
    """Return the mean cross-entropy in nats of probabilities (n, 10) against labels (n,)."""
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def gradients(weights, images, labels):
    """Return ({name: d mean_loss / d weight}, mean_loss) on one batch."""
    hidden, probabilities = forward(weights, images)
    loss = mean_loss(probabilities, labels)
    to_scores = probabilities.copy()
    to_scores[np.arange(len(labels)), labels] -= 1
    to_scores /= len(labels)
    to_hidden = (to_scores @ weights["output.weight"]) * (hidden > 0)
    return {
        "hidden.weight": to_hidden.T @ images,
        "hidden.bias": to_hidden.sum(axis=0),
        "output.weight": to_scores.T @ hidden,
        "output.bias": to_scores.sum(axis=0),
    }, loss


def train(weights, images, labels, hyper, rng):
    """Train a copy of `weights` by mini-batch SGD; return it and the last epoch's mean loss.

    FedProx: hyper.proximal_mu adds (mu / 2) ||w - w_global||^2 to the loss, where w_global are the
    weights as received, that is mu (w - w_global) to every gradient. `rng` draws the order of the
    images and the noise on their pixels (hyper.input_noise, a standard deviation; 1 is full ink).
    """
    current = {name: value.copy() for name, value in weights.items()}
    rate, mu = np.float32(hyper.learning_rate), np.float32(hyper.proximal_mu)
    losses = []
    for _ in range(hyper.local_epochs):
        order = rng.permutation(len(labels))
        losses = []
        for start in range(0, len(order), hyper.batch_size):
            batch = order[start : start + hyper.batch_size]
            pixels = images[batch]
            if hyper.input_noise > 0:
                pixels = pixels + rng.normal(0, hyper.input_noise, pixels.shape).astype(np.float32)
            slopes, loss = gradients(current, pixels, labels[batch])
            losses.append(loss)
            for name, value in current.items():
                value -= rate * (slopes[name] + mu * (value - weights[name]))
    return current, float(np.mean(losses)) if losses else 0.0


def evaluate(weights, images, labels):
    """Return {"loss", "accuracy"} of the weights on images (n, 64) and labels (n,)."""
    _, probabilities = forward(weights, images)
    hits = probabilities.argmax(axis=1) == labels
    return {"loss": mean_loss(probabilities, labels), "accuracy": float(hits.mean())}

"""Discrete Gaussian noise on one core: against the random words alone, against the same algorithms as they are printed, and against numpy's normal distribution, which is neither exact nor secret."""

import numpy

from lib.native import noise, noise_as_printed, random_words
from lib.timing import in_turns

SIGMAS = (1, 1 << 10, 1 << 24)


def run(bench, report):
    values = bench.size(4_000_000, 400_000)
    few = values // 20  # of what is slow
    out, doubles = numpy.zeros(values, numpy.int64), numpy.zeros(values)
    generator = numpy.random.default_rng(1)
    taken = in_turns({
        "random words, AES-256-CTR": lambda: random_words(out),
        "numpy standard_normal": lambda: generator.standard_normal(out=doubles),
        **{f"noise, sigma {sigma}": lambda sigma=sigma: noise(out, sigma * sigma) for sigma in SIGMAS},
        **{f"as printed, sigma {sigma}, a twentieth": lambda sigma=sigma: noise_as_printed(out[:few], sigma * sigma)
           for sigma in SIGMAS},
    }, bench.size(9, 5))
    middle = {label: report.figure(label, seconds) for label, seconds in taken.items()}
    for sigma in SIGMAS:
        noise(out, sigma * sigma)
        assert abs(out.astype(float).std() / sigma - 1) < 0.02, "not the noise that was asked for"
        ours = middle[f"noise, sigma {sigma}"]
        report.ratio(f"noise over random words, sigma {sigma}", middle["random words, AES-256-CTR"] / ours, 0.1)
        report.ratio(f"noise over numpy, sigma {sigma}", middle["numpy standard_normal"] / ours, 1)
        report.ratio(f"noise over the algorithms as printed, sigma {sigma}",
                     middle[f"as printed, sigma {sigma}, a twentieth"] * 20 / ours, 10)
        report.note(f"Sigma {sigma}: {values / ours / 1e6:.0f} million samples a second.")
    report.note(f"{values} values; the algorithms as printed have the same stream of words, and one exponent rounded to 40 bits.")

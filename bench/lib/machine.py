"""What this machine is, and what the figures depend on."""

import os
import platform
import subprocess

import numpy
import threadpoolctl


def cpu():
    """The processor's name as the kernel has it."""
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith(("model name", "Model")):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def memory_gib():
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30


def cores():
    """Those that we may use."""
    return len(os.sched_getaffinity(0))


def openblas():
    """Version and kernel of numpy's BLAS."""
    for library in threadpoolctl.threadpool_info():
        if library["user_api"] == "blas":
            return f"{library['internal_api']} {library['version']} ({library['architecture']})"
    return "no BLAS"


def load():
    """Processes that wanted to run, on average of the last minute."""
    return os.getloadavg()[0]


def facts(simd_level):
    """The machine in a line; simd_level: the one that our kernels chose."""
    import flwr
    server = subprocess.run([os.environ["PG_CONFIG"], "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return (f"{cpu()}, {cores()} cores, {memory_gib():.0f} GiB, Linux {platform.release()}, {server}, kernels {simd_level}, "
            f"numpy {numpy.__version__} with {openblas()}, Flower {flwr.__version__}, load before {load():.1f}")

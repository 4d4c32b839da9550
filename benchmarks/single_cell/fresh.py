"""Modules of a package of checks in a process of their own: with a number of threads, and with memory of their own."""

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from scoring.cohorts import PROJECT

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def run_fresh(name: str, *arguments: str | Path, threads: int = 1, package: str = "single_cell") -> None:
    """Run a module of a package and wait for it; what it prints goes to standard error.

    Parameters
    ----------
    name
        Name of the module.
    *arguments
        Its arguments.
    threads
        Threads that linear algebra and numba may use.
    package
        Package that the module belongs to.

    Raises
    ------
    subprocess.CalledProcessError
        When it fails.
    """
    paths = os.pathsep.join(str(PROJECT / folder) for folder in ("benchmarks", "workflow/scripts"))
    environment = {**os.environ, "PYTHONPATH": paths, **dict.fromkeys(THREADS, str(threads))}
    command = [sys.executable, "-m", f"{package}.{name}", *map(str, arguments)]
    subprocess.run(command, env=environment, check=True, stdout=sys.stderr)


def time_stage(owner, name: str, stage: str, seconds: Counter) -> None:
    """Replace a function by one that adds its seconds to a stage, for the rest of this process."""
    function = getattr(owner, name)

    def timed(*args, **kwargs):
        start = time.perf_counter()
        result = function(*args, **kwargs)
        seconds[stage] += time.perf_counter() - start
        return result

    setattr(owner, name, timed)


def peak_memory() -> float:
    """Return the most memory this process ever held, in GB.

    From Linux's own record of the process: `resource.getrusage` also counts what its parent held when it was started.
    """
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) * 1024 / 1e9

"""A module of this package in a process of its own, within a limit of memory."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

from scaling.runs import PROJECT

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def run_limited(module: str, arguments: list[str | Path], result: Path, most_gb: float) -> dict:
    """Run a module with one thread and return what it wrote.

    Parameters
    ----------
    module
        Name in this package.
    arguments
        Its arguments but the last, which is ``result``.
    result
        JSON file that it writes: ``seconds`` and ``peak`` (MB).
    most_gb
        Memory beyond which the system refuses it more.

    Returns
    -------
    What it wrote; ``failed`` holds its last words where it did not survive.
    """
    paths = os.pathsep.join(str(PROJECT / part) for part in ("benchmarks", "workflow/scripts"))
    environment = os.environ | dict.fromkeys(THREADS, "1") | {"PYTHONPATH": paths}
    most = int(most_gb * 1e9)
    done = subprocess.run(
        [sys.executable, "-m", f"scaling.{module}", *map(str, arguments), str(result)],
        env=environment,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (most, most)),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return {"failed": lines[-1][:120] if lines else f"exit code {done.returncode}"}
    return json.loads(result.read_text())

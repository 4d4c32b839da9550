"""The log of a rule: where it goes, what its first line says, and how it reports wrong input."""

import atexit
import logging
import os
import platform
import sys
import time
import warnings
from pathlib import Path

from stat3act.problems import InputProblems

log = logging.getLogger("stat3act")


def start(path: str, rule: str, wildcards: dict[str, str]) -> None:
    """Send everything a script prints to its log file and describe the job in the first and the last line.

    Wrong input (`InputProblems`) ends the script with its list instead of a traceback.

    Parameters
    ----------
    path
        Log file of the rule.
    rule
        Name of the rule.
    wildcards
        Wildcards of the job.
    """
    sys.stderr = sys.stdout = open(path, "w", buffering=1, encoding="utf-8")  # noqa: SIM115
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s", force=True)
    logging.captureWarnings(True)
    if not sys.warnoptions:
        # Whoever set PYTHONWARNINGS or -W, as the tests do, has chosen already.
        warnings.simplefilter("default")
    log.info(
        "%s on %s (SLURM job %s), Python %s",
        " ".join([rule, *(f"{key}={value}" for key, value in wildcards.items())]),
        platform.node(),
        os.environ.get("SLURM_JOB_ID", "none"),
        platform.python_version(),
    )
    imported = seconds_of_process()
    atexit.register(lambda: log.info("%s", cost_of_process(imported)))

    def report(kind, error, trace):
        if issubclass(kind, InputProblems):
            print(error, file=sys.stderr)
        else:
            sys.__excepthook__(kind, error, trace)

    sys.excepthook = report


def seconds_of_process() -> float:
    """Return for how long this process has run; NaN where the system does not say (anything but Linux)."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
    except OSError:
        return float("nan")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def cost_of_process(imported: float) -> str:
    """Say what a job cost: seconds until the modules were there (``imported``), after, of the processor; and memory.

    The memory is the kernel's own record; Snakemake's benchmark looks only every half second, later every 30.
    """
    try:
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        peak = f"{int(status['VmHWM'].split()[0]) / 1024:.0f} MB"
    except (OSError, KeyError):
        peak = "unknown"
    seconds = (
        f"{imported:.2f} s start, {seconds_of_process() - imported:.2f} s work, {time.process_time():.2f} s processor"
    )
    return f"ended: {seconds}, peak memory {peak}"

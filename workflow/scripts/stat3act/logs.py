"""The log of a rule: where it goes, its first and last line, and how it reports what went wrong.

A log without its last line belongs to a job that was killed: `say_killed` finds it.
"""

import atexit
import logging
import os
import platform
import re
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from stat3act import machine
from stat3act.damage import damaged_results
from stat3act.problems import InputProblems, raise_if_any

LAST_LINE = "end of log"
FAILED = re.compile(r"^Error in rule (\w+):\n(?:    .*\n)*?    log: (.+) \(check log file", re.MULTILINE)

log = logging.getLogger("stat3act")


def start(job) -> None:
    """Send everything a script prints to its log file, and check what it is about to read.

    Wrong input (`InputProblems`), too little memory and faults of a disk end the script with what happened and how to
    go on, not with a traceback. Results of earlier rules that were cut off end it before it reads them.

    Parameters
    ----------
    job
        The ``snakemake`` object of the script; its log, rule, wildcards, input, output and resources are looked at.
    """
    denied, imported = [], seconds_of_process()

    def report(kind, error, trace):
        words = error if issubclass(kind, InputProblems) else machine.explain(error, job.rule, job.resources)
        if not words:
            sys.__excepthook__(kind, error, trace)
        elif not denied:
            print(words, file=sys.stderr)
            denied.append(words)

    def end():
        log.info("%s", cost_of_process(imported))
        log.info(LAST_LINE)
        if denied:
            # HDF5 crashes when it closes files that it could not write.
            sys.stdout.flush()
            os._exit(1)

    sys.excepthook = report
    # HDF5 reports a full disk from each of its objects, too.
    sys.unraisablehook = lambda found: report(found.exc_type, found.exc_value, found.exc_traceback)
    sys.stderr = sys.stdout = open(job.log[0], "w", buffering=1, encoding="utf-8")  # noqa: SIM115
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s", force=True)
    logging.captureWarnings(True)
    if not sys.warnoptions:
        # Whoever set PYTHONWARNINGS or -W, as the tests do, has chosen already.
        warnings.simplefilter("default")
    atexit.register(end)
    log.info(
        "%s on %s (SLURM job %s), Python %s",
        " ".join([job.rule, *(f"{key}={value}" for key, value in dict(job.wildcards).items())]),
        platform.node(),
        os.environ.get("SLURM_JOB_ID", "none"),
        platform.python_version(),
    )
    machine.hold_memory()
    raise_if_any(damaged_results(job.input, job.output[0]))


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


def say_killed(snakemake_log: str) -> Iterator[str]:
    """Yield what to tell about each job that was killed, and write it at the end of its log.

    Parameters
    ----------
    snakemake_log
        Text of Snakemake's own log, which names the logs of failed jobs. One that lacks its last line, or was never
        begun, is that of a job which was killed.
    """
    for rule, name in FAILED.findall(snakemake_log):
        path = Path(name)
        if path.exists() and path.read_text(encoding="utf-8", errors="replace").rstrip().endswith(LAST_LINE):
            continue
        words = f"{path}\n{machine.killed(rule)}"
        with open(path, "a", encoding="utf-8") as handle:
            handle.write(f"{words}\n")
        yield words

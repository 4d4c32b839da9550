"""The log of a rule: where it goes, what its first line says, and how it reports wrong input."""

import logging
import os
import platform
import sys
import warnings

from stat3act.problems import InputProblems

log = logging.getLogger("stat3act")


def start(path: str, rule: str, wildcards: dict[str, str]) -> None:
    """Send everything a script prints to its log file and describe the job in the first line.

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

    def report(kind, error, trace):
        if issubclass(kind, InputProblems):
            print(error, file=sys.stderr)
        else:
            sys.__excepthook__(kind, error, trace)

    sys.excepthook = report

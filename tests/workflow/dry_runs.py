"""Many dry runs at the price of few: Snakemake is imported once, and each dry run is a fork of that process.

Called by `harness.dry_runs` with a JSON list of [folder, arguments] on standard input; prints a JSON list of
[returncode, output]. The workflow itself is parsed anew in every fork, as by the command line.
"""

import json
import multiprocessing
import os
import sys
import tempfile

# Imported before the forks, to be shared by them: Snakemake, and what the workflow imports when it is parsed.
import pandas  # noqa: F401
import scipy.stats  # noqa: F401
from snakemake.cli import main


def dry_run(job: tuple[str, list[str]]) -> tuple[int, str]:
    """Dry-run the workflow of a folder; return the exit code and what was printed."""
    folder, arguments = job
    os.chdir(folder)
    os.environ["XDG_CACHE_HOME"] = f"{folder}/.cache"
    with tempfile.TemporaryFile("w+") as printed:
        for stream in (1, 2):
            os.dup2(printed.fileno(), stream)
        try:
            main(["--dry-run", "--nocolor", "--cores", "2", *arguments])
            code = 0
        except SystemExit as stopped:
            code = stopped.code
        sys.stdout.flush()
        sys.stderr.flush()
        printed.seek(0)
        return code, printed.read()


if __name__ == "__main__":
    jobs = json.load(sys.stdin)
    with multiprocessing.get_context("fork").Pool(os.cpu_count(), maxtasksperchild=1) as pool:
        print(json.dumps(pool.map(dry_run, jobs, chunksize=1)))

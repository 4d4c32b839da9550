"""Fractions and attributed expression of a small bulk cohort: ours beside pybayesprism (PyPI), in one run.

    .venv/bin/python benchmarks/deconvolve.py [--data <folder>] [--samples 8]

Without the public data the reference is made up; with it, it is melanoma. Prints seconds of both, the ratio, and how
far the two agree. Needs ``pip install pybayesprism``.
"""

import argparse
import logging
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "workflow" / "scripts"))

from bulk import peer  # noqa: E402
from bulk.data import reference_of  # noqa: E402
from stat3act.validation.mixtures import made_reference  # noqa: E402


def main() -> None:
    """Check the arguments, run both, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder of the public data (its README lists them)")
    parser.add_argument("--samples", type=int, default=8)
    given = parser.parse_args()
    if not peer.installed():
        raise SystemExit(f"{peer.NAME} is not installed: pip install {peer.NAME}")
    logging.disable(logging.INFO)
    reference = reference_of(given.data, "SKCM") if given.data else made_reference(peer.GENES, 14, 9)
    race = peer.race(reference, given.samples)
    print(race.title)
    for method, seconds in race.seconds.items():
        print(f"{method}: {seconds:.3f} s")
    print(f"ratio: {race.ratio:.0f} x")
    print(f"largest difference of fractions: {race.difference:.4f}")
    print(f"correlation of log attributed tumour expression: {race.correlation:.4f}")


if __name__ == "__main__":
    main()

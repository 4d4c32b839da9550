"""Are the results still what the run wrote, and the inputs still what it read?

``python -m stat3act.verify results/<cohort>``, or ``make verify RESULTS=results/<cohort>``; from the folder that
Snakemake was started in.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from stat3act.networks import hash_axes
from stat3act.report.checksums import parse_checksums
from stat3act.tables import read_table, sha256_of_file

CHECKSUMS = "checksums.sha256"
WORKFLOW = Path(__file__).resolve().parents[3]
AGAIN = "run the cohort again with --forcerun"
INPUT = "the results are not from this file: bring back the old one, or run the cohort again"


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was when the run ended.

    Attributes
    ----------
    file
        Path.
    expected
        sha256 that the run recorded, or what should be there.
    found
        sha256 of the file now, or what is there.
    meaning
        What that means and what to do.
    """

    file: str
    expected: str
    found: str
    meaning: str

    def __str__(self) -> str:
        return f"{self.file}: expected {self.expected}, found {self.found}: {self.meaning}"


def result_differences(folder: Path) -> Iterator[Difference]:
    """Yield each result that is missing or has other bytes than ``checksums.sha256`` says.

    A changed byte of that list itself shows as well: as a line that cannot be read, as a hash that no file has, or as
    a file that is not there. The list is no protection against someone who changes a file and its line.
    """
    path = folder / CHECKSUMS
    if not path.is_file():
        yield Difference(str(path), "a list of checksums", "no such file", "the run did not end: run the cohort again")
        return
    known, wrong = parse_checksums(path.read_text(encoding="utf-8", errors="replace"))
    for place in wrong:
        yield Difference(f"{path}, {place}", "a list as the run wrote it", "something else", f"{AGAIN} {path}")
    for name, expected in known.items():
        file = folder / name
        found = sha256_of_file(file) if file.is_file() else "no such file"
        if found != expected:
            yield Difference(str(file), expected, found, f"not what the run wrote: {AGAIN} {file}")


def input_paths(name: str, data_dir: str) -> list[Path]:
    """Return where an input may be that the user calls ``name``: below ``data_dir`` or here, else in the workflow."""
    # What a demo is simulated from is named below resources/.
    for roots in ((Path(data_dir), Path()), (WORKFLOW, WORKFLOW / "resources")):
        if found := [path for path in dict.fromkeys(root / name for root in roots) if path.is_file()]:
            return found
    return []


def input_differences(record: Mapping) -> Iterator[Difference]:
    """Yield each input that is missing or has other bytes than ``provenance.json`` says."""
    for entry in record["inputs"]:
        paths = input_paths(entry["path"], record["config"]["data_dir"])
        found = [sha256_of_file(path) for path in paths]
        if not found:
            yield Difference(entry["path"], entry["sha256"], "no such file", INPUT)
        elif entry["sha256"] not in found:
            yield Difference(str(paths[0]), entry["sha256"], found[0], INPUT)


def network_differences(folder: Path, record: Mapping) -> Iterator[Difference]:
    """Yield a difference when the axes are not those of ``provenance.json``."""
    path, expected = folder / "networks/axes.tsv", record["network_sha256"]
    # The hash of the axes is one of their content: rows sorted, numbers as text.
    found = hash_axes(read_table(path, dtype={"source": str}))
    if found != expected:
        yield Difference(
            f"{path} (its content)", expected, found, f"the scores are from another network: {AGAIN} {path}"
        )


def config_differences(folder: Path, record: Mapping) -> Iterator[Difference]:
    """Yield a difference for each section of ``config.yaml`` that is not that of ``provenance.json``."""
    path, expected = folder / "config.yaml", record["config"]
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key in sorted({*expected, *found}):
        if expected.get(key) != found.get(key):
            shown = json.dumps(expected.get(key)), json.dumps(found.get(key))
            yield Difference(f"{path}, key `{key}`", *shown, f"not the configuration of the run: {AGAIN} {path}")


def verify(folder: Path) -> list[Difference]:
    """Compare results, inputs, network and configuration with what the run recorded.

    Parameters
    ----------
    folder
        ``results/<cohort>``.

    Returns
    -------
    The differences, results first. Nothing is compared with a record that is damaged or cannot be read: one line says
    so.
    """
    differences = list(result_differences(folder))
    damaged = {difference.file for difference in differences}
    path = folder / "provenance.json"
    try:
        if str(path) in damaged:
            raise ValueError("other bytes than the run wrote")
        record = json.loads(path.read_text(encoding="utf-8"))
        differences += input_differences(record)
        if str(folder / "config.yaml") not in damaged:
            differences += config_differences(folder, record)
        if str(folder / "networks/axes.tsv") not in damaged:
            differences += network_differences(folder, record)
    except (OSError, ValueError, KeyError, yaml.YAMLError) as error:
        words = f"{type(error).__name__}: {error}".splitlines()[0]
        left = f"inputs, network and configuration could not be compared with it: {AGAIN} {path}"
        differences.append(Difference(str(path), "the record of the run", words, left))
    return differences


def main(folder: Path) -> int:
    """Print one line for each difference, or one that says all is well; return the exit code."""
    differences = verify(folder)
    for difference in differences:
        print(difference)
    if differences:
        print(f"{len(differences)} differences: {folder} is not what the run wrote, or not from these inputs")
        return 1
    count = len(parse_checksums((folder / CHECKSUMS).read_text(encoding="utf-8"))[0])
    inputs = len(json.loads((folder / "provenance.json").read_text(encoding="utf-8"))["inputs"])
    seal = sha256_of_file(folder / CHECKSUMS)
    print(f"OK: {count} results, {inputs} inputs, network and configuration are as recorded ({CHECKSUMS} is {seal})")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

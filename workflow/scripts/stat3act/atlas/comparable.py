"""Can these cohorts be compared? Only where all were scored in one way against the same frozen reference."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stat3act.problems import Problem
from stat3act.schema import fill_defaults, lookup, schema_problems

RESULTS = Path("results")
FILES = ("profiles/activation_profiles.tsv", "profiles/calls.tsv", "provenance.json")
RELATIVE = {"cohort": "the cohort itself", "controls": "the cohort's own controls"}
# What an activity depends on beside the sample and the reference.
SETTINGS = (
    "activity.rivals",
    "activity.clip",
    "activity.confidence_level",
    "activity.min_log2_cpm",
    "activity.min_programme_targets",
    "activity.min_targets",
)


def check_atlas(config: Mapping[str, Any], schema: Mapping[str, Any], file: str) -> tuple[dict, list[Problem]]:
    """Return the configuration of an atlas with its defaults, and everything that is wrong with it and its cohorts."""
    if found := schema_problems(config, schema, file):
        return {}, found
    filled = fill_defaults(config, schema)
    problems, records = [], {}
    for number, name in enumerate(filled["cohorts"]):
        absent = [path for path in FILES if not (RESULTS / name / path).is_file()]
        if absent:
            expected = f"a finished cohort: {RESULTS / name / absent[0]}"
            mend = f"run it first (make run CONFIG=config/cohorts/{name}/config.yaml), or take it from the list"
            problems.append(Problem(file, f"key `cohorts[{number}]`", repr(name), expected, mend))
        else:
            records[name] = json.loads((RESULTS / name / "provenance.json").read_text(encoding="utf-8"))
    return filled, [*problems, *scale_problems(records, file)]


def frozen_digest(record: Mapping) -> str | None:
    """Return the sha256 of the frozen reference of a cohort; None where it was scored against itself."""
    name = record["config"]["activity"]["reference"]
    digests = {entry["path"]: entry["sha256"] for entry in record["inputs"]}
    return None if name in RELATIVE else digests[name]


def scale_problems(records: Mapping[str, Mapping], file: str) -> list[Problem]:
    """Say what keeps the activities of cohorts from being compared.

    Parameters
    ----------
    records
        Cohort to its ``provenance.json``.
    file
        Name of the atlas's configuration, for messages.

    Returns
    -------
    A problem for each cohort that is relative to itself, whose reference is another one, or that was scored with other
    settings, axes or code than most.
    """
    digests = {name: frozen_digest(record) for name, record in records.items()}
    known = [digest for digest in digests.values() if digest]
    usual = Counter(known).most_common(1)[0][0] if known else None
    example = next((name for name, digest in digests.items() if digest == usual), None) if usual else None
    problems = []
    for name, digest in digests.items():
        own = records[name]["config"]["activity"]["reference"]
        if digest is None:
            found = f"activities relative to {RELATIVE[own]} (activity.reference: {own})"
            expected = "activities relative to one frozen reference, the same for all cohorts"
            problems.append(Problem(file, f"cohort `{name}`", found, expected, mend_of(records, example, name)))
        elif digest != usual:
            found = f"the frozen reference {own} (sha256 {digest[:12]})"
            other = records[example]["config"]["activity"]["reference"]
            expected = f"that of `{example}`: {other} (sha256 {usual[:12]})"
            problems.append(Problem(file, f"cohort `{name}`", found, expected, mend_of(records, example, name)))
    return problems + setting_problems(records, file)


def mend_of(records: Mapping[str, Mapping], example: str | None, name: str) -> str:
    """Say how a cohort comes onto the scale of the others."""
    if example:
        path = records[example]["config"]["activity"]["reference"]
        return f"set `activity.reference: {path}` in the configuration of `{name}` and run it again"
    first = next(iter(records))
    return (
        f"copy {RESULTS / first}/activity/reference.tsv to config/reference.tsv, set `activity.reference: "
        "config/reference.tsv` in the configuration of every cohort and run them again"
    )


def setting_problems(records: Mapping[str, Mapping], file: str) -> list[Problem]:
    """Say which cohorts were scored with other settings, axes or code than the first."""
    problems, names = [], list(records)
    if not names:
        return problems
    first = records[names[0]]

    def compare(name: str, what: str, own: object, expected: object, mend: str) -> None:
        if own != expected:
            where = f"cohort `{name}`, {what}"
            problems.append(Problem(file, where, str(own), f"{expected}, as in `{names[0]}`", mend))

    for name in names[1:]:
        record = records[name]
        for key in SETTINGS:
            values = [lookup(one["config"], key) for one in (record, first)]
            own, expected = (sorted(value) if isinstance(value, list) else value for value in values)
            compare(name, f"key `{key}`", own, expected, "give both cohorts the same value and run them again")
        digests = record["network_sha256"][:12], first["network_sha256"][:12]
        compare(name, "genes of the axes (sha256)", *digests, "give both the same `networks` and run them again")
        codes = record["code"]["activity_score"], first["code"]["activity_score"]
        compare(name, "code of the scoring", *codes, "run both with the same version of the workflow")
    return problems

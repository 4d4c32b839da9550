"""Garbage of every kind as every kind of text file: a list of problems or acceptance, and never a traceback."""

import os
from collections import Counter
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bad_inputs.corpus import SUMMARY, told
from bad_inputs.good_cohorts import BULK

# More of them for a hunt: BAD_INPUTS_EXAMPLES=2000.
EXAMPLES = int(os.environ.get("BAD_INPUTS_EXAMPLES", "60"))
TRIED: Counter = Counter()
CELLS = ["", " ", "S1", "S2", "gene", "sample", "patient", "path", "STAT3", "A1BG", "matrix.tsv", "0", "1", "-1", "0.5"]
CELLS += ["nan", "NA", "inf", "1e400", "0,5", "1,234", "=1+1", "../x", "p.Y640F", '"', '"a', "\t", "|", ";", "#", "\0"]
CELLS += ["\ufeff", "{x}", "tumour|P1|5|1", "é", "\u202e", "9" * 400, "x" * 300, "True", "2-Sep", "\r", "\x1a"]
cell = st.one_of(st.sampled_from(CELLS), st.text(max_size=8))
row = st.lists(cell, max_size=7)
separator = st.sampled_from(["\t", "\t", "\t", ",", ";", "|", " "])
line_end = st.sampled_from(["\n", "\n", "\r\n", "\r"])
encoding = st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32"])
ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9), st.dates())
ANYTHING = st.recursive(
    ANYTHING, lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), part)
)
SCHEMA = yaml.safe_load((Path(__file__).parents[2] / "workflow/schemas/config.schema.yaml").read_text("utf-8"))


@st.composite
def garbled(draw, original: bytes) -> bytes:
    """Draw the content of a file: bytes, a table of odd cells, or the good file with a few bytes or cells changed."""
    way = draw(st.sampled_from(["bytes", "table", "cells", "cells", "cut", "spliced"]))
    if way == "bytes":
        return draw(st.binary(max_size=60))
    if way == "table":
        mark, end = draw(separator), draw(line_end)
        text = end.join(mark.join(cells) for cells in draw(st.lists(row, max_size=6)))
        return text.encode(draw(encoding), "surrogatepass")
    if way == "cut":
        return original[: draw(st.integers(0, len(original)))]
    if way == "spliced":
        at = draw(st.integers(0, len(original)))
        return original[:at] + draw(st.binary(max_size=6)) + original[at + draw(st.integers(0, 9)) :]
    lines = [line.split("\t") for line in original.decode(errors="replace").splitlines()]
    for _ in range(draw(st.integers(1, 4))):
        chosen = lines[draw(st.integers(0, min(len(lines) - 1, 12)))]
        chosen[draw(st.integers(0, len(chosen) - 1))] = draw(cell)
    return "\n".join("\t".join(cells) for cells in lines).encode(draw(encoding), "surrogatepass")


def keys_of(schema: dict, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return every key of the config, sections too."""
    found = []
    for name, part in schema.get("properties", {}).items():
        found += [(*prefix, name), *keys_of(part, (*prefix, name))]
    return found


@st.composite
def odd_config(draw, original: bytes) -> bytes:
    """Draw a config: garbage, or the good one with some keys set to anything."""
    if draw(st.booleans()) and draw(st.booleans()):
        return draw(garbled(original))
    config = yaml.safe_load(original)
    for _ in range(draw(st.integers(1, 3))):
        *sections, key = draw(st.sampled_from(keys_of(SCHEMA)))
        section = config
        for name in sections:
            part = section.get(name)
            section[name] = section = part if isinstance(part, dict) else {}
        section[key] = draw(ANYTHING)
    return yaml.safe_dump(config, sort_keys=False).encode(errors="surrogateescape")


# What the config of the case names, so that nothing else is read again for each of them.
NAMED = {
    "samples.tsv": {},
    "cohort.yaml": BULK,
    "matrix.tsv": {},
    "regulon.tsv": {"networks": {"regulon": "regulon.tsv"}},
    "phospho.tsv": {"validation": {"phospho": "phospho.tsv"}},
    "lesions.tsv": {"profiles": {"lesions": "lesions.tsv"}},
    "reference.tsv": {"compartments": {"reference": "reference.tsv"}},
    "some_map.tsv": {"compartments": {"reference": "some_profiles.parquet"}},
    "some_profiles.parquet": {"compartments": {"reference": "some_profiles.parquet"}},
    "frozen.tsv": {"activity": {"reference": "frozen.tsv"}},
}


@pytest.mark.usefixtures("few_genes")
@pytest.mark.parametrize("name", list(NAMED))
def test_garbage_never_gives_a_traceback(good, name, tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("garbage")
    for path in (good / "bulk").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(folder)
    plain = {key: BULK[key] for key in ("cohort", "samples", "expression")}
    (folder / "cohort.yaml").write_text(yaml.safe_dump(plain | NAMED[name]))
    file = folder / name
    original = file.read_bytes()
    if name == "matrix.tsv":
        original = b"".join(original.splitlines(keepends=True)[:60])
    strategy = odd_config(original) if name == "cohort.yaml" else garbled(original)

    @settings(max_examples=EXAMPLES, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(content=strategy)
    def garbage(content):
        file.write_bytes(content)
        # Anything but InputProblems is raised here, and is what must not happen.
        said = told("job" if name == "matrix.tsv" else "start")
        TRIED[name, "refused" if said else "accepted"] += 1
        assert "Traceback" not in said

    garbage()
    assert not (folder / "results").exists()


def test_the_number_of_generated_cases():
    counts = ", ".join(f"{file} {count} {what}" for (file, what), count in sorted(TRIED.items()))
    SUMMARY.append(f"{sum(TRIED.values())} generated cases, 0 tracebacks: {counts}")
    assert {name for name, _ in TRIED} == set(NAMED)

"""Results that were cut off are found before they are read."""

import gzip

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from stat3act import tables
from stat3act.damage import damage, damaged_results

TABLE = pd.DataFrame({"sample": ["a", "b", "c"] * 400, "score": np.arange(1200) / 7})


def write(path):
    writers = {".h5ad": lambda: tables.write_h5ad(path, ad.AnnData(np.ones((30, 20), np.float32)))}
    writers |= {".parquet": lambda: tables.write_matrix(path, TABLE.set_index("sample"))}
    writers |= {".json": lambda: tables.write_json(path, {"a": [1, 2]})}
    writers.get(path.suffix, lambda: tables.write_table(path, TABLE))()
    return path


NAMES = ["t.tsv", "t.tsv.gz", "t.h5ad", "t.parquet", "t.json"]


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_file_has_no_damage_and_any_part_of_it_has(tmp_path, name):
    path = write(tmp_path / name)
    assert damage(path) is None
    whole = path.read_bytes()
    for share in (0, 0.001, 0.25, 0.5, 0.9, 0.999):
        part = whole[: int(len(whole) * share)]
        if part.endswith(b"\n") and name.endswith((".tsv", ".json")):
            part = part[:-1]
        path.write_bytes(part)
        assert damage(path), f"{share} of {name} passes for whole"


def test_a_block_of_zeros_at_the_end_shows(tmp_path):
    # What some file systems leave of a file after a power cut.
    for name in ("t.tsv", "t.tsv.gz", "t.parquet"):
        path = write(tmp_path / name)
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
        assert damage(path)


def test_only_results_of_the_cohort_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("results/mine/activity", "results/other", "data"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "t.tsv").write_text("no line end")
    given = ["results/mine/activity/t.tsv", "results/other/t.tsv", "data/t.tsv", "results/mine", "results/mine/absent"]
    (problem,) = damaged_results(given, "results/mine/profiles/calls.tsv")
    assert problem.file == "results/mine/activity/t.tsv" and "rm results/mine/activity/t.tsv" in problem.mend


def test_a_gzip_with_a_wrong_byte_shows(tmp_path):
    path = write(tmp_path / "t.tsv.gz")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert damage(path)
    with pytest.raises(Exception), gzip.open(path) as handle:  # noqa: B017
        handle.read()

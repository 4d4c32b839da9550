"""Files that are cut off, damaged or not there: inputs, intermediates, records."""

import random
import shutil
import subprocess
import sys

import pytest

from faults.cohort import BULK, CELLS, attempt, expect_same

pytestmark = pytest.mark.faults
CUT = {
    "h5ad": ("bulk", "expression/bulk.h5ad", "compartments_unsplit", 0.5),
    "tsv": ("bulk", "activity/scores.tsv", "profiles_call", 0.997),
    "json": ("bulk", "networks/network.json", "report_record", 0.3),
    "tsv.gz": ("cells", "compartments/cells/P03.tsv.gz", "activity_cells", 0.9),
    "parquet": ("cells", "compartments/pseudobulk/P01.parquet", "compartments_gather", 0.5),
}


def cut(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return content


@pytest.mark.parametrize("name", ["P02.h5ad", "B03.tsv.gz"])
def test_an_input_that_is_cut_off_or_damaged(request, project, record, name):
    cohort, argument = ("cells", CELLS) if name.startswith("P") else ("bulk", BULK)
    path, chance, times, said = project / "data" / name, random.Random(5), 0, []
    whole = path.read_bytes()
    spoilt = [whole[: int(len(whole) * share)] for share in (0, 0.5, 0.99)]
    for _ in range(3):
        at = chance.randrange(len(whole) // 4, len(whole) * 3 // 4)
        spoilt.append(whole[:at] + bytes(64) + whole[at + 64 :])
    target = "expression/cells/P02.h5ad" if cohort == "cells" else "expression/bulk.h5ad"
    for content in spoilt:
        path.write_bytes(content)
        run = attempt(project, f"results/{cohort}/{target}", *argument)
        assert run.returncode != 0
        times += 1
        assert f"data/{name}" in run.output and "mend:" in run.output, run.output[-4000:]
        assert "Traceback" not in run.output, run.output[-4000:]
        said.append(next(line for line in run.output.splitlines() if "found:" in line))
    path.write_bytes(whole)
    run = attempt(project, *argument)
    assert run.returncode == 0, run.output[-3000:]
    expect_same(project, request.getfixturevalue(f"{cohort}_done"), cohort)
    record(f"input cut off or damaged ({name})", times, times, 0, said[1])


@pytest.mark.parametrize("kind", CUT)
def test_an_intermediate_that_is_cut_off(request, record, kind):
    cohort, name, reader, share = CUT[kind]
    argument = CELLS if cohort == "cells" else BULK
    folder = request.getfixturevalue(f"{cohort}_copy")
    path = folder / "results" / cohort / name
    cut(path, share)
    run = attempt(folder, *argument, "--forcerun", reader)
    assert run.returncode != 0
    assert f"rm results/{cohort}/{name}" in run.output and "Traceback" not in run.output, run.output[-4000:]
    path.unlink()
    run = attempt(folder, *argument)
    assert run.returncode == 0, run.output[-4000:]
    expect_same(folder, request.getfixturevalue(f"{cohort}_done"), cohort)
    words = "results/...: it ends within a line (truncated file, ...); mend: rm results/... and run again"
    record(f"intermediate cut off ({kind})", 1, 1, 0, words)


def test_damaged_records(cells_copy, cells_done, record):
    """Snakemake's records; compiled code lies beside the copies of sources that it makes for one run, and is gone."""
    chance = random.Random(6)
    records = sorted(path for path in (cells_copy / ".snakemake/metadata").rglob("*") if path.is_file())
    spoilt = [path for path in records if chance.random() < 0.5]
    assert len(spoilt) >= 10
    for path in spoilt:
        cut(path, chance.random())
    run = attempt(cells_copy, *CELLS)
    assert run.returncode == 0, run.output[-3000:]
    jobs = len(run.finished)
    # Jobs that run again write over damaged records.
    run = attempt(cells_copy, *CELLS, "--forcerun", "activity_cells", "compartments_lineages")
    assert run.returncode == 0, run.output[-3000:]
    expect_same(cells_copy, cells_done, "cells")
    record("records in .snakemake cut off", 1, 1, 0, f"{len(spoilt)} of {len(records)} records; {jobs} jobs ran again")


def test_a_deleted_folder_of_records(cells_copy, cells_done, record):
    shutil.rmtree(cells_copy / ".snakemake")
    run = attempt(cells_copy, *CELLS)
    assert run.returncode == 0, run.output[-3000:]
    expect_same(cells_copy, cells_done, "cells")
    verified = subprocess.run(
        [sys.executable, "-m", "stat3act.verify", "results/cells"],
        cwd=cells_copy,
        env={"PYTHONPATH": "workflow/scripts"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stdout
    record(".snakemake deleted after a run", 1, 1, 0, "the outputs are whole and stay")

"""Files that are cut off, damaged or not there: inputs, intermediates, caches."""

import random
import shutil
import subprocess
import sys

import pytest

from faults.cohort import BULK, CELLS, attempt, outputs

pytestmark = pytest.mark.faults
CUT = {
    "h5ad": ("cells", "expression/cells/P02.h5ad", "compartments_lineages"),
    "tsv": ("cells", "activity/scores.tsv", "profiles_call"),
    "tsv.gz": ("cells", "compartments/cells/P03.tsv.gz", "activity_cells"),
    "parquet": ("cells", "compartments/pseudobulk/P01.parquet", "compartments_gather"),
    "json": ("bulk", "networks/network.json", "report_record"),
    "bulk tsv": ("bulk", "activity/reference.tsv", "activity_score"),
}


def same(folder, undisturbed, cohort):
    found, expected = outputs(folder, cohort), outputs(undisturbed, cohort)
    assert sorted(found) == sorted(expected)
    assert [name for name in expected if found[name] != expected[name]] == []


def cut(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return content


@pytest.mark.parametrize("name", ["P02.h5ad", "B03.tsv.gz"])
def test_an_input_that_is_cut_off_or_damaged(project, undisturbed, record, name):
    cohort, argument = ("cells", CELLS) if name.startswith("P") else ("bulk", BULK)
    path, chance, times, said = project / "data" / name, random.Random(5), 0, []
    whole = path.read_bytes()
    spoilt = [whole[: int(len(whole) * share)] for share in (0, 0.01, 0.5, 0.99)]
    for _ in range(3):
        at = chance.randrange(len(whole) // 4, len(whole) * 3 // 4)
        spoilt.append(whole[:at] + bytes(64) + whole[at + 64 :])
    target = "expression/cells/P02.h5ad" if cohort == "cells" else "expression/bulk.h5ad"
    for content in spoilt:
        path.write_bytes(content)
        run = attempt(project, f"results/{cohort}/{target}", *argument)
        if run.returncode == 0:
            # HDF5 keeps no sum of its blocks: only what does not decompress shows, and `make verify` sees the rest.
            assert name.endswith(".h5ad") and len(content) == len(whole)
            continue
        times += 1
        assert f"data/{name}" in run.output and "mend:" in run.output, run.output[-4000:]
        assert "Traceback" not in run.output, run.output[-4000:]
        said.append(next(line for line in run.output.splitlines() if "found:" in line))
    path.write_bytes(whole)
    run = attempt(project, *argument)
    assert run.returncode == 0, run.output[-3000:]
    same(project, undisturbed, cohort)
    assert times >= 5
    record(f"input cut off or damaged ({name})", times, times, 0, said[2])


@pytest.mark.parametrize("kind", CUT)
def test_an_intermediate_that_is_cut_off(finished, undisturbed, record, kind):
    cohort, name, reader = CUT[kind]
    argument = CELLS if cohort == "cells" else BULK
    path = finished / "results" / cohort / name
    shares = (0, 0.3, 0.997)
    for share in shares:
        cut(path, share)
        run = attempt(finished, *argument, "--forcerun", reader)
        assert run.returncode != 0
        assert str(path.relative_to(finished)) in run.output, run.output[-4000:]
        assert "rm results/" in run.output and "Traceback" not in run.output, run.output[-4000:]
        path.unlink()
        run = attempt(finished, *argument)
        assert run.returncode == 0, run.output[-4000:]
        same(finished, undisturbed, cohort)
    words = (
        "results/...: it ends within a line (or: truncated file); mend: rm results/... and run the same command again"
    )
    record(f"intermediate cut off ({kind})", len(shares), len(shares), 0, words)


def test_damaged_caches(finished, undisturbed, record):
    """Records of Snakemake, its copies of sources, compiled code."""
    chance = random.Random(6)
    for path in (finished / ".snakemake/metadata").rglob("*"):
        if path.is_file() and chance.random() < 0.5:
            cut(path, chance.random())
    caches = [path for pattern in ("*.nbi", "*.nbc", "*.pyc") for path in finished.rglob(pattern)]
    for path in caches:
        cut(path, chance.random())
    run = attempt(finished, *CELLS)
    assert run.returncode == 0, run.output[-3000:]
    # Everything that compiled code is for runs with the damaged copies.
    run = attempt(finished, *CELLS, "--forcerun", "activity_cells", "compartments_lineages")
    assert run.returncode == 0, run.output[-3000:]
    same(finished, undisturbed, "cells")
    record(
        "damaged caches (.snakemake, compiled code)", 1, 1, 0, f"{len(caches)} compiled files cut off; no word needed"
    )


def test_a_deleted_folder_of_records(finished, undisturbed, record):
    shutil.rmtree(finished / ".snakemake")
    run = attempt(finished, *CELLS)
    assert run.returncode == 0, run.output[-3000:]
    same(finished, undisturbed, "cells")
    verified = subprocess.run(
        [sys.executable, "-m", "stat3act.verify", "results/cells"],
        cwd=finished,
        env={"PYTHONPATH": "workflow/scripts"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stdout
    record(".snakemake deleted after a run", 1, 1, 0, "the outputs are whole and stay")

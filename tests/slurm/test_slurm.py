"""The same run on SLURM: equal results, nothing twice, more memory after a failure, the site's account."""

import os
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import yaml

from workflow.harness import Run, copy_project, snakemake, tables

pytestmark = pytest.mark.slurm
SUBMITTED = re.compile(r"has been submitted with SLURM jobid (\d+)")
# The profile waits longer before it looks at a job; only tests are in a hurry.
QUICK = ["--slurm-init-seconds-before-status-checks", "3"]
COLUMNS = [
    "JobID",
    "State",
    "ReqMem",
    "Timelimit",
    "AllocCPUS",
    "ElapsedRaw",
    "Account",
    "Partition",
    "Comment",
]


@dataclass(frozen=True)
class Submitted:
    """A run on SLURM, and what the accounting says of its jobs."""

    run: Run
    seconds: float
    records: pd.DataFrame


def submit(cluster, folder: Path, *arguments: str, watch=None) -> Submitted:
    """Run Snakemake with the profile of the project; ``watch`` is called beside it with the process."""
    start = time.monotonic()
    command = [sys.executable, "-m", "snakemake", "--nocolor", *arguments, *QUICK]
    if "--profile" not in arguments:
        command += ["--profile", "profiles/slurm"]
    environment = cluster.environment | {"XDG_CACHE_HOME": str(folder / ".cache"), "PYTHONWARNINGS": "ignore"}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if watch:
        threading.Thread(target=watch, args=[process], daemon=True).start()
    output, _ = process.communicate()
    seconds = time.monotonic() - start
    ids = SUBMITTED.findall(output)
    records = cluster.accounting(COLUMNS, "-X", "-j", ",".join(ids)) if ids else []
    table = pd.DataFrame(records, columns=COLUMNS)
    steps = cluster.accounting(["JobID", "MaxRSS"], "-j", ",".join(ids)) if ids else []
    table["peak_mb"] = [peak_memory(steps, row["JobID"], int(row["AllocCPUS"])) for row in records]
    return Submitted(Run(process.returncode, output), seconds, table)


def megabytes(request: str) -> float:
    """Return what sacct prints as memory in MB."""
    return float(request.rstrip("MGKTnc")) * {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024**2}[request.rstrip("nc")[-1]]


def peak_memory(steps: list[dict[str, str]], job: str, cpus: int) -> float:
    """Return the MB a job may have held at once: Snakemake's in the batch step, and of as many rules as it has CPUs."""
    peaks = {step["JobID"].partition(".")[2]: step["MaxRSS"] for step in steps if step["JobID"].startswith(f"{job}.")}
    known = {name: megabytes(peak) for name, peak in peaks.items() if peak not in ("", "0")}
    return known.pop("batch", 0.0) + sum(sorted(known.values())[-cpus:])


def minutes(limit: str) -> float:
    """Return what sacct prints as Timelimit in minutes."""
    days, _, clock = limit.rpartition("-")
    hours, minute, second = map(int, clock.split(":"))
    return int(days or 0) * 1440 + hours * 60 + minute + second / 60


def demo_of(folder: Path, samples: int | None) -> Path:
    """Copy the project, with the first samples of the demo."""
    sheet = copy_project(folder) / "config/samples.tsv"
    rows = sheet.read_text().splitlines(keepends=True)
    sheet.write_text("".join(rows[: samples + 1] if samples else rows))
    return folder


@pytest.fixture(scope="session")
def local(cluster, samples, tmp_path_factory) -> tuple[Path, float]:
    """The single-cell demo run on this machine alone, and the seconds it took."""
    folder = demo_of(tmp_path_factory.mktemp("local"), samples)
    start = time.monotonic()
    run = snakemake(folder, cores=os.cpu_count())
    assert run.returncode == 0, run.output[-6000:]
    return folder, time.monotonic() - start


@pytest.fixture(scope="session")
def remote(cluster, samples, tmp_path_factory) -> tuple[Path, Submitted]:
    """The single-cell demo, submitted with one flag."""
    folder = demo_of(tmp_path_factory.mktemp("remote"), samples)
    submitted = submit(cluster, folder)
    assert submitted.run.returncode == 0, submitted.run.output[-6000:]
    return folder, submitted


def assert_same_matrix(left, right, where):
    assert type(left) is type(right) and left.shape == right.shape, where
    if isinstance(left, pd.DataFrame):
        pd.testing.assert_frame_equal(left, right, check_exact=True)
    elif scipy.sparse.issparse(left):
        assert left.dtype == right.dtype and (left != right).nnz == 0, where
    else:
        assert left.dtype == right.dtype, where
        np.testing.assert_array_equal(left, right, err_msg=where)


def test_results_equal_those_of_the_local_run(local, remote):
    (here, seconds), (there, submitted) = local, remote
    expected, found = tables(here, "demo"), tables(there, "demo")
    assert expected.keys() == found.keys()
    assert [name for name in expected if expected[name] != found[name]] == []
    paths = sorted(path.relative_to(here) for path in (here / "results").rglob("*.h5ad"))
    for path in paths:
        left, right = anndata.read_h5ad(here / path), anndata.read_h5ad(there / path)
        pd.testing.assert_frame_equal(left.obs, right.obs)
        pd.testing.assert_frame_equal(left.var, right.var)
        assert left.layers.keys() == right.layers.keys() and left.obsm.keys() == right.obsm.keys(), path
        assert_same_matrix(left.X, right.X, f"{path} X")
        for part in ("layers", "obsm"):
            for name in getattr(left, part):
                assert_same_matrix(getattr(left, part)[name], getattr(right, part)[name], f"{path} {part} {name}")
    print(f"\n{len(expected)} tables and {len(paths)} h5ad files are equal")
    print(f"SLURM {submitted.seconds:.0f} s in {len(submitted.records)} submissions, local {seconds:.0f} s")


def test_every_submission_asks_for_memory_and_time_and_gets_by_with_it(remote):
    records = remote[1].records.assign(share=lambda table: table["peak_mb"] / table["ReqMem"].map(megabytes))
    assert set(records["State"]) == {"COMPLETED"} and records["JobID"].is_unique
    print("\n" + records.drop(columns="State").to_string())
    # What a job without a request is given on our own cluster.
    assert (records["ReqMem"].map(megabytes) >= 500).all()
    assert (records["Timelimit"].map(minutes) >= 5).all()
    assert (records["share"] < 0.9).all() and (records["peak_mb"] > 0).any()


def test_a_second_run_on_slurm_is_idle(cluster, remote):
    again = submit(cluster, remote[0])
    assert again.run.returncode == 0 and again.run.idle and again.records.empty, again.run.output[-2000:]


def test_a_job_that_exceeds_its_memory_is_submitted_again_with_more(cluster, tmp_path):
    folder = copy_project(tmp_path)
    # The request of the project's rules, on a step that fills 1 GB. Where nothing enforces a request, it fails as
    # the kernel would make it fail.
    (folder / "memory.smk").write_text(
        'include: "workflow/Snakefile"\n'
        "rule demanding:\n"
        '    output: "demanding.txt"\n'
        "    resources:\n"
        "        mem_mb=memory_for(factor=1, floor=900, cap=16000),\n"
        "        runtime=runtime_for(3),\n"
        "    shell:\n"
        '        """\n'
        "        echo {resources.mem_mb} >> attempts.txt\n"
        f"        {sys.executable} -c 'import time; x = b\"x\" * 10**9; time.sleep(5)'\n"
        "        if [ {resources.mem_mb} -lt 1000 ]; then exit 137; fi\n"
        "        touch {output}\n"
        '        """\n'
    )
    submitted = submit(cluster, folder, "--snakefile", "memory.smk", "demanding.txt")
    records = submitted.records.sort_values("JobID")
    assert submitted.run.returncode == 0, submitted.run.output[-4000:]
    print("\n" + records.to_string())
    assert records["JobID"].nunique() == 2
    assert records["State"].iloc[0] in ("FAILED", "OUT_OF_MEMORY") and records["State"].iloc[1] == "COMPLETED"
    assert list(records["ReqMem"].map(megabytes)) == [900, 1800]
    assert list(records["Timelimit"].map(minutes)) == [3, 6]
    assert (folder / "attempts.txt").read_text().split() == ["900", "1800"]


def test_after_a_cancelled_job_a_rerun_computes_only_what_is_missing(cluster, tmp_path):
    folder = copy_project(tmp_path)
    targets = [f"results/demo/expression/cells/{sample}.h5ad" for sample in ("P01", "P02", "P03")]
    cancelled = []

    def cancel_the_first(process):
        while process.poll() is None and not cancelled:
            # By folder: the cluster may have other jobs of this user.
            queue = [line.split(" ", 1) for line in cluster.call("squeue", "-h", "--me", "-o", "%i %Z").splitlines()]
            ours = [job for job, workdir in queue if workdir == str(folder)]
            if ours:
                cluster.call("scancel", ours[0])
                cancelled.append(ours[0])
            time.sleep(0.3)

    first = submit(cluster, folder, *targets, "--retries", "0", watch=cancel_the_first)
    assert first.run.returncode != 0 and len(cancelled) == 1, first.run.output[-4000:]
    states = first.records.set_index("JobID")["State"]
    assert states[cancelled[0]].startswith("CANCELLED") and (states.drop(cancelled) == "COMPLETED").all()
    missing = [target for target in targets if not (folder / target).exists()]
    assert len(missing) == 1 and len(states) == 3

    second = submit(cluster, folder, *targets)
    assert second.run.returncode == 0, second.run.output[-4000:]
    print(
        f"\n3 samples, job {cancelled[0]} cancelled; the second run: {missing[0]} in job {second.records['JobID'][0]}"
    )
    assert set(re.findall(r"wildcards: sample=(\w+)", second.run.output)) == {Path(missing[0]).stem}
    assert len(second.records) == 1 and all((folder / target).exists() for target in targets)


def test_the_profile_stacks_on_that_of_a_site(cluster, tmp_path):
    folder = copy_project(tmp_path)
    (folder / "site").mkdir()
    site = {"default-resources": {"slurm_account": cluster.account, "slurm_partition": cluster.partition}, "jobs": 5}
    (folder / "site/config.yaml").write_text(yaml.safe_dump(site))
    target = "results/demo/networks/axes.tsv"
    submitted = submit(cluster, folder, target, "--profile", "site", "--profile", "profiles/slurm")
    assert submitted.run.returncode == 0, submitted.run.output[-4000:]
    record = submitted.records.iloc[0]
    print(f"\n{record.to_dict()}")
    assert record["Account"] == cluster.account and record["Partition"] == cluster.partition
    assert megabytes(record["ReqMem"]) >= 500

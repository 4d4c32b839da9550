"""What a user types says what the corpus says: `snakemake` before any job, `make check` with its exit code."""

import os
import subprocess
import sys

import pytest

from bad_inputs.corpus import fits, lay_out, read_cases
from workflow.harness import ROOT, copy_project, snakemake

CASES = [case for case in read_cases() if case.get("snakemake")]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['kind']}: {case['wrong']}")
def test_snakemake_says_the_same_and_starts_no_job(good, project, case):
    lay_out(good, case, project)
    run = snakemake(project, "-n", "--configfile", "cohort.yaml")
    assert run.returncode != 0 and not run.jobs
    assert "Traceback" not in run.output
    start = run.output.index("problem")
    said = run.output[run.output.rindex("\n", 0, start) + 1 : run.output.index("\n  File ", start)]
    assert fits(case["message"], said), run.output


def check(folder, *arguments):
    command = [sys.executable, "-m", "stat3act.check", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow/scripts")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_make_check_says_what_will_run(good):
    before = sorted(path.name for path in (good / "cells").iterdir())
    done = check(good / "cells", "cohort.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("OK: nothing is wrong with the input\n  cohort       wrong, carcinoma\n")
    assert "2, of 1 patients" in done.stdout and "lineages by kind, malignant cells by cancer" in done.stdout
    assert sorted(path.name for path in (good / "cells").iterdir()) == before


def test_make_check_fails_with_the_list(good, tmp_path):
    done = check(tmp_path, str(good / "bulk/cohort.yaml"), "--data", "nowhere")
    assert done.returncode == 1 and not done.stdout
    assert "nowhere/regulon.tsv" in done.stderr and "Traceback" not in done.stderr


def test_make_run_looks_at_the_text_of_the_config_first(tmp_path):
    (tmp_path / "c.yaml").write_text("cohort: a\n__use_yte__: true\nseed: ?__import__('os').system('touch pwned')\n")
    done = check(tmp_path, "c.yaml", "--only-config")
    assert done.returncode == 1 and "no expression of a configuration is run" in done.stderr
    assert not (tmp_path / "pwned").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give its rights up for a moment")
@pytest.mark.parametrize("name", ["samples.tsv", "matrix.tsv"])
def test_a_file_without_rights_is_a_problem(good, tmp_path, name):
    folder = tmp_path / "cohort"
    lay_out(good, {"cohort": "bulk"}, folder)
    (folder / name).chmod(0)
    for path in (folder, *folder.parents[:3]):
        path.chmod(path.stat().st_mode | 0o555)
    # Once with all rights, so that everything is imported, and without.
    code = "import os, sys\nfrom stat3act.check import main\nsys.argv[1:] = ['cohort.yaml']\n"
    code += "assert main() == 0\nos.seteuid(65534)\nsys.exit(main())"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow/scripts")}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert name in done.stderr and "Traceback" not in done.stderr

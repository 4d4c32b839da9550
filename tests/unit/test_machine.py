"""What the machine denies a job is said in words, and a job that was killed is found."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from stat3act import logs, machine
from workflow.harness import ROOT

JOB = """
    import sys
    sys.path.insert(0, {scripts!r})
    from types import SimpleNamespace
    from stat3act import logs
    logs.start(SimpleNamespace(log=["x.log"], rule="activity_score", wildcards={{"sample": "P1"}}, input=[],
                               output=["results/mine/x.tsv"], resources={{"mem_mb": 2000}}))
    {action}
"""


def run(folder, action, prepare=None):
    code = textwrap.dedent(JOB.format(scripts=str(ROOT / "workflow/scripts"), action=action))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, check=False, capture_output=True, text=True, preexec_fn=prepare
    )
    return done.returncode, (folder / "x.log").read_text()


def snakemake_log(name="x.log"):
    return (
        "[Sat Nov 28 22:42:33 2026]\nError in rule activity_score:\n    message: None\n    jobid: 4\n"
        f"    input: a.tsv\n    output: b.tsv\n    log: {name} (check log file(s) for error details)\nLogfile\n"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are those of Linux")
def test_a_job_that_asks_for_more_than_the_machine_has_says_so(tmp_path):
    size = 2 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    code, text = run(tmp_path, f"import numpy; numpy.ones({size} // 8)")
    assert code == 1 and "Traceback" not in text
    assert "Out of memory in the rule activity_score" in text and "resource: mem_mb, 2000 now" in text
    assert "--set-resources activity_score:mem_mb=4000" in text
    assert "the memory of the machine" in text or "the control group" in text


def test_a_limit_of_the_address_space_is_named(tmp_path):
    import resource

    limit = 2 * machine.GB
    code, text = run(tmp_path, "bytearray(3 << 30)", lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    assert code == 1 and "2.0 GB, the address space (ulimit -v)" in text


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("OSError(28, 'No space left on device', 'results/a.tsv')", "no space left on the disk"),
        ("OSError('Driver write request failed (errno = 28, error message = x)')", "no space left on the disk"),
        ("RuntimeError('cannot close file, errno = 122, error message')", "the disk quota is used up"),
        ("PermissionError(13, 'Permission denied', 'results/a.tsv')", "permission denied"),
        ("OSError(30, 'Read-only file system', 'results/a.tsv')", "the disk is read-only"),
    ],
)
def test_what_a_disk_denies_is_said_in_words(tmp_path, error, words):
    code, text = run(tmp_path, f"raise {error}")
    assert code == 1 and words in text and "run the same command again" in text and "Traceback" not in text


def test_a_fault_of_the_code_keeps_its_traceback(tmp_path):
    code, text = run(tmp_path, "raise ValueError('a bug')")
    assert code == 1 and "Traceback" in text and text.endswith(f"{logs.LAST_LINE}\n")
    assert machine.explain(FileNotFoundError(2, "absent"), "r", {}) is None


def test_jobs_that_were_killed_are_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for action, killed in (("pass", False), ("raise ValueError", False), ("import os; os.kill(os.getpid(), 9)", True)):
        run(tmp_path, action)
        found = list(logs.say_killed(snakemake_log()))
        assert len(found) == killed, action
        if killed:
            assert "rule activity_score was killed" in found[0] and "mem_mb" in found[0]
            assert "was killed before" in (tmp_path / "x.log").read_text()
    # Killed before it could open its log.
    assert len(list(logs.say_killed(snakemake_log("never_opened.log")))) == 1
    assert not list(logs.say_killed("nothing failed"))


def test_the_limits_of_memory_hold_for_this_process():
    limits = machine.memory_limits()
    assert all(size > np.prod([1 << 20, 100]) for size in limits.values())

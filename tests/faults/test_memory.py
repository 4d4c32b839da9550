"""Too little memory: the message names the resource and the setting, whoever ends the job."""

import os
import re
import resource

import pytest

from faults.cohort import BULK, Running, attempt, expect_same
from memory_limit import control_group

pytestmark = pytest.mark.faults
MB = 1 << 20


def expect_words(output):
    assert re.search(r"Out of memory in the rule|was killed before it could say why", output), output[-4000:]
    assert "mem_mb" in output and "run the same command again" in output


def test_too_little_address_space(project, bulk_done, record):
    limit = 900 * MB
    run = Running(project, *BULK, prepare=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))).end()
    assert run.returncode != 0
    expect_words(run.output)
    again = attempt(project, *BULK)
    assert again.returncode == 0, again.output[-3000:]
    expect_same(project, bulk_done, "bulk")
    word = re.search(r"Out of memory in the rule \w+|The rule \w+ was killed", run.output)[0]
    record("too little memory (ulimit -v)", 1, 1, len(run.lost), f"{word} ...; names mem_mb and the limit")


@pytest.mark.skipif(os.geteuid() != 0, reason="control groups need root")
@pytest.mark.parametrize("limit", [600])
def test_too_little_memory_in_a_control_group(project, bulk_done, record, limit):
    with control_group(limit * MB) as processes:
        run = Running(project, *BULK, prepare=lambda: processes.write_text(str(os.getpid()))).end()
    assert run.returncode != 0
    expect_words(run.output)
    attempt(project, *BULK, "--unlock")
    again = attempt(project, *BULK)
    assert again.returncode == 0, again.output[-3000:]
    expect_same(project, bulk_done, "bulk")
    word = re.search(r"Out of memory in the rule \w+|The rule \w+ was killed", run.output)[0]
    record(f"too little memory (control group of {limit} MB)", 1, 1, len(run.lost), f"{word} ...; names mem_mb")

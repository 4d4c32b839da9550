"""Killed at random moments: jobs, and all of Snakemake."""

import random
import re
import shutil
import time

import pytest

from faults.cohort import BULK, Running, attempt, expect_same

pytestmark = pytest.mark.faults
KILLED = re.compile(r"The rule (\w+) was killed before it could say why")


def kill_a_job(run: Running, chance: random.Random) -> bool:
    """Kill a script at a random moment; tell whether one was hit."""
    run.wait_until(run.jobs)
    time.sleep(chance.uniform(0, 4))
    return run.wait_until(lambda: run.kill_job(chance.randrange(4)))


def kill_everything(run: Running, chance: random.Random) -> bool:
    """Kill Snakemake and its scripts at a random moment, more often than not while scripts run."""
    if chance.random() < 0.8:
        run.wait_until(run.jobs)
    time.sleep(chance.uniform(0, 5))
    return run.kill_all()


def kill_main(run: Running, chance: random.Random) -> bool:
    """Kill Snakemake alone while scripts run: they go on without it."""
    run.wait_until(run.jobs)
    time.sleep(chance.uniform(0, 4))
    if run.process.poll() is not None:
        return False
    run.process.kill()
    return True


def disturb(undisturbed, fresh, folder, kill, times, seed, forget=False):
    """Kill until ``times`` kills hit, starting anew whenever the cohort is finished.

    Each finished cohort must be as an undisturbed one. Returns the number of kills, the most jobs lost by one kill,
    what was said, and the number of jobs that ran again although they had finished.
    """
    chance, hits, most, said, again = random.Random(seed), 0, 0, [], 0
    while hits < times:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(fresh, folder)
        done: set[str] = set()
        while True:
            run = Running(folder, *BULK)
            hit = kill(run, chance) if hits < times else False
            ended = run.end()
            again += len(done & set(ended.started.values())) if not forget else 0
            done |= set(ended.finished)
            if hit:
                hits, most = hits + 1, max(most, len(ended.lost))
                said.append(ended.output)
                if ended.returncode < 0:
                    unlocked = attempt(folder, *BULK, "--unlock")
                    assert unlocked.returncode == 0, unlocked.output
                if forget:
                    shutil.rmtree(folder / ".snakemake", ignore_errors=True)
            elif ended.returncode == 0:
                break
            else:
                raise AssertionError(ended.output[-4000:])
        assert not list((folder / "results").rglob(".partial.*"))
        expect_same(folder, undisturbed, "bulk")
    return hits, most, said, again


def test_a_killed_job(fresh, bulk_done, tmp_path, kills, record):
    hits, most, said, again = disturb(bulk_done, fresh, tmp_path / "project", kill_a_job, kills, seed=1)
    # Both jobs that can run at once were hit, or one ended while Snakemake shut down.
    assert most <= 2 and not again
    named = [found for text in said if (found := KILLED.search(text))]
    # A job hit in its last moment, after its log had ended, leaves only what Snakemake says.
    assert all("<Signals.SIGKILL: 9>" in text for text in said) and len(named) >= 0.8 * hits
    assert all("mem_mb" in text and "run the same command again" in text for text in said if KILLED.search(text))
    record("kill -9 of a job", hits, hits, most, f"{named[0][0]}; names mem_mb and the log")


def test_everything_killed(fresh, bulk_done, tmp_path, kills, record):
    hits, most, _, again = disturb(bulk_done, fresh, tmp_path / "project", kill_everything, kills, seed=2)
    assert most <= 2 and not again
    record("kill -9 of Snakemake and its jobs", hits, hits, most, "next run: Directory cannot be locked ... --unlock")


def test_snakemake_killed_while_its_jobs_go_on(fresh, bulk_done, tmp_path, kills, record):
    hits, most, _, again = disturb(bulk_done, fresh, tmp_path / "project", kill_main, kills, seed=3)
    assert most <= 2 and not again
    record("kill -9 of Snakemake alone, jobs go on", hits, hits, most, "as above")


def test_everything_killed_and_the_records_of_snakemake_lost(fresh, bulk_done, tmp_path, kills, record):
    hits, most, _, _ = disturb(bulk_done, fresh, tmp_path / "project", kill_everything, kills, seed=4, forget=True)
    assert most <= 2
    record("the same, and .snakemake deleted", hits, hits, most, "nothing to say: what exists is whole")

"""Outputs appear whole or not at all."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from stat3act import tables
from workflow.harness import ROOT


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "t.tsv"
    tables.write_text(path, "old\n")

    def fail(partial):
        partial.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        tables.write_whole(path, fail)
    assert [file.name for file in tmp_path.iterdir()] == ["t.tsv"] and path.read_text() == "old\n"


def test_a_killed_write_leaves_the_old_file_and_the_next_one_clears_up(tmp_path):
    path = tmp_path / "P1.tsv"
    tables.write_text(path, "old\n")
    (tmp_path / ".partial.7.of.P1.tsv").write_text("of another file, just being written")
    code = f"""
        import os, signal, sys
        sys.path.insert(0, {str(ROOT / "workflow/scripts")!r})
        from stat3act import tables
        def write(partial):
            partial.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
        tables.write_whole({str(path)!r}, write)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert done.returncode == -signal.SIGKILL and path.read_text() == "old\n"
    assert len(os.listdir(tmp_path)) == 3
    tables.write_text(path, "new\n")
    assert sorted(os.listdir(tmp_path)) == [".partial.7.of.P1.tsv", "P1.tsv"] and path.read_text() == "new\n"

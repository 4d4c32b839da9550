"""What jobs ask a cluster for: every rule says it, and a later attempt asks for more."""

import re
from pathlib import Path

import pytest
import yaml
from snakemake_interface_storage_plugins.exceptions import FileOrDirectoryNotFoundError

ROOT = Path(__file__).resolve().parents[2]
RULE = re.compile(r"^ *rule (\w+):\n((?:.*\n)*?)(?=^ *rule |\Z)", re.MULTILINE)
RULES = {
    name: body
    for path in sorted((ROOT / "workflow/rules").glob("*.smk"))
    for name, body in RULE.findall(path.read_text(encoding="utf-8"))
}
REQUESTS: dict = {}
exec((ROOT / "workflow/rules/resources.smk").read_text(encoding="utf-8"), REQUESTS)


class Input(str):
    """A path as Snakemake hands it to a request."""

    is_storage = False


class Stored(list):
    """Inputs in a storage, of which one has yet to be made."""

    @property
    def size_mb(self):
        raise FileOrDirectoryNotFoundError(Path("absent"))


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_asks_for_memory_and_time_that_grow_by_attempt(rule):
    assert re.search(r"\n +mem_mb=memory_for\(", RULES[rule]) and re.search(r"\n +runtime=runtime_for\(", RULES[rule])


def test_the_rules_were_found():
    assert len(RULES) >= 28 and {"compartments_lineages", "networks_fetch", "atlas_render"} <= RULES.keys()


@pytest.mark.parametrize(
    ("size_mb", "attempt", "expected"),
    [(10, 1, 1000), (10, 2, 2000), (300, 1, 3000), (300, 3, 12000), (5000, 1, 16000), (10, 9, 16000)],
)
def test_memory_follows_the_input_between_floor_and_cap_and_doubles(tmp_path, size_mb, attempt, expected):
    # Two files without contents, together of the size.
    files = [tmp_path / "a", tmp_path / "b"]
    for path in files:
        with open(path, "wb") as handle:
            handle.truncate(size_mb * 2**19)
    request = REQUESTS["memory_for"](factor=10, floor=1000, cap=16000)
    assert request(None, [Input(path) for path in files], attempt) == expected


@pytest.mark.parametrize("stored", [False, True])
def test_inputs_that_do_not_exist_yet_leave_the_floor(tmp_path, stored):
    path = Input(tmp_path / "absent")
    path.is_storage = stored
    assert REQUESTS["memory_for"](factor=10, floor=1000, cap=16000)(None, Stored([path]), 2) == 2000


def test_time_doubles():
    assert [REQUESTS["runtime_for"](30)(None, attempt) for attempt in (1, 2, 3)] == [30, 60, 120]


def test_groups_of_the_profile_are_of_rules_that_exist():
    groups = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text(encoding="utf-8"))["groups"]
    assert groups and groups.keys() <= RULES.keys()

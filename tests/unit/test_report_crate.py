"""The RO-Crate metadata say which files came out, and hang together."""

import hashlib
import json

import pytest

from stat3act.report.crate import CRATE, PROFILE, crate
from unit.report_example import config, provenance


@pytest.fixture
def made(tmp_path):
    names = ["profiles/calls.tsv", "report/report.html", "report/example_mqc.tsv", "provenance.json"]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"content of {name}")
    record = provenance(2) | {"config": config()}
    return tmp_path, names, crate([tmp_path / name for name in names], tmp_path, record, "0.1.0")


def test_every_file_is_part_of_the_dataset_and_a_result_of_the_run(made):
    folder, names, found = made
    graph = {entity["@id"]: entity for entity in found["@graph"]}
    assert len(graph) == len(found["@graph"])
    parts = [part["@id"] for part in graph["./"]["hasPart"]]
    assert sorted(parts) == sorted(names) == sorted(result["@id"] for result in graph["#run"]["result"])
    for name in names:
        content = (folder / name).read_bytes()
        assert graph[name]["sha256"] == hashlib.sha256(content).hexdigest()
        assert graph[name]["contentSize"] == str(len(content)) and graph[name]["description"]
    assert "one row is one sample" in graph["profiles/calls.tsv"]["description"]
    assert [graph[one["@id"]]["name"] for one in graph["#run"]["object"]] == ["data/S0001.h5ad", "data/S0002.h5ad"]


def test_the_crate_is_one(made):
    _, _, found = made
    graph = {entity["@id"]: entity for entity in found["@graph"]}
    descriptor = graph["ro-crate-metadata.json"]
    assert descriptor["about"] == {"@id": "./"} and descriptor["conformsTo"] == {"@id": CRATE}
    assert {"name", "description", "datePublished", "license"} <= graph["./"].keys()
    assert graph["./"]["conformsTo"] == {"@id": PROFILE} and graph["./"]["mentions"] == {"@id": "#run"}
    assert graph["#run"]["instrument"] == {"@id": "#workflow"} and graph["#workflow"]["softwareVersion"] == "0.1.0"


def test_every_reference_leads_somewhere_and_no_path_of_the_machine_is_told(made):
    folder, _, found = made

    def references(value):
        if isinstance(value, dict):
            yield from [value["@id"]] if value.keys() == {"@id"} else (r for v in value.values() for r in references(v))
        elif isinstance(value, list):
            yield from (r for one in value for r in references(one))

    known = {entity["@id"] for entity in found["@graph"]}
    assert {name for name in references(found["@graph"]) if not name.startswith("https://")} <= known
    assert str(folder) not in json.dumps(found)


def test_the_same_results_give_the_same_metadata(made):
    folder, names, found = made
    record = provenance(2) | {"config": config()}
    assert crate([folder / name for name in reversed(names)], folder, record, "0.1.0") == found

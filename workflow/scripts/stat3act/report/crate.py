"""The run as an RO-Crate: which files came out, from which inputs, through which software.

After Process Run Crate 0.5, a profile of Workflow Run RO-Crate (https://w3id.org/ro/wfrun/process/0.5).
The metadata are one flat list of JSON objects, written directly: the library ``rocrate`` would add six packages to the
environment of every job for it. That library (0.16) reads the result.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from stat3act.report.columns import TABLES
from stat3act.tables import sha256_of_file

CRATE = "https://w3id.org/ro/crate/1.1"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
# The profile takes these terms from the context of Workflow Run RO-Crate.
CONTEXT = [f"{CRATE}/context", "https://w3id.org/ro/terms/workflow-run/context"]
NAMES = {
    "report/report.html": "Report of the cohort",
    "report/methods.md": "Methods text",
    "provenance.json": "Inputs, configuration, code and versions",
    "config.yaml": "Configuration with every default filled in",
    "profiles/profiles.h5ad": "Activation profiles as AnnData",
}
FORMATS = {
    ".html": "text/html",
    ".md": "text/markdown",
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".tsv": "text/tab-separated-values",
    ".h5ad": "application/x-hdf5",
}


def link(name: str) -> dict:
    """Refer to an entity."""
    return {"@id": name}


def file_entity(path: Path, root: Path) -> dict:
    """Describe a file of the crate."""
    name = path.relative_to(root).as_posix()
    table = next((table for table in TABLES.values() if table.path == name), None)
    words = f"Table, one row is {table.row}" if table else NAMES.get(name, "Quality of the samples, for MultiQC")
    return {
        "@id": name,
        "@type": "File",
        "name": name,
        "description": words,
        "contentSize": str(path.stat().st_size),
        "encodingFormat": FORMATS[path.suffix],
        "sha256": sha256_of_file(path),
    }


def input_entities(provenance: Mapping) -> list[dict]:
    """Describe the inputs. They are not in the crate, so their path is a name and their sha256 says which they are."""
    return [
        {
            "@id": f"#input-{number}",
            "@type": "CreativeWork",
            "name": entry["path"],
            "contentSize": str(entry["bytes"]),
            "sha256": entry["sha256"],
        }
        for number, entry in enumerate(provenance["inputs"], 1)
    ]


def software_entities(provenance: Mapping, version: str) -> list[dict]:
    """Describe the workflow, and the packages it ran on."""
    versions = {"python": provenance["python"], **provenance["packages"]}
    packages = [
        {"@id": f"#{name}", "@type": "SoftwareApplication", "name": name, "softwareVersion": number, "version": number}
        for name, number in sorted(versions.items())
    ]
    workflow = {
        "@id": "#workflow",
        "@type": "SoftwareApplication",
        "name": "STAT3 activity workflow",
        "description": "Is STAT3 active in this tumour, in which cells, and how sure are we?",
        "softwareVersion": version,
        "identifier": f"code sha256 {provenance['code_sha256']}",
        "url": link("https://snakemake.github.io"),
        "softwareRequirements": [link(package["@id"]) for package in packages],
    }
    return [workflow, *packages]


def run_entity(cohort: str, inputs: list[dict], files: list[dict], ended: datetime) -> dict:
    """Describe the run: from which inputs which files came."""
    return {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"STAT3 activity of the cohort {cohort}",
        "instrument": link("#workflow"),
        "object": [link(entity["@id"]) for entity in inputs],
        "result": [link(entity["@id"]) for entity in files],
        "endTime": ended.isoformat(),
        "actionStatus": "http://schema.org/CompletedActionStatus",
    }


def dataset_entity(provenance: Mapping, files: list[dict], ended: datetime) -> dict:
    """Describe the folder of results."""
    cohort, given = provenance["cohort"], provenance["config"]["report"]
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": f"STAT3 activity: {given['title'] or cohort}",
        "description": f"Activation profiles and calls of the cohort {cohort}. Data: {given['source'] or 'not given'}. "
        "For research use; not predictive of benefit from a STAT3 inhibitor.",
        "datePublished": ended.date().isoformat(),
        "license": "Not stated: the rights of the input data apply.",
        "conformsTo": link(PROFILE),
        "hasPart": [link(entity["@id"]) for entity in files],
        "mentions": link("#run"),
    }


def crate(paths: Iterable[Path], root: Path, provenance: Mapping, version: str) -> dict:
    """Describe a run.

    Parameters
    ----------
    paths
        Results, all below ``root``.
    root
        The cohort's folder of results, in which the metadata will stand.
    provenance
        ``provenance.json``.
    version
        Version of the workflow.

    Returns
    -------
    The content of ``ro-crate-metadata.json``. The only times in it are those of the results, so that the same results
    give the same metadata.
    """
    paths = sorted(paths)
    files, inputs = [file_entity(path, root) for path in paths], input_entities(provenance)
    ended = datetime.fromtimestamp(max(path.stat().st_mtime for path in paths), UTC).replace(microsecond=0)
    descriptor = {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "about": link("./"),
        "conformsTo": link(CRATE),
    }
    profile = {"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
    dataset, run = dataset_entity(provenance, files, ended), run_entity(provenance["cohort"], inputs, files, ended)
    software = software_entities(provenance, version)
    return {"@context": CONTEXT, "@graph": [descriptor, dataset, run, *software, profile, *inputs, *files]}

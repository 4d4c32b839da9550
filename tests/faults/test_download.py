"""The download of CollecTRI from a server that breaks off, answers wrongly or is not there."""

import re
import shutil
import socket
import ssl
import subprocess
import threading

import pandas as pd
import pytest
import yaml

from faults.cohort import attempt
from workflow.harness import ROOT

pytestmark = pytest.mark.faults
TARGET = ["results/bulk/networks/axes.tsv", "--configfile", "bulk.yaml"]
FAULTS = {
    "cut": "cut half-way",
    "cut without a length": "cut half-way by a server that told no length",
    "other": "other content",
    "refuse": "no connection",
}
FETCHED = "results/bulk/networks/collectri.tsv"
NETWORK = (FETCHED, TARGET[0])


def collectri(rows: int | None = None) -> bytes:
    """A network in the format of the published file, with the demo's regulon in it."""
    regulon = pd.read_csv(ROOT / "config/demo/regulon.tsv", sep="\t")[["source", "target", "weight"]].head(rows)
    extra = {"resources": "CollecTRI", "references": "CollecTRI:1;CollecTRI:2;CollecTRI:3", "sign_decision": "PMID"}
    return regulon.assign(**extra).to_csv(index=False).encode()


class Server:
    """A proxy that ends every TLS connection itself and answers as the next word of ``answers`` says."""

    def __init__(self, folder):
        self.answers, self.asked = [], 0
        self.certificate, key = folder / "certificate.pem", folder / "key.pem"
        names = ["-subj", "/CN=zenodo.org", "-addext", "subjectAltName=DNS:zenodo.org"]
        make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
        subprocess.run([*make, "-keyout", key, "-out", self.certificate], check=True, capture_output=True)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.certificate, key)
        self.socket = socket.create_server(("127.0.0.1", 0))

    @property
    def environment(self) -> dict[str, str]:
        address = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        return {"HTTPS_PROXY": address, "https_proxy": address, "REQUESTS_CA_BUNDLE": str(self.certificate)}

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                self.answer(connection)

    def answer(self, connection):
        _read_head(connection)
        word = self.answers.pop(0) if self.answers else "refuse"
        self.asked += 1
        if word == "refuse":
            return
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with self.tls.wrap_socket(connection, server_side=True) as secure:
            _read_head(secure)
            body = collectri(20) if word == "other" else collectri()
            length = b"Content-Length: %d\r\n" % len(body) if word != "cut without a length" else b""
            sent = body[: len(body) // 2] if word.startswith("cut") else body
            secure.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + length + b"\r\n" + sent)


def _read_head(connection):
    text = b""
    while b"\r\n\r\n" not in text and (part := connection.recv(4096)):
        text += part


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    yield server
    server.socket.shutdown(socket.SHUT_RDWR)
    server.socket.close()
    thread.join(5)


def pin(project, sha256):
    path = project / "bulk.yaml"
    config = yaml.safe_load(path.read_text())
    config["networks"] = {"regulon": "collectri", "regulon_sha256": sha256}
    path.write_text(yaml.safe_dump(config))


@pytest.fixture(scope="module")
def pinned(fresh, server, tmp_path_factory):
    """A project that pins the sha256 of the whole network and has fetched it."""
    project = tmp_path_factory.mktemp("pinned") / "project"
    shutil.copytree(fresh, project)
    pin(project, "0" * 64)
    server.answers = ["whole"] * 3
    run = attempt(project, *TARGET, **server.environment)
    assert run.returncode != 0 and not (project / FETCHED).exists()
    found = re.search(r"set networks\.regulon_sha256: ([0-9a-f]{64})", run.output)
    assert found, run.output[-4000:]
    pin(project, found[1])
    server.answers = ["whole"]
    run = attempt(project, *TARGET, **server.environment)
    assert run.returncode == 0, run.output[-4000:]
    return project


@pytest.fixture
def fetched(pinned, tmp_path):
    """A copy of that project, to hit."""
    shutil.copytree(pinned, tmp_path / "fetched")
    return tmp_path / "fetched"


def expect_network(project, pinned):
    assert {name: (project / name).read_bytes() for name in NETWORK} == {
        name: (pinned / name).read_bytes() for name in NETWORK
    }


WORDS = {
    "cut": "The download of the rule networks_fetch broke off",
    "cut without a length": "downloaded CollecTRI, networks.regulon 'collectri'",
    "other": "downloaded CollecTRI, networks.regulon 'collectri'",
    "refuse": "The download of the rule networks_fetch broke off",
}


@pytest.mark.parametrize("word", WORDS)
def test_a_download_that_fails(fetched, server, pinned, record, word):
    for name in NETWORK:
        (fetched / name).unlink()
    server.asked, server.answers = 0, [word] * 3
    run = attempt(fetched, *TARGET, **server.environment)
    assert run.returncode != 0 and server.asked == 3
    assert WORDS[word] in run.output and "Traceback" not in run.output, run.output[-4000:]
    assert not (fetched / FETCHED).exists() and not list((fetched / "results").rglob(".partial.*"))
    # One failure is tried again within the run.
    server.answers = [word, "whole"]
    run = attempt(fetched, *TARGET, **server.environment)
    assert run.returncode == 0, run.output[-4000:]
    expect_network(fetched, pinned)
    record(f"download: {FAULTS[word]}", 4, 4, 1, WORDS[word])


def test_a_network_in_the_results_that_lost_its_end(fetched, server, pinned, record):
    path = fetched / FETCHED
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-5]))
    run = attempt(fetched, *TARGET, "--forcerun", "networks_prepare", **server.environment)
    assert run.returncode != 0 and "sha256" in run.output and FETCHED in run.output, run.output[-4000:]
    path.unlink()
    server.answers = ["whole"]
    run = attempt(fetched, *TARGET, **server.environment)
    assert run.returncode == 0, run.output[-4000:]
    expect_network(fetched, pinned)
    record("fetched network cut at the end of a row", 1, 1, 0, f"{FETCHED}: found sha256 ..., expected ...")

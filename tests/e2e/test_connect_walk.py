# SPDX-License-Identifier: Apache-2.0
"""Outflow answers Kafka Connect's REST API as a real worker of Kafka Connect does, step by step through the whole life of
connectors, but for the differences that tests/connect/differences.json gives reasons for, and as its document says."""
import pathlib
import sys

import contract
import oracle

CONNECT = pathlib.Path(__file__).resolve().parents[1] / "connect"
sys.path.insert(0, str(CONNECT))

import walk  # noqa: E402
from connect_server import connect_server  # noqa: E402


class Walker(walk.Walker):
    """One that also holds the answers against the document of the API."""

    def ask(self, step):
        status, headers, body = super().ask(step)
        contract.check(*self.fill(step["send"]).split(" ", 1), status, headers.get("content-type"), body)
        return status, headers, body


def test_walk(kafka, tmp_path):
    files = tmp_path / "files"
    files.mkdir()
    server = connect_server(tmp_path / "server", kafka.bootstrap).start()
    try:
        variables = {"DIR": str(files), "TOPIC": oracle.make_topic(kafka.bootstrap, 1)}
        answers = Walker(server.url, variables, files).walk(walk.load("walk.json"))
    finally:
        server.stop()
    problems = walk.judge(walk.load_golden(), answers, walk.load("differences.json"))
    assert not problems, f"{len(problems)} differences:\n" + "\n".join(problems)


def test_differences_are_explained():
    """Each has a reason, and the page for users tells of it."""
    page = (CONNECT.parents[1] / "doc/connect-compatibility.md").read_text()
    for entry in walk.load("differences.json"):
        assert set(entry) <= {"steps", "at", "kafka", "outflow", "why"} and entry["why"]
        assert entry["why"] in page, f"doc/connect-compatibility.md does not say: {entry['why']}"

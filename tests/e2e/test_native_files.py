# SPDX-License-Identifier: Apache-2.0
"""Plan and reload over the native API: what the files say now, and that it is done, whole or not at all."""
import pytest

import native_client

API = 'api = { listeners = [ "http://127.0.0.1:0" ]; };\n'


def declare(*pipelines):
    groups = [f'{{ name = "{name}"; source = {{ class = "gen"; rate = {rate}; }}; sink = {{ class = "null"; }}; }}'
              for name, rate in pipelines]
    return API + f'pipelines = ( {", ".join(groups)} );\n'


@pytest.fixture
def daemon(tmp_path):
    it = native_client.Daemon(tmp_path / "daemon")
    it.config.write_text(declare(("a", 10), ("b", 10)))
    yield it.start()
    if it.alive():
        it.kill()


def test_plan_then_reload(daemon):
    """Proves that a plan changes nothing, that its hash guards the reload, and that the reload says what it did."""
    expected = {"a": "changed", "b": "removed", "c": "added"}
    daemon.config.write_text(declare(("a", 20), ("c", 10)))
    plan = daemon.get("/v1/plan")
    assert plan.status == 200 and {c["name"]: c["change"] for c in plan.json["changes"]} == expected
    assert daemon.get("/v1/pipelines/c").status == 404
    assert daemon.call("POST", "/v1/reload", {"hash": "0" * 16}).status == 409
    assert daemon.get("/v1/pipelines/c").status == 404
    done = daemon.call("POST", "/v1/reload", {"hash": plan.json["hash"]})
    assert done.status == 200 and {c["name"]: c["change"] for c in done.json["changes"]} == expected
    daemon.wait_state("c", "RUNNING")
    assert daemon.look("a")["config"]["source.rate"] == "20" and daemon.get("/v1/pipelines/b").status == 404
    assert {c["change"] for c in daemon.call("POST", "/v1/reload").json["changes"]} == {"none"}


def test_a_mistake_changes_nothing(daemon):
    """Proves that one bad pipeline, or a file that cannot be read, leaves all as it is, with file and line."""
    daemon.config.write_text(declare(("a", 20), ("c", '"fast"')))
    bad = daemon.call("POST", "/v1/reload")
    assert bad.status == 400 and bad.json["problems"][0]["file"] == str(daemon.config), bad.json
    assert bad.json["problems"][0]["line"] == 2 and daemon.look("a")["config"]["source.rate"] == "10"
    daemon.config.write_text("pipelines = (")
    assert daemon.get("/v1/plan").status == 400
    for body in ({"hash": 5}, {"hsh": "0" * 16}, [], {"hash": "0" * 16, "more": 1}):
        assert daemon.call("POST", "/v1/reload", body).status == 400

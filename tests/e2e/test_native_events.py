# SPDX-License-Identifier: Apache-2.0
"""Live status by server-sent events: what happens to pipelines is told, to many at once, and slow clients harm nobody."""
import concurrent.futures

import pytest

import native_client
import servers

USERS = """users = ( { name = "hands"; token = "write"; role = "admin"; }, { name = "eyes"; token = "look"; role = "read-only"; } );"""


@pytest.fixture
def daemon(tmp_path):
    it = native_client.Daemon(tmp_path / "daemon").start()
    yield it
    if it.alive():
        it.kill()


def wish(name="p", **more):
    return {"name": name, "source": {"class": "gen", "rate": 200}, "sink": {"class": "null"}, **more}


def create(daemon, *args, **more):
    answer = daemon.call("POST", "/v1/pipelines", wish(*args, **more))
    assert answer.status == 201, answer.json


def change(what, **members):
    return lambda kind, data: kind == "change" and what in data["what"] and all(data[k] == v for k, v in members.items())


def is_in(name, state):
    """What lasts a moment may be left out, so that a state may come with another change."""
    return lambda kind, data: kind == "change" and (data["name"], data.get("state")) == (name, state)


def test_a_life_is_told(daemon):
    """Proves that each thing that happens to a pipeline is told in order, with ids that grow, and failures with their reason."""
    create(daemon, "before")
    it = daemon.listen("/v1/events")
    kind, data = it.next()
    assert (kind, [p["name"] for p in data["pipelines"]], data["more"]) == ("snapshot", ["before"], False)
    assert data["pipelines"][0]["state"] == "READY" and data["pipelines"][0]["target"] == "STOPPED"
    create(daemon)
    it.until(change("created", name="p", state="READY"))
    daemon.call("POST", "/v1/pipelines/p/start")
    seen = it.until(is_in("p", "RUNNING"))
    assert any("target" in data["what"] and data["target"] == "RUNNING" for kind, data in seen if kind == "change")
    version = daemon.look("p")["version"]
    assert daemon.call("PATCH", "/v1/pipelines/p", {"source": {"rate": 100}}).status == 200
    edited = it.until(change("edited", name="p"))[-1][1]
    assert edited["version"] != version
    if edited["state"] != "RUNNING":
        it.until(is_in("p", "RUNNING"))
    daemon.call("POST", "/v1/pipelines/p/pause")
    it.until(is_in("p", "PAUSED"))
    daemon.call("POST", "/v1/pipelines/p/stop")
    it.until(is_in("p", "READY"))
    assert daemon.call("DELETE", "/v1/pipelines/p").status == 204
    it.until(change("deleted", name="p"))
    create(daemon, "bad", sink={"class": "file", "path": "/nowhere/at/all"}, start=True)
    failed = it.until(is_in("bad", "STARTING_FAILED"))[-1][1]
    assert "/nowhere/at/all" in failed["reason"]
    assert it.ids == sorted(set(it.ids))
    daemon.call("DELETE", "/v1/pipelines/bad")
    daemon.kill(15)
    assert it.until(lambda kind, data: kind == "end")[-1][1]["reason"] == "Outflow is stopping"
    assert it.next() is None


def test_rates_come_while_something_moves(daemon):
    """Proves that figures come every second or so while records flow, and end with them."""
    it = daemon.listen("/v1/events")
    create(daemon, start=True)
    figures = it.until(lambda kind, data: kind == "rates" and data["figures"]["delivered"] > 800)[-1][1]["figures"]
    assert 50 < figures["tps"] < 450 and 50 < figures["received_per_second"] < 450
    assert figures["in_flight"] >= 0 and figures["lag_records"] >= figures["in_flight"]
    daemon.call("POST", "/v1/pipelines/p/pause")
    it.until(lambda kind, data: kind == "rates" and data["figures"]["tps"] == 0)


def test_many_pipelines_come_in_pages_and_a_prefix_chooses(daemon):
    """Proves that a snapshot has every pipeline once, in order, and that a prefix chooses among snapshots and changes."""
    for i in range(120):
        create(daemon, f"a{i:03}")
    create(daemon, "b")
    it, chosen = daemon.listen("/v1/events"), daemon.listen("/v1/events?prefix=b")
    pages = it.until(lambda kind, data: kind == "snapshot" and not data["more"])
    assert len(pages) == 3
    assert [p["name"] for _, page in pages for p in page["pipelines"]] == [f"a{i:03}" for i in range(120)] + ["b"]
    assert [p["name"] for p in chosen.next()[1]["pipelines"]] == ["b"]
    daemon.call("POST", "/v1/pipelines/a007/start")
    daemon.call("POST", "/v1/pipelines/b/start")
    it.until(is_in("a007", "RUNNING"))
    seen = chosen.until(is_in("b", "RUNNING"))
    assert {data["name"] for _, data in seen} == {"b"}


def test_a_slow_client_is_told_that_it_missed_something(daemon):
    """Proves that a client which does not read holds up neither requests nor other clients, costs bounded memory, and is
    given a new snapshot once it reads."""
    create(daemon)
    n = 200 if servers.SANITIZED else 600  # in less time than a client is given that takes nothing
    slow, quick = daemon.listen("/v1/events", buffer=4096), daemon.listen("/v1/events")
    before = daemon.memory()["RssAnon"]
    with concurrent.futures.ThreadPoolExecutor() as threads:
        last = threads.submit(quick.until, lambda kind, data: kind == "change" and data["description"][:5] == f"{n - 1:05}")
        for i in range(n):
            assert daemon.call("PATCH", "/v1/pipelines/p", {"description": f"{i:05}" + "x" * 20000}).status == 200
        assert "missed" not in {kind for kind, _ in last.result()}
    assert daemon.memory()["RssAnon"] - before < (400 if servers.SANITIZED else 8) * 1024
    seen = slow.until(lambda kind, data: kind == "missed")
    assert seen[-1][1]["events"] > 0
    kind, data = slow.next()
    assert kind == "snapshot" and data["pipelines"][0]["description"].startswith(f"{n - 1:05}")
    daemon.call("DELETE", "/v1/pipelines/p")
    slow.until(change("deleted", name="p"))


def test_a_client_that_never_reads_is_cut_off(tmp_path):
    """Proves that one that takes nothing for api.client.timeout loses its place."""
    daemon = native_client.Daemon(tmp_path / "daemon", api='client = { timeout = "2s"; };')
    daemon.start()
    try:
        create(daemon)
        stuck = daemon.listen("/v1/events", buffer=4096)
        for i in range(300):
            assert daemon.call("PATCH", "/v1/pipelines/p", {"description": f"{i:05}" + "x" * 20000}).status == 200
        servers.wait_until(lambda: daemon.logged("takes nothing any more"), 20, "it is cut off")
        stuck.close()
        assert daemon.listen("/v1/events").next()[0] == "snapshot"
    finally:
        daemon.kill()


def test_so_many_clients_and_no_more(daemon):
    """Proves that all places hear the same, that the next one is refused with a text, and that places come back."""
    create(daemon)
    clients = [daemon.listen("/v1/events") for _ in range(64)]
    refused = daemon.listen("/v1/events")
    assert refused.status == 503 and "64 clients" in refused.text
    assert refused.answer.headers["Retry-After"] == "10"
    daemon.call("POST", "/v1/pipelines/p/start")
    for it in clients:
        it.until(is_in("p", "RUNNING"))
    for it in clients[:10]:
        it.close()

    def place_is_free():
        daemon.call("PATCH", "/v1/pipelines/p", {"description": "another"})
        it = daemon.listen("/v1/events")
        return it.status == 200 and it.next()[0] == "snapshot"
    servers.wait_until(place_is_free, 20, "there is a place again")
    for it in clients[10:]:
        it.close()


def test_who_may_listen(tmp_path):
    """Proves that readers may listen and strangers may not, and that HEAD and a wrong Accept are answered at once."""
    daemon = native_client.Daemon(tmp_path / "daemon", api=USERS, headers={"Authorization": "Bearer write"}).start()
    try:
        assert daemon.listen("/v1/events", headers={"Authorization": "Bearer look"}).next()[0] == "snapshot"
        assert daemon.listen("/v1/events", headers={}).status == 401
        assert daemon.call("HEAD", "/v1/events").status == 200
        assert daemon.call("GET", "/v1/events", Accept="application/json").status == 406
        assert daemon.call("POST", "/v1/events", {}).status == 405
    finally:
        daemon.kill()

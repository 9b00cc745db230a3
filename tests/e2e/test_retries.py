# SPDX-License-Identifier: Apache-2.0
"""Retries, tolerance, order and restarts, proved by sinks and stages that fail on purpose and note what they were given."""
import json
import re

import pytest

import servers
from test_pipelines import Daemon, pipeline, run_until_done

QUICK = 'retry = { policy = "custom"; initial = "20ms"; max = { wait = "50ms"; attempts = 3; }; };'


def flaky(path, every=10, times=2, status="retry", more=""):
    return (f'class = "flaky"; path = "{path}"; every = {every}; times = {times}; status = "{status}"; '
            f'key = "$.data.body.dev"; topic = "t"; {more}')


def delivered(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def sequences(path):
    return sorted(r["seq"] for r in delivered(path))


def letters(path):
    found = []
    for line in path.read_text().splitlines():
        letter = json.loads(line)
        found.append((json.loads(letter["value"]), dict(letter["headers"])))
    return found


def test_a_failed_attempt_is_repeated(tmp_path):
    """Proves that a record that fails twice is delivered by its third attempt, once."""
    out = tmp_path / "out"
    daemon = run_until_done(tmp_path, pipeline(sink=flaky(out), more=QUICK))
    assert sequences(out) == list(range(1000))
    assert daemon.accounts()["p", 0]["retried"] == 200


@pytest.mark.parametrize("place", ["sink", "stage"])
def test_used_up_retries_make_a_dead_letter(tmp_path, place):
    """Proves that a record that fails for good is a dead letter with its attempts and times, and the others go on."""
    out, dead = tmp_path / "out", tmp_path / "dead"
    sink = flaky(out, times=0) if place == "sink" else flaky(out, every=0)
    stage = "" if place == "sink" else 'transforms = ( { name = "trip"; class = "stumble"; every = 10; times = 0; } );'
    daemon = run_until_done(tmp_path, pipeline(source="count = 100;", sink=sink, more=QUICK + stage + (
        'errors = { tolerance = "all"; };'
        f'deadletter = {{ class = "file"; path = "{dead}"; format = "json"; }};')))
    assert sequences(out) == [n for n in range(100) if n % 10]
    found = letters(dead)
    assert sorted(value["seq"] for value, _ in found) == list(range(0, 100, 10))
    for value, headers in found:
        assert headers["outflow.errors.attempts"] == "4"
        assert headers["outflow.errors.class"] == "RETRY"
        assert headers["outflow.errors.stage"] == ("sink" if place == "sink" else "transforms.trip")
        assert headers["__connect.errors.stage"] == ("TASK_PUT" if place == "sink" else "TRANSFORMATION")
        assert f"record {value['seq']} fails on purpose for the 4. time" in headers["__connect.errors.exception.message"]
        assert re.fullmatch(r"[0-9a-f]{8}", headers["outflow.errors.config.version"])
        first, last = headers["outflow.errors.first.time"], headers["outflow.errors.last.time"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first) and first < last
    assert daemon.accounts()["p", 0]["dead_lettered"] == 10


def test_raw_dead_letters_are_the_record_alone(tmp_path):
    """Proves that deadletter.mode = raw adds no header."""
    dead = tmp_path / "dead"
    run_until_done(tmp_path, pipeline(source="count = 10;", sink=flaky(tmp_path / "out", status="record"), more=(
        'errors = { tolerance = "all"; };'
        f'deadletter = {{ class = "file"; path = "{dead}"; format = "json"; mode = "raw"; }};')))
    assert letters(dead) == [({"seq": 0, "dev": "d0", "temp": 0, "ok": True, "pad": letters(dead)[0][0]["pad"]}, {})]


def test_tolerance_none_ends_in_ready(tmp_path):
    """Proves that without tolerance the retries come first, then the pipeline ends READY and nothing is counted as done
    behind the record; it is not restarted, and the next start brings it again."""
    out = tmp_path / "out"
    for _ in range(2):
        daemon = run_until_done(tmp_path, pipeline(source="count = 100;", sink=flaky(out, every=50, times=0),
                                                   more=QUICK), status=1)
        assert daemon.logged("READY: sink: record 0 fails on purpose for the 4. time")
        assert not daemon.logged("restart 1 in")
        assert daemon.accounts()["p", 0]["in_flight"] > 0
        daemon.log.unlink()


def test_tolerance_none_while_a_batch_is_collected(tmp_path):
    """Proves that it is the same when the record fails while the next batch is being collected."""
    daemon = run_until_done(tmp_path, pipeline(source="count = 100; rate = 50;", sink=flaky(tmp_path / "out", times=0),
                                               more=QUICK + 'batch = { messages = 20; interval = "15s"; };'), status=1)
    assert daemon.logged("READY: sink: record 0 fails on purpose") and not daemon.logged("restart 1")


def test_a_sink_that_gives_up_on_its_own(tmp_path):
    """Proves that a sink that says "canceled" although nobody asked for it ends the task instead of hanging it."""
    daemon = run_until_done(tmp_path, pipeline(source="count = 100;", sink=flaky(tmp_path / "out", status="canceled"),
                                               more='restart = { policy = "never"; };'), status=1)
    assert daemon.logged("FAILED: sink: record 0 fails on purpose")


def test_an_outage_uses_up_no_retries(tmp_path):
    """Proves that a sink that cannot be reached is waited for although there is no retry left to use."""
    out = tmp_path / "out"
    daemon = run_until_done(tmp_path, pipeline(source="count = 20;", sink=flaky(out, times=2, status="outage"),
                                               more='retry = { policy = "none"; };'))
    assert sequences(out) == list(range(20))
    assert daemon.accounts()["p", 0]["retried"] == 4


def test_an_outage_to_the_dead_letters_by_choice(tmp_path):
    """Proves that errors.outage.to.dlq = true treats an outage as any failed attempt."""
    out, dead = tmp_path / "out", tmp_path / "dead"
    run_until_done(tmp_path, pipeline(source="count = 20;", sink=flaky(out, times=0, status="outage"), more=QUICK + (
        'errors = { tolerance = "all"; outage = { to = { dlq = true; }; }; };'
        f'deadletter = {{ class = "file"; path = "{dead}"; format = "json"; }};')))
    assert [headers["outflow.errors.class"] for _, headers in letters(dead)] == ["OUTAGE", "OUTAGE"]


def per_key_order_is_kept(path):
    newest = {}
    for r in delivered(path):
        if newest.get(r["dev"], -1) >= r["seq"]:
            return False
        newest[r["dev"]] = r["seq"]
    return True


def test_strict_order_survives_retries(tmp_path):
    """Proves that with order = strict every key's records arrive in order although every 7th fails twice; and that without
    order the same failures do change it, so that the test can fail."""
    runs = {}
    for order in ("strict", "none"):
        out = tmp_path / f"out-{order}"
        run_until_done(tmp_path / order, pipeline(name=order, source="count = 3000;", sink=flaky(out, every=7),
                                                  more=QUICK + f'order = "{order}";'))
        assert sequences(out) == list(range(3000))
        runs[order] = per_key_order_is_kept(out)
    assert runs == {"strict": True, "none": False}


def test_default_order_holds_back_the_stream(tmp_path):
    """Proves that while a record waits for its retry nothing newer of its stream is sent: what overtakes it was under
    way already, in a sink that has room for 256."""
    out = tmp_path / "out"
    run_until_done(tmp_path, pipeline(source="count = 20000;", sink=flaky(out, every=5000, times=1), more=QUICK))
    got = [r["seq"] for r in delivered(out)]
    assert sorted(got) == list(range(20000))
    for late in range(0, 20000, 5000):
        overtaking = [n for n in got[:got.index(late)] if n > late]
        assert len(overtaking) <= 2 * 256, f"{len(overtaking)} records overtook number {late}"


def test_a_sink_that_hangs_is_ended_by_delivery_timeout(tmp_path):
    """Proves that a record that is never resolved fails the task when delivery.timeout is over."""
    daemon = run_until_done(tmp_path, pipeline(
        source="count = 10;", sink='class = "flaky"; hold = true;',
        more='delivery = { timeout = "300ms"; }; restart = { policy = "never"; };'), status=1)
    assert daemon.logged("FAILED: sink: a record waits for its delivery")


def test_an_outage_is_ended_by_delivery_timeout(tmp_path):
    """Proves that an outage, which is waited out otherwise, fails the task when delivery.timeout is over."""
    daemon = run_until_done(tmp_path, pipeline(
        source="count = 10;", sink=flaky(tmp_path / "out", times=0, status="outage"),
        more='delivery = { timeout = "500ms"; }; restart = { policy = "never"; };'), status=1)
    assert daemon.logged("FAILED: sink: a record waits for its delivery")
    assert daemon.accounts()["p", 0]["dead_lettered"] == daemon.accounts()["p", 0]["dropped"] == 0


def test_a_healthy_run_begins_the_restarts_anew(tmp_path):
    """Proves that restart.max.attempts counts restarts in a row: after a run of restart.healthy the next one is the first."""
    daemon = Daemon(tmp_path, pipeline(
        source="count = 50;", sink=flaky(tmp_path / "out", every=40, times=0, status="task"),
        more='restart = { initial = "20ms"; healthy = "0s"; max = { attempts = 1; }; };'))
    daemon.start()
    servers.wait_until(lambda: daemon.log.read_text().count("restart 1 in 0.0 s") >= 4, 30, "it starts again and again")
    daemon.stop()
    assert not daemon.logged("restart 2") and not daemon.logged("restart.max.attempts is reached")


def test_a_failed_task_is_restarted(tmp_path):
    """Proves that a task that fails starts again by itself with growing waits, as often as allowed, and loses nothing."""
    restart = 'restart = { initial = "50ms"; max = { wait = "100ms"; attempts = 2; }; };'
    out = tmp_path / "out"
    daemon = run_until_done(tmp_path, pipeline(source="count = 50;", sink=flaky(out, every=40, times=0, status="task"),
                                               more=restart), status=1)
    text = daemon.log.read_text()
    assert "restart 1 in 0.1 s" in text and "restart 2 in 0.1 s" in text and "restart 3" not in text
    assert "restart.max.attempts is reached" in text
    assert text.count("FAILED: sink: record 0 fails") == 3


def test_a_configuration_error_is_not_restarted(tmp_path):
    """Proves that what another start cannot mend is left alone."""
    daemon = run_until_done(tmp_path, pipeline(source="count = 50;", sink=flaky(tmp_path / "out", status="config")),
                            status=1)
    assert daemon.logged("FAILED: sink: record 0 fails") and not daemon.logged("restart")


def test_a_dead_letter_that_fails_ends_the_task(tmp_path):
    """Proves that a dead-letter sink that refuses its records stops the pipeline: no drop, no loop."""
    daemon = run_until_done(tmp_path, pipeline(
        source="count = 50;", sink=flaky(tmp_path / "out", times=0, status="record"),
        more=QUICK + 'errors = { tolerance = "all"; }; restart = { policy = "never"; };'
        f'deadletter = {{ {flaky(tmp_path / "dead", every=10, times=0).split(" key =")[0]} }};'), status=1)
    assert re.search(r"FAILED: deadletter: record \d+ fails on purpose for the 4. time", daemon.log.read_text())
    assert daemon.accounts()["p", 0]["dropped"] == 0
    assert not (tmp_path / "dead").read_text()


def test_connects_spelling_of_retries(tmp_path):
    """Proves that errors.retry.timeout retries as Kafka Connect does, and is refused beside retry.policy."""
    out = tmp_path / "out"
    daemon = run_until_done(tmp_path, pipeline(source="count = 20;", sink=flaky(out, times=1),
                                               more='errors = { retry = { timeout = 5000; }; };'))
    assert sequences(out) == list(range(20))
    assert daemon.accounts()["p", 0]["retried"] == 2
    daemon = Daemon(tmp_path, pipeline(more=QUICK + 'errors = { retry = { timeout = 5000; }; };'))
    daemon.spawn(daemon.command("check"))
    assert daemon.child.wait(timeout=20) == 2
    assert daemon.logged("one of the two decides")

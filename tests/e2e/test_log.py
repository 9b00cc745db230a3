# SPDX-License-Identifier: Apache-2.0
"""The log as JSON lines, and levels of single loggers from the configuration."""
import json

import servers
from test_flow import publish, read


def test_every_line_is_json_with_its_place(kafka, mosquitto, topic, make_outflow):
    """Proves that each line is an object with pipeline, task and stage where there are some, and that levels of the
    configuration count for one stage alone."""
    outflow = make_outflow(
        more='errors = { tolerance = "all"; };',
        host='log = { format = "json"; levels = [ "connector.p.task.0.convert:off", "connector.p.task.0.sink:debug" ]; };')
    outflow.start()
    outflow.wait_subscribed()
    publish(mosquitto.port, [("plant/a/t", "no json"), ("plant/a/t", '{"dev":"a"}')])
    read(kafka, topic, 1)
    outflow.stop()
    assert outflow.child.returncode == 0
    lines = [json.loads(line) for line in outflow.log.read_text().splitlines()]
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    subscribed = next(line for line in lines if line["message"].startswith("subscribed to"))
    assert (subscribed["pipeline"], subscribed["task"], subscribed["stage"]) == ("p", 0, "source")
    assert subscribed["logger"] == "connector.p.task.0.source"
    account = next(line for line in lines if line["message"].startswith("account: "))
    assert account["logger"] == "connector.p.task.0" and "stage" not in account
    assert "dropped=1" in account["message"]
    assert not [line for line in lines if line.get("stage") == "convert"], "its level is off"
    assert {line["stage"] for line in lines if line["level"] == "DEBUG"} <= {"sink"}


def test_a_wrong_level_is_named_with_its_place(make_outflow):
    """Proves that the configuration is refused, with file and line."""
    outflow = make_outflow(host='log = { levels = [ "connector.p:loud" ]; };')
    done = outflow.run("check")
    assert done.returncode == 2
    assert b"log.levels: 'connector.p:loud' has none of the levels trace, debug" in done.stderr

# SPDX-License-Identifier: Apache-2.0
"""Brokers for the tests: one real Kafka for the session, one mosquitto a test."""
import pathlib
import shutil
import tempfile

import pytest

import oracle
import servers

CONFIG = """
pipelines = ( {{
  name = "p";
  source = {{ class = "mqtt"; broker = "{mqtt}"; topics = [ "plant/#" ]; {source} }};
  {filter}
  {transforms}
  {more}
  sink = {{ class = "kafka"; bootstrap = "{kafka}"; topic = "{topic}"; key = "$.data.body.dev"; value = "$.data.body"; {sink} }};
}} );
{host}
"""


@pytest.fixture(scope="session")
def kafka():
    """Kafka, with its directory outside of pytest's, which it would fill."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="outflow-kafka-"))
    broker = servers.Kafka(directory).start()
    yield broker
    broker.stop()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def mosquitto(tmp_path):
    broker = servers.Mosquitto(tmp_path / "mqtt").start()
    yield broker
    broker.stop()


@pytest.fixture
def topic(kafka):
    return oracle.make_topic(kafka.bootstrap)


@pytest.fixture
def make_outflow(tmp_path, kafka, mosquitto, topic):
    """Makes daemons that end with the test; keywords fill the places of CONFIG."""
    made = []

    def make(**places):
        options = {"mqtt": mosquitto.url, "kafka": kafka.bootstrap, "topic": topic, "source": "", "filter": "",
                   "transforms": "", "more": "", "sink": "", "host": ""}
        prefix, state_dir = places.pop("prefix", ()), places.pop("state_dir", None)
        options.update(places)
        outflow = servers.Outflow(tmp_path / f"outflow{len(made)}", CONFIG.format(**options),
                                  state_dir or tmp_path / "state", prefix)
        made.append(outflow)
        return outflow

    yield make
    for outflow in made:
        if outflow.alive():
            outflow.kill()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Shows the whole way: MQTT messages in, Kafka records and dead letters out, with figures from outside the daemon."""
import argparse
import json
import pathlib
import shutil
import sys
import tempfile
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import confluent_kafka  # noqa: E402
import paho.mqtt.client as mqtt  # noqa: E402
import servers  # noqa: E402

PASSING, FILTERED, BROKEN = 200, 80, 20
SHOWN = 3


def arguments():
    p = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    p.add_argument("--keep", action="store_true", help="leave it running and say how to use it by hand")
    p.add_argument("--mqtt", metavar="URL", help="your own MQTT broker, tcp://HOST:PORT")
    p.add_argument("--kafka", metavar="HOST:PORT", help="your own Kafka; topics plant and plant-dlq must exist there")
    return p.parse_args()


def messages():
    """What is published, and what has to become of it: (topic, payload, fate, mark)."""
    run = uuid.uuid4().hex[:8]
    made = []
    for i in range(PASSING + FILTERED + BROKEN):
        mark = f"{run}-{i}"
        topic = f"plant/p{i % 7}/temperature"
        if i % 15 == 7 and sum(m[2] == "dead" for m in made) < BROKEN:
            made.append((topic, f"no json at all {mark}", "dead", mark))
        else:
            temp = 20 + i % 31 if i % 7 in (2, 5) else 51 + i % 40
            body = json.dumps({"dev": f"d{i % 11}", "temp": temp, "mark": mark})
            made.append((topic, body, "pass" if temp > 50 else "filter", mark))
    return made


def publish(url, made):
    """Returns the marks that the broker acknowledged."""
    host, port = url.split("://")[1].rsplit(":", 1)
    client = mqtt.Client(client_id=f"demo-{uuid.uuid4().hex[:8]}")
    client.max_inflight_messages_set(100)
    client.connect(host, int(port))
    client.loop_start()
    sent = [(client.publish(topic, payload, qos=1), mark) for topic, payload, _, mark in made]
    acknowledged = set()
    for info, mark in sent:
        info.wait_for_publish(timeout=30)
        if info.is_published():
            acknowledged.add(mark)
    client.disconnect()
    client.loop_stop()
    return acknowledged


def read_back(bootstrap, topics, marks, expected, seconds=30):
    """Everything of this run that is in Kafka, topic by topic."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": bootstrap, "group.id": f"demo-{uuid.uuid4().hex[:8]}",
                                         "auto.offset.reset": "earliest", "fetch.wait.max.ms": 10})
    parts = []
    for topic in topics:
        known = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        parts += [confluent_kafka.TopicPartition(topic, p, confluent_kafka.OFFSET_BEGINNING) for p in known]
    consumer.assign(parts)
    found = {topic: {} for topic in topics}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and sum(len(f) for f in found.values()) < expected:
        message = consumer.poll(0.2)
        if message is None or message.error():
            continue
        text = (message.value() or b"").decode(errors="replace")
        mark = json.loads(text)["mark"] if text.startswith("{") else text.rsplit(" ", 1)[-1]
        if mark in marks:
            found[message.topic()].setdefault(mark, message)
    consumer.close()
    return found


def show(title, found):
    print(f"\n{title}")
    for message in list(found.values())[:SHOWN]:
        key = (message.key() or b"null").decode(errors="replace")
        print(f"  key {key}  value {message.value().decode(errors='replace')}")
        for name, value in message.headers() or []:
            if value is not None:
                print(f"      {name}: {value.decode(errors='replace')}")
    if len(found) > SHOWN:
        print(f"  ... and {len(found) - SHOWN} more")


def account(made, acknowledged, delivered, dead):
    """The verdict, from the publisher's and Kafka's side only."""
    fate = {mark: what for _, _, what, mark in made}
    arrived = set(delivered) | set(dead)
    filtered = {m for m in acknowledged if fate[m] == "filter" and m not in arrived}
    lost = {m for m in acknowledged if (fate[m] == "pass" and m not in delivered) or (fate[m] == "dead" and m not in dead)}
    wrong = {m for m in arrived if fate[m] == "filter"} | {m for m in delivered if fate[m] == "dead"}
    print(f"\ndemo: in={len(acknowledged)} filtered={len(filtered)} delivered={len(delivered)} "
          f"dead_lettered={len(dead)} lost={len(lost)}")
    complete = len(acknowledged) == len(made) == len(filtered) + len(delivered) + len(dead)
    return 0 if complete and not lost and not wrong else 1


def example_config(mqtt_url, bootstrap):
    text = (servers.TOP / "plugins.d/plant.conf").read_text()
    return text.replace("tcp://127.0.0.1:1883", mqtt_url).replace("127.0.0.1:9092", bootstrap)


def leave_running(mqtt_url, bootstrap, directory):
    host, port = mqtt_url.split("://")[1].rsplit(":", 1)
    print(f"""
It stays until you press Ctrl-C. Try, in another terminal:
  mosquitto_pub -h {host} -p {port} -q 1 -t plant/p1/temperature -m '{{"dev":"d1","temp":72}}'
  mosquitto_pub -h {host} -p {port} -q 1 -t plant/p1/temperature -m 'not json'
  kcat -b {bootstrap} -C -t plant
  kcat -b {bootstrap} -C -t plant-dlq -f '%s  %h\\n'
Log and configuration: {directory}""")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        print()


def run(options, directory, running):
    mqtt_url, bootstrap = options.mqtt, options.kafka
    if mqtt_url is None:
        running.append(servers.Mosquitto(directory).start())
        mqtt_url = running[-1].url
    if bootstrap is None:
        running.append(servers.MockKafka(directory, ["plant:1", "plant-dlq:1"]).start())
        bootstrap = running[-1].bootstrap
    outflow = servers.Outflow(directory, example_config(mqtt_url, bootstrap)).start()
    running.append(outflow)
    try:
        outflow.wait_subscribed()
        print(f"MQTT {mqtt_url}  ->  outflow (pid {outflow.child.pid})  ->  Kafka {bootstrap}\n"
              f"filter: temp > 50; transform: temp becomes celsius; key: dev; what is not JSON: dead letter")
        made = messages()
        acknowledged = publish(mqtt_url, made)
        expected = sum(m[2] != "filter" for m in made)
        found = read_back(bootstrap, ["plant", "plant-dlq"], {m[3] for m in made}, expected)
        show("Kafka topic plant", found["plant"])
        show("Kafka topic plant-dlq (dead letters)", found["plant-dlq"])
        status = account(made, acknowledged, found["plant"], found["plant-dlq"])
    except Exception as problem:  # noqa: BLE001 - the reader needs the log, whatever it was
        print(f"demo: {problem}\n--- the end of outflow's log\n{outflow.tail()}", file=sys.stderr)
        return 1
    if status != 0:
        print(f"--- the end of outflow's log\n{outflow.tail()}", file=sys.stderr)
    if options.keep:
        leave_running(mqtt_url, bootstrap, directory)
    return status


def main():
    options = arguments()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="outflow-demo-"))
    running = []
    try:
        return run(options, directory, running)
    finally:
        for process in reversed(running):
            process.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""MQTT -> filter -> rename -> Kafka, draining a backlog, beside a bare Paho subscriber that drains the same messages and a
bare librdkafka producer, in the same run. Prints medians of three."""
import argparse
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import confluent_kafka  # noqa: E402
import oracle  # noqa: E402
import paho.mqtt.client as mqtt  # noqa: E402
import servers  # noqa: E402

CONFIG = """
pipelines = ( {{
  name = "bench";
  source = {{ class = "mqtt"; broker = "{mqtt}"; topics = [ "bench/#" ]; protocol = "{protocol}"; }};
  filter = {{ pattern = "{{ \\"data\\": {{ \\"body\\": {{ \\"temp\\": [ {{ \\"numeric\\": [ \\">\\", 0 ] }} ] }} }} }}"; }};
  transforms = ( {{ class = "rename"; fields = [ "temp:celsius" ]; }} );
  sink = {{ class = "kafka"; bootstrap = "{kafka}"; topic = "{topic}"; key = "$.data.body.dev"; value = "$.data.body"; }};
}} );
"""
TICKS = os.sysconf("SC_CLK_TCK")


def publish(port, count, threads=2):
    """count messages of about 200 B at QoS 1, from several connections."""
    def work(first, last):
        client = mqtt.Client(client_id=f"bench-{first}", clean_session=True)
        client.max_inflight_messages_set(1000)
        client.connect("127.0.0.1", port)
        client.loop_start()
        room = threading.Semaphore(1000)
        client.on_publish = lambda c, u, m: room.release()
        for i in range(first, last):
            room.acquire()
            client.publish("bench/p1/temperature", '{"seq":%d,"dev":"d%d","temp":%d,"pad":"%s"}' %
                           (i, i % 20, 1 + i % 90, "x" * 150), qos=1)
        for _ in range(1000):
            room.acquire()
        client.disconnect()
        client.loop_stop()
    step = count // threads
    workers = [threading.Thread(target=work, args=(k * step, (k + 1) * step)) for k in range(threads)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    return step * threads


def in_kafka(consumer, topic, partitions):
    """How many records the topic has."""
    return sum(oracle.end_offsets(consumer, topic, partitions))


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def timed(command):
    """Wall and CPU seconds of a child."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([str(c) for c in command], check=True, timeout=120)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - begin, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def drain_outflow(outflow, bootstrap, topic, partitions, count):
    consumer = confluent_kafka.Consumer({"bootstrap.servers": bootstrap, "group.id": "bench"})
    before = in_kafka(consumer, topic, partitions)
    begin, peak_private = time.monotonic(), 0
    outflow.start()
    while in_kafka(consumer, topic, partitions) - before < count:
        peak_private = max(peak_private, outflow.memory().get("RssAnon", 0))
        if not outflow.alive() or time.monotonic() - begin > 120:
            raise RuntimeError(f"outflow did not drain:\n{outflow.tail()}")
        time.sleep(0.01)
    seconds = time.monotonic() - begin
    figures = {"seconds": seconds, "cpu": cpu_seconds(outflow.child.pid), "private": peak_private,
               "resident": outflow.memory()["VmHWM"]}
    consumer.close()
    outflow.stop()
    return figures


def one_round(broker, kafka, directory, count, protocol):
    partitions = 4
    topic = oracle.make_topic(kafka.bootstrap, partitions, "bench")
    tools = servers.BUILD / "tests/bench"
    subscriber = [tools / "bare_subscriber", broker.url, "bare", "bench/#"]
    outflow = servers.Outflow(directory, CONFIG.format(mqtt=broker.url, kafka=kafka.bootstrap, topic=topic,
                                                      protocol=protocol))
    before = outflow.log.read_text().count("subscribed to") if outflow.log.exists() else 0
    outflow.start()
    outflow.wait_subscribed(before + 1)
    time.sleep(1)
    idle = outflow.memory()
    outflow.stop()
    subprocess.run([str(c) for c in [*subscriber, "register"]], check=True, timeout=30)
    count = publish(broker.port, count)
    bare_seconds, bare_cpu = timed([*subscriber, count])
    ours = drain_outflow(outflow, kafka.bootstrap, topic, partitions, count)
    made_seconds, made_cpu = timed([tools / "bare_producer", kafka.bootstrap, topic, count])
    return {
        "bare subscriber, msg/s": count / bare_seconds, "bare subscriber, CPU us/msg": bare_cpu / count * 1e6,
        "bare producer, msg/s": count / made_seconds, "bare producer, CPU us/msg": made_cpu / count * 1e6,
        "outflow, msg/s": count / ours["seconds"], "outflow, CPU us/msg": ours["cpu"] / count * 1e6,
        "outflow / bare subscriber, rate": bare_seconds / ours["seconds"],
        "outflow / bare subscriber, CPU": ours["cpu"] / bare_cpu,
        "outflow idle, private MiB": idle["RssAnon"] / 1024, "outflow idle, resident MiB": idle["VmRSS"] / 1024,
        "outflow peak, private MiB": ours["private"] / 1024, "outflow peak, resident MiB": ours["resident"] / 1024,
    }


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--count", type=int, default=100000, help="messages a round [100000]")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--protocol", default="3.1.1", help="of Outflow's source; the bare subscriber speaks 3.1.1")
    options = p.parse_args()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="outflow-bench-"))
    broker, kafka = servers.Mosquitto(directory / "mqtt"), servers.Kafka(directory / "kafka")
    try:
        broker.start()
        kafka.start()
        rounds = [one_round(broker, kafka, directory / "outflow", options.count, options.protocol)
                  for _ in range(options.rounds)]
        print(f"\nend to end, {options.count} messages of 200 B, medians of {options.rounds} (minimum, maximum)")
        for name in rounds[0]:
            values = [r[name] for r in rounds]
            digits = 0 if "msg/s" in name else 2
            print(f"  {name:36} {statistics.median(values):10.{digits}f}"
                  f"  ({min(values):.{digits}f}, {max(values):.{digits}f})")
    finally:
        broker.stop()
        kafka.stop()
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

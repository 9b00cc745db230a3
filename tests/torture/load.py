# SPDX-License-Identifier: Apache-2.0
"""Rows about load: what cannot be used, what cannot keep up, and what only shows after a while."""
import itertools
import statistics
import time

import field
import oracle
import servers

# What the reason of each kind has to say.
REASONS = {"syntax": "colon is missing", "nul": "control character", "deep": "nested too deep", "utf8": "not valid UTF-",
           "big": "Message size too large"}


def drain(f, count, dead, **poisoning):
    """Publishes while Outflow is away, then drains: returns records a second, and the verdict."""
    f.topic = oracle.make_topic(f.kafka.bootstrap, field.PARTITIONS)
    outflow = f.outflow(source='event = { max = { bytes = "64MiB"; }; };',
                        more='errors = { tolerance = "all"; }; deadletter = { class = "kafka"; bootstrap = '
                             f'"{f.kafka.bootstrap}"; topic = "{dead}"; properties = [ "producer.message.max.bytes=20000000" ]; }};')
    publisher = f.publisher(count=count, **poisoning).start().wait(300)
    before = sum(oracle.end_offsets(f.consumer, dead, 1))
    begin = time.monotonic()
    outflow.start()
    servers.wait_until(lambda: sum(f.end_offsets()) + sum(oracle.end_offsets(f.consumer, dead, 1)) - before >= count
                       or not outflow.alive(), 300, "all is delivered or a dead letter")
    rate = count / (time.monotonic() - begin)
    assert outflow.alive(), outflow.tail(5)
    outflow.stop()
    verdict = f.verdict(publisher, dead=dead, header="__connect.errors.exception.message")
    return rate, verdict


@field.row("poison")
def poison(f, dice):
    """one message in a hundred cannot be used: the rate beside clean runs, and every one in the dead letters"""
    count, pairs = f.size_of(800_000, 50_000), f.size_of(5, 1)
    f.start_brokers()
    register = f.outflow()
    register.start().wait_subscribed()
    register.stop()
    ratios = []
    # The first pair meets a Kafka whose code is not compiled yet; it is not counted.
    for warm in [False] + [True] * pairs:
        rates = {}
        for what in dice.sample(["clean", "poison"], 2):
            dead = oracle.make_topic(f.kafka.bootstrap, 1, "dead")
            rates[what], verdict = drain(f, count, dead, **({"poison": 100} if what == "poison" else {}))
        ratios += [rates["poison"] / rates["clean"]] if warm else []
    dead = oracle.make_topic(f.kafka.bootstrap, 1, "dead", **{"max.message.bytes": "20000000"})
    _, verdict = drain(f, count // 4, dead, poison=100, big=count // 40)
    found = {kind: n for kind, n, text in verdict.reasons if REASONS[kind] in text}
    assert sum(found.values()) == sum(n for _, n, _ in verdict.reasons) and set(found) == set(REASONS), verdict.reasons
    line = " ".join(f"{kind}={n}" for kind, n in found.items())
    beside = f"rate beside clean: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    # Whatever else the machine does slows a run down and never speeds it up.
    assert max(ratios) >= 0.9, beside
    return f"{verdict.line} by reason: {line} {beside}"


@field.row("slow-sink")
def slow_sink(f, dice):
    """a sink that takes 10 records a second against 50,000 a second from MQTT: memory, and the MQTT session"""
    seconds, window, soft = f.size_of(120, 20), 32, 128
    f.start_brokers()
    delivered = f.directory / "delivered"
    outflow = f.outflow(sink=f'class = "flaky"; pause = 100; path = "{delivered}";', plugs=["flaky.so"],
                        source='keepalive = "5s";', more=f'journal = {{ soft = {{ bytes = "{soft}MiB"; }}; }};')
    outflow.start().wait_subscribed()
    limit = outflow.memory()["RssAnon"] / 1024 + window
    watcher = field.Watcher(outflow)
    publisher = f.publisher(rate=50000).start()
    begin = time.monotonic()
    servers.wait_until(lambda: time.monotonic() > begin + seconds or not outflow.alive(), seconds + 10, "time passes")
    assert outflow.alive(), outflow.tail(5)
    journal = servers.bytes_below(outflow.state_dir / "journal") / (1 << 20)
    rate, peak = publisher.published / seconds, watcher.stop().peak()
    taken = len(delivered.read_text().splitlines()) / seconds
    lines = f.mosquitto.log.read_text().splitlines()
    connections = sum("New client connected" in line and " as outflow-p-0 " in line for line in lines)
    assert connections == 1, f"the MQTT session was made {connections} times"
    assert peak < 1.1 * limit, f"{peak:.1f} MiB of private memory, the limit is {limit:.1f} MiB"
    assert soft / 2 < journal < 1.1 * soft, f"a journal of {journal:.0f} MiB with a soft limit of {soft} MiB"
    return (f"in {rate:.0f}/s out {taken:.1f}/s for {seconds} s: private memory max={peak:.1f}MiB limit={limit:.1f}MiB "
            f"journal={journal:.0f}MiB soft limit={soft}MiB connections={connections}")


def slope(samples, value):
    """Growth in an hour by a linear fit."""
    return statistics.linear_regression([s[0] for s in samples], [value(s) for s in samples]).slope * 3600


def lows(samples, seconds):
    """Of every so many seconds the sample with the least private memory: what stays when a stall is over, since Outflow gives
    back what is free every ten seconds. A leak shows in them in full."""
    return [min(some, key=lambda s: s[1]) for _, some in itertools.groupby(samples, key=lambda s: s[0] // seconds)]


def peak_rate(f, seconds):
    """What arrives in Kafka in a second while the publisher does not wait."""
    publisher = f.publisher().start()
    publisher.go_on(200_000)
    begin, first = time.monotonic(), sum(f.end_offsets())
    servers.wait_until(lambda: time.monotonic() > begin + seconds, seconds + 10, "time passes")
    rate = (sum(f.end_offsets()) - first) / (time.monotonic() - begin)
    publisher.finish()
    f.verdict(publisher)
    return rate


@field.row("soak")
def soak(f, dice):
    """ten minutes at 80 % of the peak rate: private memory, descriptors and threads stay as they are"""
    seconds, limit = f.size_of(600, 60), f.size_of(2, 8)  # a minute is too short to tell more from one stall
    f.start_brokers()
    outflow = f.outflow()
    outflow.start().wait_subscribed()
    peak = peak_rate(f, 20)
    f.topic = oracle.make_topic(f.kafka.bootstrap, field.PARTITIONS)
    outflow.stop()
    outflow = f.outflow("soaked")
    outflow.start().wait_subscribed()
    publisher = f.publisher(rate=int(0.8 * peak), count=int(0.8 * peak * seconds)).start()
    publisher.go_on(int(0.8 * peak * seconds * 0.2), seconds)
    watcher = field.Watcher(outflow, 1)
    publisher.wait(2 * seconds)
    samples = watcher.stop().samples
    verdict = f.verdict(publisher, 300)
    outflow.stop()
    delivered = outflow.accounts()["p", 0]["delivered"]
    assert delivered == verdict.figures["read"], f"{delivered} in the account: {verdict.line}"
    quiet = lows(samples, f.size_of(30, 10))
    grows = slope(quiet, lambda s: s[1] / 1024)
    descriptors, threads = {s[2] for s in samples}, {s[3] for s in samples}
    text = (f"{verdict.line} at {0.8 * peak:.0f}/s for {seconds} s: private memory {quiet[0][1] / 1024:.1f} to "
            f"{quiet[-1][1] / 1024:.1f}MiB, at most {watcher.peak():.1f}MiB, slope {grows:+.2f}MiB/h, descriptors {min(descriptors)} to "
            f"{max(descriptors)}, threads {min(threads)} to {max(threads)}")
    assert grows * seconds / 3600 < limit, f"private memory grows: {text}"
    assert max(descriptors) - min(descriptors) <= 2 and len(threads) == 1, f"something piles up: {text}"
    return text

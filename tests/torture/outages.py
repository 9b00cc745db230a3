# SPDX-License-Identifier: Apache-2.0
"""Rows in which a broker goes away: an outage becomes waiting, on disk, in bounded memory."""
import signal
import time

import field
import oracle
import servers

WINDOW_MIB = 32  # inflight.bytes


@field.row("kafka-away")
def kafka_away(f, dice):
    """Kafka is away while a million messages are accepted, Outflow is killed in the middle of it, Kafka comes back"""
    count, size = f.size_of(1_000_000, 100_000), 200
    f.start_brokers()
    outflow = f.outflow(more='journal = { hard = { bytes = "4GiB"; }; };')
    outflow.start().wait_subscribed()
    f.kafka.stop()
    watcher = field.Watcher(outflow)
    begin = time.monotonic()
    publisher = f.publisher(count=count, size=size).start().wait(600)
    servers.wait_until(lambda: servers.bytes_below(outflow.state_dir / "journal") >= count * size, 600, "all is in the journal")
    accepted = time.monotonic() - begin
    assert outflow.alive(), outflow.tail()
    outflow.kill(signal.SIGKILL)
    assert outflow.child.returncode == -signal.SIGKILL
    journal = servers.bytes_below(outflow.state_dir / "journal")
    outflow.start().wait_subscribed(2)
    f.kafka.start()
    begin = time.monotonic()
    servers.wait_until(lambda: sum(f.end_offsets()) >= count, 600, "the journal drains into Kafka")
    drained = time.monotonic() - begin
    peak = watcher.stop().peak()
    verdict = f.verdict(publisher)
    assert not outflow.logged("FAILED"), outflow.tail(5)
    assert peak < 3 * WINDOW_MIB, f"{peak:.0f} MiB of private memory for a window of {WINDOW_MIB} MiB"
    return (f"{verdict.line} accepted while away: {count / accepted:.0f}/s journal={journal / 1e6:.0f}MB "
            f"private memory max={peak:.1f}MiB drained in {drained:.1f}s, {count / drained:.0f}/s")


@field.row("restarts")
def restarts(f, dice):
    """twenty restarts of the MQTT broker and twenty of Kafka, in random order, under 1,000 messages a second"""
    f.start_brokers()
    outflow = f.outflow()
    outflow.start().wait_subscribed()
    publisher = f.publisher(rate=1000).start()
    each = f.size_of(20, 2)
    order = ["mqtt", "kafka"] * each
    dice.shuffle(order)
    slowest = {"mqtt": 0.0, "kafka": 0.0}
    for who in order:
        publisher.go_on(dice.randrange(200, 2000))
        if who == "mqtt":
            before = f.mosquitto.child.pid
            f.mosquitto.stop()
            f.mosquitto.start()
            assert f.mosquitto.child.pid != before
        else:
            pid = f.kafka.directory / "broker.pid"
            before = pid.read_text()
            f.kafka.stop()
            f.kafka.start()
            assert pid.read_text() != before
        begin, ends = time.monotonic(), sum(f.end_offsets())
        servers.wait_until(lambda: sum(f.end_offsets()) > ends + 100, 120, f"records arrive again after {who}'s restart")
        slowest[who] = max(slowest[who], time.monotonic() - begin)
    publisher.finish()
    verdict = f.verdict(publisher)
    assert outflow.alive() and not outflow.logged("FAILED"), outflow.tail(5)
    return (f"{verdict.line} restarts: mqtt={each} kafka={each} "
            f"flowing again max: mqtt={slowest['mqtt']:.1f}s kafka={slowest['kafka']:.1f}s")


@field.row("sessions")
def sessions(f, dice):
    """the MQTT broker comes back without its database: Outflow subscribes again, and nothing of before is missing"""
    f.start_brokers()
    outflow = f.outflow()
    outflow.start().wait_subscribed()
    publisher = f.publisher(rate=2000).start()
    times = f.size_of(10, 2)
    for turn in range(times):
        publisher.go_on(dice.randrange(200, 3000))
        # What the broker has and Outflow has not would be the broker's loss: it stops when nothing is left.
        publisher.pause()
        f.verdict(publisher)
        f.mosquitto.stop()
        f.mosquitto.database.unlink()
        f.mosquitto.start()
        outflow.wait_subscribed(turn + 2)
        publisher.resume()
    publisher.finish()
    verdict = f.verdict(publisher)
    noticed = outflow.log.read_text().count("has forgotten the session")
    assert noticed == times, f"{noticed} of {times} lost sessions are in the log"
    return f"{verdict.line} sessions lost={times}"


@field.row("chaos")
def chaos(f, dice):
    """kills, restarts and outages of everything in random order, several at a time, with poison and dead letters"""
    f.start_brokers()
    dead = oracle.make_topic(f.kafka.bootstrap, 1, "dead")
    outflow = f.outflow(source='protocol = "5"; keepalive = "5s";',
                        more=f'{field.SMALL_SEGMENTS} errors = {{ tolerance = "all"; }}; deadletter = {{ class = "kafka"; '
                             f'bootstrap = "{f.kafka.bootstrap}"; topic = "{dead}"; }};')
    outflow.start().wait_subscribed()
    publisher = f.publisher(rate=1500, poison=50).start()
    done = {"outflow killed": 0, "mosquitto restarted": 0, "Kafka stopped": 0, "Kafka killed": 0}
    kafka_is_up = True
    for _ in range(f.size_of(100, 12)):
        publisher.go_on(dice.randrange(100, 2000))
        what = dice.choices(sorted(done), [1, 1, 2, 4])[0]
        if what == "outflow killed":
            assert outflow.alive(), outflow.tail(5)
            outflow.kill(signal.SIGKILL)
            assert outflow.child.returncode == -signal.SIGKILL
            outflow.start()
        elif what == "mosquitto restarted":
            f.mosquitto.stop()
            f.mosquitto.start()
        elif kafka_is_up:
            f.kafka.command("kill" if what == "Kafka killed" else "stop")
            kafka_is_up = False
        else:
            f.kafka.start()
            kafka_is_up = True
            continue
        done[what] += 1
    f.kafka.start()
    publisher.finish()
    verdict = f.verdict(publisher, 180, dead=dead)
    assert outflow.alive() and not outflow.logged("FAILED"), outflow.tail(5)
    return f"{verdict.line} " + " ".join(f"{k}={v}" for k, v in done.items())

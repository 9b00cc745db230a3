# SPDX-License-Identifier: Apache-2.0
"""Rows about what lies between Outflow and its brokers, and below it: connections that stand still, a disk that is full."""
import time

import field
import proxy
import servers

FAULTS = ("both ways", "onward", "back", "reset")


def behind_a_proxy(kafka):
    """Starts Kafka again so that its clients are sent to the proxy, which this returns."""
    kafka.start()
    port = int(kafka.bootstrap.split(":")[1])
    kafka.stop()
    middle = proxy.Proxy(port)
    settings = kafka.directory / "server.properties"
    text = settings.read_text().replace(f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}",
                                        f"advertised.listeners=PLAINTEXT://127.0.0.1:{middle.port}")
    settings.write_text(text)
    kafka.start()
    return middle


def passed(middle):
    return dict(middle.passed)


def disturb(middle, fault, publisher, messages):
    """One fault while so many messages are published; asserts that it happened."""
    if fault == "reset":
        connections = middle.connections
        middle.reset()
        servers.wait_until(lambda: middle.connections > connections, 60, "a connection is made again")
        return
    ways = {"both ways": (proxy.ONWARD, proxy.BACK), "onward": (proxy.ONWARD,), "back": (proxy.BACK,)}[fault]
    middle.hold(*ways)
    before = passed(middle)
    publisher.go_on(messages)
    after = passed(middle)
    assert all(after[w] - before[w] <= 1 << 17 for w in ways), f"{fault}: {before} {after}"
    middle.release()


@field.row("network")
def network(f, dice):
    """connections that stand still in both or one direction for longer than the keep-alive, and resets, on both legs"""
    f.start_mosquitto()
    f.kafka = servers.Kafka(f.directory / "kafka")
    legs = {"kafka": behind_a_proxy(f.kafka), "mqtt": proxy.Proxy(f.mosquitto.port)}
    f.prepare_topic()
    outflow = f.outflow(mqtt=f"tcp://127.0.0.1:{legs['mqtt'].port}", source='keepalive = "5s";',
                        sink_more='attempt = { timeout = "10s"; };')
    outflow.start().wait_subscribed()
    publisher = f.publisher(rate=1000).start()
    done, slowest = [], {leg: 0.0 for leg in legs}
    faults = [(leg, fault) for leg in legs for fault in FAULTS] * f.size_of(3, 1)
    dice.shuffle(faults)
    for leg, fault in faults:
        publisher.go_on(dice.randrange(200, 1000))
        disturb(legs[leg], fault, publisher, dice.randrange(1000, f.size_of(20000, 9000)))
        begin, ends = time.monotonic(), sum(f.end_offsets())
        servers.wait_until(lambda: sum(f.end_offsets()) > ends + 100, 120, f"records arrive again after {fault} on {leg}")
        slowest[leg] = max(slowest[leg], time.monotonic() - begin)
        done.append(fault)
    publisher.finish()
    verdict = f.verdict(publisher)
    assert outflow.alive() and not outflow.logged("FAILED"), outflow.tail(5)
    return (f"{verdict.line} faults={len(done)} connections: mqtt={legs['mqtt'].connections} "
            f"kafka={legs['kafka'].connections} flowing again max: mqtt={slowest['mqtt']:.1f}s kafka={slowest['kafka']:.1f}s")


@field.row("disk")
def disk(f, dice):
    """the disk below the journal is full, and freed, again and again"""
    small = servers.SmallDisk(f.directory / "small", "24m")
    assert small.possible(), "no right to mount a small file system"
    f.start_brokers()
    outflow = f.outflow(state_dir=small.path / "state", prefix=small.prefix, more=field.SMALL_SEGMENTS)
    outflow.start().wait_subscribed()
    publisher = f.publisher(rate=2000).start()
    rounds = f.size_of(10, 2)

    def full():
        # A segment that is released meanwhile makes room again.
        small.fill(outflow)
        return outflow.log.read_text().count("lost, connecting again") > said
    for _ in range(rounds):
        publisher.go_on(dice.randrange(500, 3000))
        said = outflow.log.read_text().count("lost, connecting again")
        servers.wait_until(full, 60, "the disk is full and a record refused")
        publisher.go_on(dice.randrange(1000, 6000))
        assert outflow.alive(), outflow.tail(5)
        ends = sum(f.end_offsets())
        small.free(outflow)
        servers.wait_until(lambda: sum(f.end_offsets()) > ends + 100, 60, "records arrive again")
    publisher.finish()
    verdict = f.verdict(publisher)
    assert not outflow.logged("FAILED") and outflow.logged("No space left on device"), outflow.tail(5)
    return f"{verdict.line} full={rounds}"

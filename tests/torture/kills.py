# SPDX-License-Identifier: Apache-2.0
"""Rows that kill Outflow: no moment is one at which an acknowledged message is lost."""
import re
import signal
import statistics
import time

import field
import oracle
import servers

WINDOW = 16384  # inflight.records: what may come again after one kill

# Each point and the pass, at random up to this, at which the process dies.
CRASH_POINTS = {
    "journal.before_write": 3000, "journal.after_write": 3000, "chain.after_transform": 100, "sink.after_put": 100,
    "dead_letter.after_put": 20, "resolve.before_slot": 100, "resolve.after_slot": 100, "checkpoint.before_store": 20,
    "checkpoint.after_store": 20, "checkpoint.before_committed": 3, "segment.before_unlink": 4,
    "store.half_written": 20,
}
LOSING = {"segment.before_drop"}  # passed only where journal.on.full loses on purpose


def points_in_the_source():
    text = "".join(p.read_text() for folder in ("host", "connectors") for p in (servers.TOP / folder).rglob("*.c"))
    return set(re.findall(r'CRASH_POINT\("([^"]+)"\)', text))


@field.row("kill-matrix")
def kill_matrix(f, dice):
    """kill -9 at every named point of the hand-over, each at several random passes, with dead letters"""
    assert points_in_the_source() == set(CRASH_POINTS) | LOSING, "a crash point without a place in this matrix, or the reverse"
    f.start_brokers()
    dead = oracle.make_topic(f.kafka.bootstrap, 1, "dead")
    outflow = f.outflow(more='journal = { segment = { bytes = "64KiB"; }; }; errors = { tolerance = "all"; }; deadletter = '
                             f'{{ class = "kafka"; bootstrap = "{f.kafka.bootstrap}"; topic = "{dead}"; }};')
    outflow.start().wait_subscribed()
    outflow.kill()
    publisher = f.publisher(rate=2000, poison=50).start()
    kills = 0
    for _ in range(f.size_of(5, 1)):
        for point in dice.sample(sorted(CRASH_POINTS), len(CRASH_POINTS)):
            where = f"{point}:{dice.randint(1, CRASH_POINTS[point])}"
            outflow.start(env={"OUTFLOW_CRASH_POINT": where})
            servers.wait_until(lambda: not outflow.alive(), 60, f"{where} was reached")
            assert outflow.child.returncode == -signal.SIGKILL, f"{where}: {outflow.tail(3)}"
            kills += 1
    outflow.start()
    publisher.finish()
    verdict = f.verdict(publisher, dead=dead)
    return f"{verdict.line} points={len(CRASH_POINTS)} kills={kills}"


def duplicates_by_kill(path, ends):
    """How many repeated records came after each kill, by the place of the topic's end at that moment."""
    counts = [0] * len(ends)
    for line in path.read_text().splitlines():
        partition, offset = map(int, line.split())
        counts[max(k for k in range(len(ends)) if ends[k][partition] <= offset)] += 1
    return counts


@field.row("kill-100")
def kill_100(f, dice):
    """kill -9 a hundred times at random moments under 3,000 messages a second, restarted at once"""
    f.start_brokers()
    outflow = f.outflow(more=field.SMALL_SEGMENTS)
    outflow.start().wait_subscribed()
    publisher = f.publisher(rate=3000).start()
    ends, times, kills = [], [], f.size_of(100, 8)
    for _ in range(kills):
        publisher.go_on(dice.randrange(300, 4000))
        before = outflow.child.pid
        outflow.kill(signal.SIGKILL)
        assert outflow.child.returncode == -signal.SIGKILL, outflow.tail(3)
        ends.append(f.settled_end_offsets())
        begin = time.monotonic()
        outflow.start()
        assert outflow.child.pid != before
        servers.wait_until(lambda: f.end_offsets() != ends[-1], 60, "records arrive again")
        times.append(time.monotonic() - begin)
    publisher.finish()
    repeated = f.directory / "duplicates"
    verdict = f.verdict(publisher, duplicates=repeated)
    worst = max(duplicates_by_kill(repeated, ends))
    assert worst <= WINDOW, f"{worst} records came again after one kill, {WINDOW} can be in flight"
    return (f"{verdict.line} kills={kills} dup a kill: max={worst} "
            f"flowing again p50={statistics.median(times):.2f}s max={max(times):.2f}s")

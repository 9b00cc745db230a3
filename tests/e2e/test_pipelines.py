# SPDX-License-Identifier: Apache-2.0
"""Pipelines without brokers: the account is exact whatever sinks do, and what is not resolved comes again."""
import json
import subprocess
import time

import pytest

import servers


class Daemon(servers.Outflow):
    """With the sinks that misbehave on purpose beside the ordinary plugins."""

    def __init__(self, directory, config):
        super().__init__(directory, config, plugs=("misbehaving.so", "flaky.so"))


def pipeline(name="p", sink='class = "null";', source="count = 1000;", more=""):
    return (f'pipelines = ( {{ name = "{name}"; source = {{ class = "gen"; {source} }}; sink = {{ {sink} }}; {more} }} );\n'
            'stop = { timeout = "1s"; };\n')


def run_until_done(tmp_path, config, status=0):
    daemon = Daemon(tmp_path, config)
    daemon.spawn(daemon.command("run", "--until-done"))
    assert daemon.child.wait(timeout=60) == status, daemon.tail()
    return daemon


def test_a_bounded_source_is_delivered_once_across_runs(tmp_path):
    """Proves that a run goes on where the last one ended: the second has nothing left to do."""
    first = run_until_done(tmp_path, pipeline())
    assert first.accounts()["p", 0]["delivered"] == 1000
    second = run_until_done(tmp_path, pipeline(source="count = 1500;"))
    assert second.accounts()["p", 0]["received"] == 500


def test_several_tasks_share_the_work(tmp_path):
    """Proves that tasks.max splits a source that can be split, without a record too many or too few."""
    daemon = run_until_done(tmp_path, pipeline(more="tasks = { max = 3; };"))
    assert sum(a["delivered"] for a in daemon.accounts().values()) == 1000
    assert len(daemon.accounts()) == 3


@pytest.mark.parametrize("tasks", [1, 3])
def test_a_throttled_pipeline_is_no_faster(tmp_path, tasks):
    """Proves that throttle.records.per.second holds the source back, all tasks together, and that nothing is dropped."""
    begin = time.monotonic()
    daemon = run_until_done(tmp_path, pipeline(source="count = 600;", more=f"throttle = {{ records = {{ per = {{ second = 200; }}; }}; }}; "
                                                                          f"tasks = {{ max = {tasks}; }};"))
    # Each task may begin with a bunch, a tenth of a second's records.
    assert time.monotonic() - begin > (600 - 20 * tasks) / 200 - 0.2
    assert sum(a["delivered"] for a in daemon.accounts().values()) == 600


def test_the_generators_rate_is_that_of_all_tasks(tmp_path):
    """Proves that tasks whose share is less than one record a second are not without a limit."""
    begin = time.monotonic()
    daemon = run_until_done(tmp_path, pipeline(source="count = 9; rate = 3;", more="tasks = { max = 5; };"))
    assert time.monotonic() - begin > 9 / 3 - 0.5
    assert sum(a["delivered"] for a in daemon.accounts().values()) == 9


def test_several_tasks_write_one_file(tmp_path):
    """Proves that tasks that share a file write behind each other, not over each other."""
    out = tmp_path / "out"
    run_until_done(tmp_path, pipeline(source="count = 20000;", sink=f'class = "file"; path = "{out}";',
                                      more="tasks = { max = 4; };"))
    assert sorted(json.loads(line)["seq"] for line in out.read_text().splitlines()) == list(range(20000))


@pytest.mark.parametrize("sink", ["twice", "shuffle"])
def test_sinks_that_resolve_in_their_own_way(tmp_path, sink):
    """Proves that double resolutions, and resolutions from another thread in random order, leave the account exact."""
    daemon = run_until_done(tmp_path, pipeline(sink=f'class = "{sink}";', source="count = 20000;"))
    assert daemon.accounts()["p", 0]["delivered"] == 20000
    assert daemon.logged("plugin misbehaving") == (sink == "twice")


def test_a_sink_that_never_resolves_commits_nothing(tmp_path):
    """Proves that a stop with records in flight ends by its deadline, and that they come again."""
    for _ in range(2):
        daemon = Daemon(tmp_path, pipeline(sink='class = "never";'))
        daemon.log.unlink(missing_ok=True)
        daemon.start()
        servers.wait_until(lambda: daemon.logged("RUNNING"), 20, "it runs")
        daemon.child.terminate()
        assert daemon.child.wait(timeout=20) == 0, daemon.tail()
        account = daemon.accounts()["p", 0]
        assert account["received"] == account["in_flight"] > 0


@pytest.mark.parametrize("limit,most", [("records = 100", 100), ('bytes = "64KiB"', 700)])
def test_no_more_than_the_limit_is_in_flight(tmp_path, limit, most):
    """Proves that a sink that answers nothing gets no more records than inflight.records, or than fit into inflight.bytes."""
    daemon = Daemon(tmp_path, pipeline(sink='class = "never";', source="count = 100000;",
                                       more=f"inflight = {{ {limit}; }};"))
    daemon.start()
    servers.wait_until(lambda: daemon.logged("RUNNING"), 20, "it runs")
    daemon.child.terminate()
    assert daemon.child.wait(timeout=20) == 0, daemon.tail()
    account = daemon.accounts()["p", 0]
    assert 0 < account["received"] == account["in_flight"] <= most


def test_filtered_records_move_the_checkpoint(tmp_path):
    """Proves that a pattern that drops everything leaves nothing to be done again."""
    config = pipeline(more='filter = { pattern = "{ \\"data\\": { \\"body\\": { \\"dev\\": [ \\"nobody\\" ] } } }"; };')
    assert run_until_done(tmp_path, config).accounts()["p", 0]["filtered"] == 1000
    assert run_until_done(tmp_path, config).accounts()["p", 0]["received"] == 0


def test_predicates_choose_what_a_transform_works_on(tmp_path):
    """Proves that a predicate and its negation divide the records between two transforms, and that their order stays."""
    out = tmp_path / "out"
    run_until_done(tmp_path, pipeline(sink=f'class = "file"; path = "{out}";', more="""
        predicates = ( { name = "high"; class = "matches";
                         pattern = "{ \\"data\\": { \\"body\\": { \\"seq\\": [ { \\"numeric\\": [ \\">=\\", 500 ] } ] } } }"; } );
        transforms = ( { class = "keep"; fields = [ "seq" ]; predicate = "high"; },
                       { class = "rename"; fields = [ "seq:low" ]; predicate = "high"; negate = true; } );"""))
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert [record.get("low", record.get("seq")) for record in records] == list(range(1000))
    assert all(("low" in record) == (i < 500) and (i < 500 or list(record) == ["seq"]) for i, record in enumerate(records))


def failing(tolerance, more=""):
    return pipeline(sink='class = "null"; topic = "$.data.body.nowhere";',
                    more=f'errors = {{ tolerance = "{tolerance}"; }}; {more}')


def test_tolerance_none_fails_the_task(tmp_path):
    """Proves that the first bad record ends the task with the reason, and that nothing of it is counted as done."""
    daemon = run_until_done(tmp_path, failing("none"), status=1)
    assert daemon.logged("READY: deliver: ")
    assert daemon.accounts()["p", 0]["delivered"] == 0


def test_tolerance_all_drops_and_counts(tmp_path):
    """Proves that without a dead-letter sink bad records are dropped, counted and logged now and then."""
    daemon = run_until_done(tmp_path, failing("all"))
    assert daemon.accounts()["p", 0]["dropped"] == 1000
    assert 1 <= daemon.log.read_text().count("dropped by errors.tolerance") < 10


def test_tolerance_all_with_dead_letters(tmp_path):
    """Proves that every bad record is a dead letter with its bytes and its reason."""
    letters = tmp_path / "letters"
    daemon = run_until_done(tmp_path, failing(
        "all", f'deadletter = {{ class = "file"; path = "{letters}"; format = "json"; topic = "dead"; }};'))
    assert daemon.accounts()["p", 0]["dead_lettered"] == 1000
    lines = letters.read_text().splitlines()
    assert len(lines) == 1000
    assert '"topic":"dead"' in lines[0] and "__connect.errors.exception.message" in lines[0] and '\\"seq\\":0' in lines[0]


def test_batches_are_collected(tmp_path):
    """Proves that batch.messages and batch.interval bound a batch without losing its last, smaller part."""
    daemon = run_until_done(tmp_path, pipeline(source="count = 25; rate = 100;",
                                               more='batch = { messages = 10; interval = "200ms"; };'))
    assert daemon.accounts()["p", 0]["delivered"] == 25


def test_one_failing_pipeline_leaves_the_other_alone(tmp_path):
    """Proves that a failed pipeline makes the exit status 1 and the others end in order."""
    config = (failing("none") + pipeline("good")).replace('stop = { timeout = "1s"; };\n', "")
    config = config.replace(" } );\npipelines = ( {", " }, {")
    daemon = run_until_done(tmp_path, config, status=1)
    assert daemon.accounts()["good", 0]["delivered"] == 1000


def test_a_stopped_pipeline_is_not_run(tmp_path):
    """Proves that state = stopped keeps a declared pipeline from starting."""
    daemon = run_until_done(tmp_path, pipeline(more='state = "stopped";'))
    assert not daemon.accounts()


def test_help_is_everywhere():
    """Proves that every command explains itself."""
    for words in ([], ["run"], ["check"], ["plugins"], ["version"]):
        done = subprocess.run([str(servers.BUILD / "outflow"), *words, "--help"], stdout=subprocess.PIPE, timeout=20)
        assert done.returncode == 0 and b"usage: outflow" in done.stdout

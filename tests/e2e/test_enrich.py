# SPDX-License-Identifier: Apache-2.0
"""Enrichment in the real daemon: a table that changes under load, and nothing but whole rows of one of its states."""
import json
import os
import sqlite3
import threading

import pytest

import servers

DEVICES = 100  # of the generator


def config(directory, table, source="count = 1000;", more="", pipeline=""):
    return (f'pipelines = ( {{ name = "p"; source = {{ class = "gen"; {source} }}; '
            f'transforms = ( {{ class = "enrich"; file = "{table}"; key = "$.data.body.dev"; index = "dev"; {more} }} ); '
            f'sink = {{ class = "file"; path = "{directory / "out"}"; }}; {pipeline} }} );\n'
            'stop = { timeout = "1s"; };\n')


def run(tmp_path, table, status=0, **keywords):
    daemon = servers.Outflow(tmp_path, config(tmp_path, table, **keywords))
    daemon.spawn(daemon.command("run", "--until-done"))
    assert daemon.child.wait(timeout=60) == status, daemon.tail()
    return daemon


def records(tmp_path):
    return [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]


def put(path, text):
    """Replaces a file in one step."""
    aside = path.with_suffix(".aside")
    aside.write_text(text)
    os.replace(aside, path)


def state(number, rows=20000):
    """A table in which each row tells which state of the table it is from, twice."""
    lines = ["dev,state,check"]
    lines += [f"d{i},{number},{number}/d{i}" for i in range(rows)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("kind", ["csv", "jsonl", "sqlite"])
def test_rows_go_into_payloads(tmp_path, kind):
    """Proves that every record gets the row of its device, whatever the table is kept in."""
    table = tmp_path / f"table.{kind}"
    more = ""
    if kind == "csv":
        table.write_text("dev,site\n" + "".join(f"d{i},site-{i}\n" for i in range(DEVICES)))
    elif kind == "jsonl":
        table.write_text("".join(json.dumps({"dev": f"d{i}", "site": f"site-{i}"}) + "\n" for i in range(DEVICES)))
    else:
        database = sqlite3.connect(table)
        database.execute("CREATE TABLE devices (dev, site)")
        database.executemany("INSERT INTO devices VALUES (?, ?)", [(f"d{i}", f"site-{i}") for i in range(DEVICES)])
        database.commit()
        database.close()
        more = 'table = "devices";'
    run(tmp_path, table, more=more)
    assert [r["seq"] for r in records(tmp_path)] == list(range(1000))
    assert all(r["site"] == "site" + r["dev"].replace("d", "-") for r in records(tmp_path))


def test_a_table_changes_under_load(tmp_path):
    """Proves that while good and broken states of a table follow each other, every record arrives once, in order, with a whole
    row of one good state, and that states never go back."""
    table = tmp_path / "table.csv"
    put(table, state(0))
    daemon = servers.Outflow(tmp_path, config(tmp_path, table, source="count = 40000; rate = 10000;",
                                              more='reload = { interval = "20ms"; };'))
    daemon.spawn(daemon.command("run", "--until-done"))
    done = threading.Event()

    def change():
        number = 0
        while not done.wait(0.1):
            number += 1
            put(table, state(number) if number % 5 else state(number).replace("\n", ",\n", 3))

    changer = threading.Thread(target=change)
    changer.start()
    try:
        assert daemon.child.wait(timeout=60) == 0, daemon.tail()
    finally:
        done.set()
        changer.join()
    found = records(tmp_path)
    assert [r["seq"] for r in found] == list(range(40000))
    assert all(r["check"] == f"{r['state']}/{r['dev']}" for r in found)
    states = [int(r["state"]) for r in found]
    assert states == sorted(states) and not any(s % 5 == 0 for s in states if s)
    assert len(set(states)) > 3
    assert daemon.logged("the changed table is not used, the old one stays: table.csv: line 1: a column without a name")


def test_a_file_that_is_just_being_written_is_left_alone(tmp_path):
    """Proves that a table that is written in place, slowly, is used as a whole or not at all."""
    table = tmp_path / "table.csv"
    table.write_text(state(0, DEVICES))
    daemon = servers.Outflow(tmp_path, config(tmp_path, table, source="rate = 1000;",
                                              more='reload = { interval = "200ms"; }; missing = "fail";'))
    daemon.start()
    servers.wait_until(lambda: (tmp_path / "out").exists() and records_so_far(tmp_path), 20, "records arrive")
    with open(table, "w") as file:
        for line in state(1, DEVICES).splitlines(keepends=True):
            file.write(line)
            file.flush()
            assert daemon.alive()
            threading.Event().wait(0.03)  # slower than a look, faster than two
    servers.wait_until(lambda: '"state":"1"' in (tmp_path / "out").read_text(), 20, "the new table is used")
    daemon.stop()
    assert not daemon.logged("not in the table"), daemon.tail()
    assert not daemon.logged("the old one stays"), daemon.tail()


def records_so_far(tmp_path):
    return (tmp_path / "out").read_text().count("\n")


def test_a_bad_table_fails_the_start_in_words(tmp_path):
    """Proves that a pipeline does not start with a table that has a mistake, and says which and where."""
    table = tmp_path / "table.csv"
    table.write_text("dev,site\nd1,a\nd1,b\n")
    daemon = run(tmp_path, table, status=1, pipeline='restart = { policy = "never"; };')
    assert daemon.logged("table.csv: line 3: the key 'd1' is in line 2 already")

# SPDX-License-Identifier: Apache-2.0
"""Rows about the files of the journal and of the checkpoints, without brokers: the unit tests' own, at full size; mutations."""
import os
import re
import subprocess

import field
import servers


def unit(name, torture):
    """Builds and runs a unit test at the size that OUTFLOW_TORTURE says; returns its output."""
    subprocess.run(["make", "-s", "-C", servers.BUILD, name], check=True)
    result = subprocess.run([servers.BUILD / name], cwd=servers.BUILD, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, env=dict(os.environ, OUTFLOW_TORTURE=str(torture)))
    assert result.returncode == 0, result.stdout[-2000:]
    return result.stdout


@field.row("torn")
def torn(f, _dice):
    """a journal of 64 KiB cut at every byte, and with a bit flipped in every byte"""
    output = unit("journal_recovery_test", 1)
    places = dict(re.findall(r"^(cuts|flips): (\d+)", output, re.M))
    return f"{places['cuts']} cuts, {places['flips']} flipped bits: started every time, lost range exact"


@field.row("power")
def power(f, dice):
    """power cuts over recorded writes, in order and with unsynced sectors and names lost, for journal and checkpoints"""
    cuts = f.size_of(100_000, 10_000)
    for name in ("journal_power_test", "store_power_test"):
        unit(name, cuts)
    return f"{cuts} cuts each of a journal and of a checkpoint file: 0 promised records or positions lost, no number twice"


@field.row("mutations")
def mutations(f, _dice):
    """rules of the program broken one by one: a test notices each"""
    run = os.path.join(os.path.dirname(__file__), "../mutation/run")
    result = subprocess.run([run], text=True, stdout=subprocess.PIPE, env=dict(os.environ, OUTFLOW_BUILD=str(servers.BUILD)))
    lines = result.stdout.splitlines()
    assert result.returncode == 0, "; ".join(line for line in lines if line.startswith("SURVIVED")) or result.stdout[-500:]
    return lines[-1]

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The long tests: each row forces faults on Outflow between real brokers and prints one line with its figures. The verdict
is a comparison of what the MQTT broker acknowledged to the publisher with what an independent reader finds in Kafka."""
import argparse
import random
import secrets
import signal
import sys
import time

import field
# Each of these registers its rows, which run in this order.
import files  # noqa: F401
import kills  # noqa: F401
import outages  # noqa: F401
import load  # noqa: F401
import network  # noqa: F401


def run_row(name, seed, options):
    """Runs one row and prints its line; returns whether it holds."""
    f = field.Field(name, options.short)
    begin, failure = time.monotonic(), None
    try:
        line = field.ROWS[name](f, random.Random(f"{seed}/{name}"))
        f.check_logs()
    except Exception as e:  # whatever it is, the other rows run
        failure = line = f"FAILED: {type(e).__name__}: {e}"
    finally:
        f.close(keep=failure is not None)
    print(f"{name}: {line} ({time.monotonic() - begin:.0f} s)", flush=True)
    if failure:
        short = " --short" if options.short else ""
        print(f"  again: ./dev torture --seed {seed}{short} {name}\n  files: {f.directory}", flush=True)
    return failure is None


def main():
    p = argparse.ArgumentParser(prog="./dev torture", description=__doc__)
    p.add_argument("rows", nargs="*", metavar="ROW", help="what to run [all]")
    p.add_argument("--list", action="store_true", help="say which rows there are")
    p.add_argument("--seed", type=int, help="all chance comes from this number [a new one]")
    p.add_argument("--short", action="store_true", help="reduced sizes: minutes in all")
    options = p.parse_args()
    if options.list:
        for name, test in field.ROWS.items():
            print(f"{name:16} {test.__doc__.strip().splitlines()[0]}")
        return 0
    unknown = [r for r in options.rows if r not in field.ROWS]
    if unknown:
        p.error(f"there is no row '{unknown[0]}'; --list names them")
    # An end by a signal goes through the same cleaning as any other.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    seed = options.seed if options.seed is not None else secrets.randbelow(1 << 30)
    print(f"seed {seed}", flush=True)
    held = [run_row(name, seed, options) for name in options.rows or field.ROWS]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())

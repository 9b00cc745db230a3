#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that patterns are judged as a slow evaluator written only to be obvious judges them: random patterns and events
in each dialect, thousands of them, through outflow pattern test --batch. Arguments: how many cases, and the seed."""
import decimal
import ipaddress
import itertools
import json
import os
import random
import re
import subprocess
import sys

CASES = int(sys.argv[1]) if len(sys.argv) > 1 else 6000
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 20261128
BUILD = os.environ.get("OUTFLOW_BUILD", ".")
TOLERANCE = 1e-7


class Number(str):
    """A JSON number as it is spelled."""


def read(text):
    return json.loads(text, parse_int=Number, parse_float=Number)


def spelled(value):
    """The text that a scalar has where types do not count."""
    if value is True or value is False:
        return "true" if value else "false"
    return str(value)


def is_string(value):
    return isinstance(value, str) and not isinstance(value, Number)


# ---- one value against one condition ----

def compare(dialect, value, operator, operand):
    if dialect == "alibaba":
        left, right = float(value), float(operand)
        order = 0 if abs(left - right) <= TOLERANCE else (left > right) - (left < right)
    else:
        left, right = decimal.Decimal(value), decimal.Decimal(operand)
        order = (left > right) - (left < right)
    return {"<": order < 0, "<=": order <= 0, "=": order == 0, "!=": order != 0, ">=": order >= 0,
            ">": order > 0}[operator]


def equals(dialect, wanted, value):
    if wanted is None or value is None:
        return wanted is value
    if dialect == "alibaba":
        return spelled(wanted) == spelled(value)
    if isinstance(wanted, Number) and isinstance(value, Number):
        return decimal.Decimal(wanted) == decimal.Decimal(value)
    return type(wanted) is type(value) and wanted == value


def folded(text):
    """As a regular expression: each character stands for its own lower and upper case."""
    return "".join(f"(?:{re.escape(c.lower())}|{re.escape(c.upper())})" for c in text)


def wildcard(text):
    parts = re.findall(r"\\[*\\]|\*|[^*\\]+", text)
    return "".join(".*" if p == "*" else re.escape(p[1] if p[0] == "\\" else p) for p in parts)


def address(text):
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def in_block(dialect, block, text):
    found = address(text)
    if "/" not in block:
        return found is not None and found == ipaddress.ip_address(block)
    network = ipaddress.ip_network(block, strict=False)
    if found is None or found.version != network.version or found not in network:
        return False
    ends = (network.network_address, network.broadcast_address)
    return dialect != "alibaba" or found not in ends


def operator_fits(dialect, name, argument, value):
    if name == "exists":
        return argument
    if name == "anything-but":
        return not but_fits(dialect, argument, value)
    if name == "numeric":
        return isinstance(value, Number) and all(
            compare(dialect, value, argument[i], argument[i + 1]) for i in range(0, len(argument), 2))
    if not is_string(value):
        return False
    if name == "cidr":
        return in_block(dialect, argument, value)
    if name in ("prefix", "suffix") and isinstance(argument, dict):
        one = folded(argument["equals-ignore-case"])
        return re.fullmatch(one + ".*" if name == "prefix" else ".*" + one, value, re.DOTALL) is not None
    if name == "equals-ignore-case":
        return re.fullmatch(folded(argument), value) is not None
    if name == "wildcard":
        return re.fullmatch(wildcard(argument), value, re.DOTALL) is not None
    return {"prefix": value.startswith(argument), "suffix": value.endswith(argument), "contains": argument in value,
            "exactly": value == argument}[name]


def but_fits(dialect, argument, value):
    if isinstance(argument, dict):
        (name, values), = argument.items()
        values = values if isinstance(values, list) else [values]
        return any(operator_fits(dialect, name, v, value) for v in values)
    values = argument if isinstance(argument, list) else [argument]
    return any(equals(dialect, v, value) for v in values)


def condition_fits(dialect, condition, value):
    if isinstance(condition, dict):
        return all(operator_fits(dialect, name, argument, value) for name, argument in condition.items())
    return equals(dialect, condition, value)


def leaf_fits(dialect, leaf, value):
    return any(condition_fits(dialect, c, value) for c in leaf)


def absence_fits(leaf):
    return {"exists": False} in leaf


# ---- patterns to rules: path -> leaf ----

def rules_of(dialect, pattern):
    rules = [{}]

    def walk(node, path):
        nonlocal rules
        for name, inside in node.items():
            if name == "$or" and dialect != "alibaba":
                before, after = rules, []
                for alternative in inside:
                    rules = [dict(r) for r in before]
                    walk(alternative, path)
                    after += rules
                rules = after
            elif isinstance(inside, list):
                for rule in rules:
                    rule[path + tuple(name.split("."))] = inside
            else:
                walk(inside, path + tuple(name.split(".")))
    walk(pattern, ())
    return rules


# ---- typed dialects: choose a value for each field, of one element of each array ----

def scalars_of(event):
    """(path, value, {array: element}) of each scalar."""
    found = []

    def walk(node, path, elements):
        if isinstance(node, dict):
            for name, inside in node.items():
                walk(inside, path + tuple(name.split(".")), elements)
        elif isinstance(node, list):
            for i, inside in enumerate(node):
                walk(inside, path, {**elements, id(node): i} if holds_objects(node) else elements)
        else:
            found.append((path, node, elements))
    walk(event, (), {})
    return found


def holds_objects(array):
    return any(isinstance(i, dict) or (isinstance(i, list) and holds_objects(i)) for i in array)


def consistent(a, b):
    return all(b.get(array, element) == element for array, element in a.items())


def rule_fits(dialect, rule, event):
    scalars = scalars_of(event)
    choices = []
    for path, leaf in rule.items():
        fitting = [s[2] for s in scalars if s[0] == path and leaf_fits(dialect, leaf, s[1])]
        choices.append(fitting + ([None] if absence_fits(leaf) else []))
    for choice in itertools.product(*choices):
        chosen = {}
        for elements in choice:
            if elements is not None and consistent(elements, chosen):
                chosen.update(elements)
            elif elements is not None:
                break
        else:
            absent = [path for path, c in zip(rule, choice) if c is None]
            if not any(s[0] in absent and consistent(s[2], chosen) for s in scalars):
                return True
    return False


# ---- the dialect alibaba: one value at each path ----

MISSING = object()


def nested(event):
    """With names with dots taken apart."""
    if isinstance(event, list):
        return [nested(i) for i in event]
    if not isinstance(event, dict):
        return event
    result = {}
    for name, inside in event.items():
        head, _, rest = name.partition(".")
        result[head] = nested({rest: inside} if rest else inside)
    return result


def value_at(event, path):
    for name in path:
        if not isinstance(event, dict) or name not in event:
            return MISSING
        event = event[name]
    return event


def untyped_rule_fits(rule, event):
    if any(path[0] == "data" for path in rule) and not isinstance(event.get("data"), dict):
        return False
    for path, leaf in rule.items():
        value = value_at(event, path)
        if value is MISSING:
            if not absence_fits(leaf):
                return False
            continue
        values = value if isinstance(value, list) else [value]
        if any(isinstance(v, (dict, list)) for v in values):
            return False
        if not any(leaf_fits("alibaba", leaf, v) for v in values):
            return False
    return True


def expected(dialect, pattern, event):
    pattern, event = read(pattern), read(event)
    if dialect == "alibaba":
        return untyped_rule_fits(rules_of(dialect, pattern)[0], nested(event))
    return any(rule_fits(dialect, rule, event) for rule in rules_of(dialect, pattern))


# ---- random cases; what is written is JSON text, so that numbers keep their spelling ----

SCALARS = ['"a"', '"ab"', '"aba"', '"abba"', '"A"', '"AB"', '"\\u0061b"', '""', '"10.0.0.1"', '"10.0.0.3"', '"::1"', '"x::1"',
           '"stra\u00dfe"', '"STRASSE"', '"\u0130"', '"i\u0307"', '"\u2c65"', '"\u023a"', '"*"', '"a*b"', '"1"', '"true"',
           "1", "1.0", "1.00", "10e-1", "1.00000005", "2", "-3", "300", "3.0e2", "0", "-0.0", "1e400", "12345678901234567890",
           "12345678901234567891", "0.1", "0.10000000000000001", "true", "false", "null"]
ALL, TYPED, LOOSE, UNION = "alibaba aws union", "aws union", "alibaba union", "union"
CONDITIONS = [(ALL, c) for c in SCALARS if c not in ('"::1"',)] + [
    (ALL, '{"prefix":"a"}'), (ALL, '{"prefix":"ab"}'), (TYPED, '{"prefix":""}'), (ALL, '{"suffix":"a"}'),
    (ALL, '{"suffix":"ba"}'), (LOOSE, '{"contains":"b"}'), (LOOSE, '{"contains":"bb"}'), (TYPED, '{"exactly":"ab"}'),
    (TYPED, '{"equals-ignore-case":"aB"}'), (TYPED, '{"equals-ignore-case":"stra\u00dfe"}'),
    (TYPED, '{"equals-ignore-case":"\u0130"}'), (TYPED, '{"prefix":{"equals-ignore-case":"\u023a"}}'),
    (TYPED, '{"suffix":{"equals-ignore-case":"SSE"}}'), (TYPED, '{"prefix":{"equals-ignore-case":"A"}}'),
    (TYPED, '{"wildcard":"a*"}'), (TYPED, '{"wildcard":"*b*a"}'), (TYPED, '{"wildcard":"*ab*ba*"}'),
    (TYPED, '{"wildcard":"*\\\\**"}'), (TYPED, '{"wildcard":"*"}'),
    (ALL, '{"exists":true}'), (ALL, '{"exists":false}'), (ALL, '{"anything-but":"a"}'), (ALL, '{"anything-but":["a","ab"]}'),
    (ALL, '{"anything-but":[1,300]}'), (LOOSE, '{"anything-but":[1,"a",null]}'), (LOOSE, '{"anything-but":[]}'),
    (LOOSE, '{"anything-but":true}'), (ALL, '{"anything-but":{"prefix":"a"}}'), (ALL, '{"anything-but":{"suffix":"b"}}'),
    (TYPED, '{"anything-but":{"prefix":["b","A"]}}'), (TYPED, '{"anything-but":{"wildcard":["*b*","a"]}}'),
    (TYPED, '{"anything-but":{"equals-ignore-case":["A","aba"]}}'), (ALL, '{"numeric":[">",1]}'),
    (ALL, '{"numeric":["<=",1]}'), (ALL, '{"numeric":["=",300]}'), (LOOSE, '{"numeric":["!=",1.0]}'),
    (ALL, '{"numeric":[">=",0.1,"<",3e2]}'), (LOOSE, '{"numeric":["<",2,">",-4]}'), (LOOSE, '{"numeric":[">",0,"!=",2]}'),
    (TYPED, '{"numeric":["<",1e10]}'), (ALL, '{"cidr":"10.0.0.0/30"}'), (LOOSE, '{"cidr":"10.0.0.1"}'),
    (ALL, '{"cidr":"10.0.0.1/31"}'), (TYPED, '{"cidr":"::/64"}'), (LOOSE, '{"cidr":"10.0.0.1/32"}'),
    (LOOSE, '{"prefix":"a","suffix":"a"}'), (LOOSE, '{"numeric":[">",0],"anything-but":1}'),
    (LOOSE, '{"exists":true,"anything-but":"ab"}'), (UNION, '{"wildcard":"a*a","equals-ignore-case":"ABA"}')]
NAMES = ["a", "b", "c", "l", "d.e"]


def random_event(rng, depth=0):
    kind = rng.random()
    if depth > 3 or (depth > 0 and kind < 0.5):
        return rng.choice(SCALARS)
    if kind < 0.8:
        names = rng.sample(NAMES, rng.randint(min(2, 3 - depth), 5))
        return "{" + ",".join(f'"{n}":{random_event(rng, depth + 1)}' for n in names) + "}"
    return "[" + ",".join(random_event(rng, depth + 1) for _ in range(rng.randint(0, 3))) + "]"


def random_pattern(rng, dialect, depth=0):
    members = []
    for name in rng.sample(NAMES, rng.choice([1, 1, 2, 2, 3])):
        if depth < 3 and rng.random() < 0.3:
            members.append(f'"{name}":{random_pattern(rng, dialect, depth + 1)}')
            continue
        leaf = [rng.choice(CONDITIONS) for _ in range(rng.randint(1, 4))]
        members.append(f'"{name}":[{",".join(c for _, c in leaf)}]')
        if any(dialect not in dialects for dialects, _ in leaf):
            random_pattern.refused = True
    if dialect != "alibaba" and rng.random() < 0.15:
        members.append(f'"$or":[{random_pattern(rng, dialect, depth + 2)},{random_pattern(rng, dialect, depth + 2)}]')
    return "{" + ",".join(members) + "}"


def random_case(rng, number):
    dialect = rng.choice(["alibaba", "aws", "union"])
    random_pattern.refused = False
    pattern = f'{{"data":{random_pattern(rng, dialect)}}}'
    while random_pattern.refused and rng.random() < 0.97:
        random_pattern.refused = False
        pattern = f'{{"data":{random_pattern(rng, dialect)}}}'
    return {"name": str(number), "dialect": dialect, "pattern": pattern, "event": f'{{"id":"1","data":{random_event(rng)}}}',
            "headers": {"content-type": "application/cloudevents+json"}}, random_pattern.refused


def main():
    rng = random.Random(SEED)
    cases = [random_case(rng, i) for i in range(CASES)]
    print(f"seed {SEED}, {CASES} cases")
    answers = subprocess.run(
        [os.path.join(BUILD, "outflow"), "pattern", "test", "--batch", "--plugin-path", os.path.join(BUILD, "plugins")],
        input="".join(json.dumps(c) + "\n" for c, _ in cases), capture_output=True, text=True, check=False)
    lines = answers.stdout.splitlines()
    if len(lines) != len(cases):
        sys.exit(f"{len(lines)} answers to {len(cases)} cases: {answers.stderr}")
    counts = {}
    wrong = 0
    for (case, refused), line in zip(cases, lines):
        answer = json.loads(line)
        wanted = "error" if refused else "match" if expected(case["dialect"], case["pattern"], case["event"]) else "no-match"
        key = (case["dialect"], wanted)
        counts[key] = counts.get(key, 0) + 1
        if answer["result"] != wanted:
            wrong += 1
            if wrong <= 10:
                print(f"{case['dialect']}: {case['pattern']} on {case['event']}: {answer}, wanted {wanted}")
    for (dialect, verdict), n in sorted(counts.items()):
        print(f"{dialect:8} {verdict:9} {n}")
    if wrong or any(counts.get((d, v), 0) < CASES / 200 for d in ("alibaba", "aws", "union") for v in ("match", "no-match")):
        sys.exit(f"{wrong} of {CASES} wrong, or too few that match")


main()

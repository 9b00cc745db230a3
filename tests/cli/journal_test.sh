#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# outflow journal and outflow checkpoint: what they say of good, damaged and missing journals, and what they change.
set -u

outflow=$PWD/outflow
make_journal=$PWD/make_journal
export OUTFLOW_PLUGIN_PATH=$PWD/.libs
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

# run CODE ARGUMENT...: runs the program; its output is in $dir/out and $dir/err afterwards.
run() {
	expected=$1
	shift
	shown="outflow $*"
	(cd "$dir" && "$outflow" "$@" --state-dir state >out 2>err </dev/null)
	code=$?
	[ $code -eq "$expected" ] || fail "exit code $code instead of $expected"
}

fail() {
	echo "FAIL: $shown: $1"
	head -n 20 "$dir/out" "$dir/err" | sed 's/^/	/'
	failed=1
}

# says FILE TEXT: the output holds the text.
says() {
	grep -qF -- "$2" "$dir/$1" || fail "$1 does not say '$2'"
}

# answers EXPRESSION: what it is of the JSON answer, in Python with d = data, is true.
answers() {
	python3 -c 'import json, sys; a = json.load(open(sys.argv[1])); d = a["data"]; assert eval(sys.argv[2]), a' \
		"$dir/out" "$1" 2>"$dir/err" || fail "the answer is not: $1"
}

# ---- where there is nothing ----

run 3 journal inspect p
says err "there is no state directory"
[ ! -e "$dir/state" ] || fail "made a state directory"
run 3 checkpoint show --json
answers 'not a["ok"]'
"$make_journal" "$dir/state" plant 0 2000 1500
"$make_journal" "$dir/state" plant 1 300 0
run 2 journal inspect plnat
says err "did you mean 'plant'?"
run 2 journal inspect
run 2 journal mend plant
run 2 journal replay plant
run 2 journal inspect plant --from 1
run 2 journal export plant --from yesterday
run 2 journal inspect plant --task 7
says err "has no task 7"

# ---- inspect ----

run 0 journal inspect plant
says out "checkpoint 1500"
says out "no checkpoint"
says out "waiting: 500 records"
says out "delivered in part"
says out "2023-11-14T22:13:20.000Z"
run 0 journal inspect --json plant
answers 'd[0]["waiting"]["records"] == 500 and d[0]["delivered"]["records"] == 1500'
answers 'd[1]["waiting"]["records"] == 300 and d[1]["checkpoint"] is None and d[1]["damages"] == 0'
answers 'sum(s["records"] for s in d[0]["segments"]) == 2000 and len(d[0]["segments"]) > 3'

# ---- export ----

run 0 journal export --task 0 plant
python3 - "$dir/out" <<'END' || fail "is not what was written"
import base64, json, sys
n = 0
for line in open(sys.argv[1]):
    r = json.loads(line)
    value = r["value"]
    value = base64.b64decode(value["base64"]) if n % 10 == 0 else value.encode()
    assert value.rstrip() == (b"\xff\xfe" if n % 10 == 0 else b"") + str(n).encode(), r
    assert r["position"] == n and r["topic"] == "plant/1" and r["key"] is None
    assert r["timestamp"] == 1700000000000 + n * 1000
    assert r["headers"] == ([["h", "v"]] if n % 2 else [])
    n += 1
assert n == 2000, n
END
run 0 journal export --task 0 --from 10 --to 12 plant
[ "$(wc -l <"$dir/out")" -eq 3 ] || fail "not three records"
run 0 journal export --task 0 --from 2023-11-14T22:13:21Z --to 2023-11-14T22:13:22.500Z plant
[ "$(wc -l <"$dir/out")" -eq 2 ] || fail "not two records"

# ---- replay ----

run 2 journal replay plant --from 0
says err "--task N"
run 2 journal replay plant --task 1 --from 0
says err "has no checkpoint"
run 2 journal replay plant --task 0 --from 1500
says err "is not delivered yet; positions from 0 to below 1500 can be delivered again"
run 0 journal replay plant --task 0 --from 1200 --dry-run
says out "300 records, positions from 1200 to below 1500, would be delivered again"
run 0 checkpoint show plant
says out '{"task":0}  1500'
run 0 journal replay plant --task 0 --from 2023-11-14T22:33:20Z --json
answers 'd[0]["again"]["records"] == 300 and d[0]["from"] == 1200 and d[0]["waiting"] == 500'
run 0 checkpoint show plant
says out '{"task":0}  1200'
rm "$dir/state/journal/plant/0/00000000000000000000.log"
run 2 journal replay plant --task 0 --from 0
says err "is not kept any more; positions from"
run 2 journal replay plant --task 0 --from 2023-11-14T22:13:20Z
says err "may have been removed already"

# ---- fsck ----

run 0 journal fsck plant
says out "0 damages, 0 records lost"
segment=$(ls "$dir"/state/journal/plant/1/*.log | head -n 1)
printf 'xxxx' | dd of="$segment" bs=1 seek=300 conv=notrunc 2>"$dir/err"
echo notes >"$dir/state/journal/plant/1/notes"
run 1 journal fsck plant
says out "00000000000000000000.log: bytes 224 to below 392: 1 records are lost, from position 1 to below 2"
says out "does not belong here"
says out "1 damages, 1 records lost"
run 1 journal fsck --json plant
answers 'd[1]["lost"] == 1 and [x["from"] for x in d[1]["damages"] if x["kind"] == "records"] == [224]'
truncate -s -1 "$dir/state/journal/plant/1/00000000000000000000.log"
run 1 journal fsck plant --task 1
says out "2 damages, 2 records lost"
run 0 journal inspect plant
says out "damaged in 2 places"
[ "$(cat "$dir/state/journal/plant/1/notes")" = notes ] || fail "changed a file"

# ---- checkpoint ----

run 0 checkpoint show
says out 'plant  {"task":0}  1200'
run 0 checkpoint show --json
answers 'd == [{"pipeline": "plant", "stream": "{\"task\":0}", "next": 1200, "pos_ext": None}]'
run 2 checkpoint show other
run 2 checkpoint set plant '{"task":0}' minus
run 2 checkpoint set plant '{"task":9}' 1
says err 'there is no checkpoint of stream {"task":9}'
run 0 checkpoint set plant '{ "task": 0 }' 77
says out '1200'
says out 'is now 77'
run 0 checkpoint show plant
says out '{"task":0}  77'
run 0 checkpoint reset plant
says out '{"task":0}  77'
run 0 checkpoint show
[ ! -s "$dir/out" ] || fail "still shows something"
run 2 checkpoint reset plant
run 0 journal inspect plant --task 0
says out "no checkpoint"

# ---- while a daemon runs ----

cat >"$dir/run.conf" <<-'END'
	pipelines = ( { name = "idle"; source = { class = "gen"; rate = 1; }; sink = { class = "null"; }; } );
END
(cd "$dir" && exec "$outflow" run --state-dir state run.conf >run.log 2>&1) &
daemon=$!
for _ in $(seq 1 1000); do
	grep -q RUNNING "$dir/run.log" 2>/dev/null && break
	sleep 0.01
done
for command in "journal inspect plant" "journal fsck plant" "journal replay --from 0 plant" "checkpoint show" \
	"checkpoint reset plant"; do
	# shellcheck disable=SC2086
	run 3 $command
	says err "in use by process $daemon"
done
kill $daemon
wait $daemon

[ $failed -eq 0 ] && echo "journal commands: all is well"
# ---- memory does not grow with the journal ----

# peak DIR COMMAND: the most memory that outflow journal COMMAND was seen with, in KiB.
peak() {
	python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$outflow" journal "$2" big --state-dir "$dir/$1"
}

"$make_journal" "$dir/short" big 0 1000 0
"$make_journal" "$dir/long" big 0 150000 0
for command in inspect fsck export; do
	shown="outflow journal $command of 30 MB"
	grown=$(($(peak long $command) - $(peak short $command)))
	[ "$grown" -lt 8192 ] || fail "takes $grown KiB more than of 0.2 MB"
done

exit $failed

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The command line: exit codes, every mistake at once with its place, JSON that parses, help everywhere.
set -u

outflow=$PWD/outflow
export OUTFLOW_PLUGIN_PATH=$PWD/.libs
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

# run CODE ARGUMENT...: runs the program; its output is in $dir/out and $dir/err afterwards.
run() {
	expected=$1
	shift
	shown="outflow $*"
	(cd "$dir" && "$outflow" "$@" >out 2>err </dev/null)
	code=$?
	[ $code -eq "$expected" ] || fail "exit code $code instead of $expected"
}

fail() {
	echo "FAIL: $shown: $1"
	sed 's/^/	/' "$dir/out" "$dir/err"
	failed=1
}

# says FILE TEXT: the output holds the text.
says() {
	grep -qF -- "$2" "$dir/$1" || fail "$1 does not say '$2'"
}

is_json() {
	python3 -c 'import json, sys; a = json.load(open(sys.argv[1])); assert set(a) == {"ok", "data", "errors"}; assert a["ok"] == (not a["errors"])' \
		"$dir/out" || fail "is not an envelope in JSON"
}

# ---- help and misuse ----

run 0 --help
for command in run check plugins journal checkpoint version; do
	says out "  $command "
done
for command in run check plugins journal checkpoint version; do
	run 0 $command --help
	says out "usage: outflow $command"
done
run 2
says out "commands"
run 2 chekc
says err "did you mean 'check'?"
run 2 check --josn
says err "did you mean '--json'?"
run 2 run -x
says err "no option '-x'"
run 2 check --config
says err "needs an argument"
run 2 plugins describe
run 2 plugins lists
run 0 version
says out "outflow "
run 0 --version
run 0 version --json
is_json

# ---- check ----

cat >"$dir/good.conf" <<-'END'
	log = { level = "error"; };
	pipelines = ( { name = "a"; source = { class = "gen"; count = 10; }; sink = { class = "null"; }; } );
END
cat >"$dir/bad.conf" <<-'END'
	log = { level = "loud"; };
	pipelines = ( {
	  name = "a";
	  source = { class = "gen"; cout = 10; };
	  sink = { class = "nul"; };
	}, { name = "a"; } );
END
echo 'broken = {' >"$dir/broken.conf"
run 0 check good.conf
says out "1 pipeline, no mistakes"
run 2 check bad.conf broken.conf missing.conf
says err "bad.conf:1: log.level: 'loud' is not one of error, warn, info, debug"
says err "bad.conf:4: pipeline 'a': source.cout: unknown key; did you mean 'source.count'?"
says err "bad.conf:5: pipeline 'a': sink.class: there is no sink 'nul'; did you mean 'null'?"
says err "bad.conf:6: pipeline 'a': the name is taken"
says err "broken.conf:2: syntax error"
says err "missing.conf: cannot be read: No such file or directory"
cp "$dir/err" "$dir/check.err"
run 0 check --json good.conf
is_json
run 2 check --json bad.conf broken.conf
is_json

# ---- run ----

run 2 run --state-dir state bad.conf broken.conf missing.conf
cmp -s "$dir/err" "$dir/check.err" || fail "does not report the same as check"
[ ! -e "$dir/state" ] || fail "a bad configuration made a state directory"
run 0 run --until-done --state-dir state good.conf
run 0 run --until-done --state-dir=state -c good.conf

# ---- plugins ----

run 0 plugins list
says out "gen/source"
says out "null/sink"
run 0 plugins list --json
is_json
run 0 plugins describe gen
says out "count"
run 0 plugins describe gen/source --json
is_json
run 2 plugins describe gne
says err "did you mean 'gen'?"
run 2 plugins describe gne --json
is_json
for component in $(cd "$dir" && "$outflow" plugins list | cut -d ' ' -f 1); do
	run 0 plugins describe --example "$component"
	# As a configuration file: a source or sink is a setting already, the rest is a group without a name.
	sed '1s/^{/x = {/; $s/;*$/;/' "$dir/out" >"$dir/example.conf"
	run 2 check example.conf
	grep -q 'syntax error' "$dir/err" && fail "the example of $component is not libconfig"
done
run 1 plugins list --plugin-path missing
says out "missing: cannot be read"

[ $failed -eq 0 ] && echo "cli: all is well"
exit $failed

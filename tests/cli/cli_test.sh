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
for command in run check try test pattern transform dlq plugins new journal checkpoint completion version; do
	says out "  $command "
done
for command in run check try test pattern transform dlq plugins new journal checkpoint completion version; do
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

# ---- dlq ----

cat >"$dir/dlq.conf" <<-END
	pipelines = ( {
	  name = "plant"; errors = { tolerance = "all"; };
	  source = { class = "gen"; count = 3; }; sink = { class = "null"; key = { form = "JSONPATH"; value = "\$.data.body.nothing"; missing = "fail"; }; };
	  deadletter = { class = "file"; path = "$dir/dead.json"; format = "json"; };
	}, {
	  name = "values"; source = { class = "gen"; }; sink = { class = "null"; };
	  deadletter = { class = "file"; path = "$dir/dead.txt"; };
	}, { name = "none"; source = { class = "gen"; }; sink = { class = "null"; }; } );
END
run 2 dlq
says err "expected list, show or replay"
run 2 dlq list
says err "which pipeline?"
run 2 dlq list plnt dlq.conf
says err "did you mean 'plant'?"
run 2 dlq list none dlq.conf
says err "declares none (deadletter.class)"
run 2 dlq list values dlq.conf
says err 'set deadletter.format = "json"'
run 2 dlq list plant --rate 5 dlq.conf
says err "are for replay"
run 2 dlq list plant --since yesterday dlq.conf
says err "a time is 2026-11-24T02:00Z, or 90min"
run 2 dlq replay plant --max 0 dlq.conf
says err "whole number above 0"
run 1 dlq list plant dlq.conf
says err "dead.json cannot be opened: No such file or directory"
run 1 dlq list plant --json dlq.conf
is_json
sed '/name = "values"/,$d; s/^}, {/} );/' "$dir/dlq.conf" >"$dir/plant.conf"
run 0 run --until-done --state-dir dlq-state plant.conf
run 0 dlq list plant --state-dir dlq-state dlq.conf
says out "position "
says out "nothing"
run 0 dlq list plant --state-dir dlq-state --json dlq.conf
is_json
run 0 dlq list plant --state-dir dlq-state --stage sink dlq.conf
says out "no dead letters match"
run 0 dlq show plant 2 --state-dir dlq-state dlq.conf
says out "outflow.errors.stage = deliver"
run 0 dlq show plant --json --state-dir dlq-state dlq.conf
is_json
run 0 dlq replay plant --dry-run --state-dir dlq-state dlq.conf
says out "dry run: matched 3, would send 3"
[ ! -e "$dir/dlq-state/replay" ] || fail "a dry run left something behind"
run 1 dlq replay plant --max 2 --state-dir dlq-state dlq.conf
says out "matched 2, sent 2, delivered 0, filtered 0, dead-lettered again 2"
run 1 dlq replay plant --max 1 --json --state-dir dlq-state dlq.conf
is_json

# Completion knows every command, and what its --help tells.
run 0 completion bash
cp "$dir/out" "$dir/completion.bash"
# completes WORD... EXPECTED: the last word is begun, and may become these, no others.
completes() {
	expected=$(eval echo "\${$#}" | tr ' ' '\n' | sort)
	found=$(bash -c '. "$1"; shift; COMP_WORDS=("${@:1:$#-1}"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _outflow
		printf "%s\n" "${COMPREPLY[@]}"' - "$dir/completion.bash" "$outflow" "$@" </dev/null | sort)
	[ "$found" = "$expected" ] || fail "completion of '$*' is '$found'"
}
completes che 'check checkpoint'
completes comp completion
completes dlq re replay
completes plugins '' 'describe list'
completes new p plugin
completes new plugin --k --kind
completes new plugin x --kind tr transform
completes dlq list p --loop --loop-guard
run 0 completion zsh
says out "'check:check a configuration"
run 0 completion fish
says out "-a check -d 'check a configuration"
# The other two, where they are.
mkdir -p "$dir/bin" && ln -s "$outflow" "$dir/bin/outflow"
if command -v zsh >/dev/null; then
	run 0 completion zsh
	found=$(PATH="$dir/bin:$PATH" zsh -fc 'compdef() { }; _files() { }; compadd() { print -l ${(P)argv[-1]} }
		source $1; words=(outflow new plugin x --kind ""); CURRENT=6; _outflow; words=(outflow plugins ""); CURRENT=3; _outflow
		' - "$dir/out" </dev/null | sort | tr '\n' ' ')
	[ "$found" = "describe list sink source transform " ] || fail "zsh completes '$found'"
fi
if command -v fish >/dev/null; then
	run 0 completion fish
	found=$(cd "$dir/bin" && PATH="$dir/bin:$PATH" HOME="$dir" fish -c 'source $argv[1]; complete -C "outflow new plugin x --kind s"
		complete -C "outflow plugins d"' "$dir/out" </dev/null | sort | tr '\n' ' ')
	[ "$found" = "describe sink source " ] || fail "fish completes '$found'"
fi
run 2 completion csh
says err "bash, zsh or fish"

[ $failed -eq 0 ] && echo "cli: all is well"
exit $failed

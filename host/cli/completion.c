/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/cli.h"
#include "host/cli/options.h"

#include <stdio.h>
#include <string.h>

static const char help[] = "usage: outflow completion bash|zsh|fish\n"
			   "\n"
			   "Prints what makes that shell complete commands, their actions and options:\n"
			   "\n"
			   "  outflow completion bash > /etc/bash_completion.d/outflow\n"
			   "  outflow completion zsh  > /usr/local/share/zsh/site-functions/_outflow\n"
			   "  outflow completion fish > /etc/fish/completions/outflow.fish\n";

/* What a command takes stands in its --help; the scripts look there, so that they are right for the program that is run. */
#define ACTIONS "sed -nE 's/^(usage:|      ) outflow [a-z]+ ([a-z]+( ?[|] ?[a-z]+)*).*/\\2/p' | tr -s '| ' '\\n'"
/* What may stand behind an option, in $before, that is told as --option one|other. */
#define CHOICES "sed -nE \"s/^ +(-., )?$before ([a-z]+([|][a-z]+)+).*/\\2/p\" 2>/dev/null | tr '|' '\\n'"
#define OPTIONS "grep -oE -- '(^|[ ,])--[a-z][a-z-]*' | tr -d ' ,' | sort -u"

static void print_bash(void)
{
	fputs("_outflow() {\n"
	      "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} help\n"
	      "\tif ((COMP_CWORD == 1)); then\n"
	      "\t\tCOMPREPLY=($(compgen -W '",
	      stdout);
	for (const struct subcommand *s = subcommands; s->name != NULL; s++)
		printf("%s ", s->name);
	fputs("--help --version' -- \"$word\"))\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\thelp=$(\"${COMP_WORDS[0]}\" \"${COMP_WORDS[1]}\" --help 2>/dev/null)\n"
	      "\tif [[ $word == -* ]]; then\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$({ " OPTIONS "; } <<<\"$help\")\" -- \"$word\"))\n"
	      "\telif [[ $before == --* ]]; then\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$({ " CHOICES "; } <<<\"$help\")\" -- \"$word\"))\n"
	      "\telif ((COMP_CWORD == 2)); then\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$({ " ACTIONS "; } <<<\"$help\")\" -- \"$word\"))\n"
	      "\tfi\n"
	      "}\n"
	      "complete -o default -F _outflow outflow\n",
	      stdout);
}

static void print_zsh(void)
{
	fputs("#compdef outflow\n"
	      "_outflow() {\n"
	      "\tlocal -a commands found\n"
	      "\tlocal help before=$words[CURRENT-1]\n"
	      "\tcommands=(\n",
	      stdout);
	for (const struct subcommand *s = subcommands; s->name != NULL; s++)
		printf("\t\t'%s:%s'\n", s->name, s->summary);
	fputs("\t)\n"
	      "\tif ((CURRENT == 2)); then\n"
	      "\t\t_describe command commands\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\thelp=$($words[1] $words[2] --help 2>/dev/null)\n"
	      "\tif [[ $words[CURRENT] == -* ]]; then\n"
	      "\t\tfound=(${(f)\"$({ " OPTIONS "; } <<<$help)\"})\n"
	      "\t\tcompadd -a found\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\tif [[ $before == --* ]]; then\n"
	      "\t\tfound=(${(f)\"$({ " CHOICES "; } <<<$help)\"})\n"
	      "\t\tcompadd -a found\n"
	      "\telif ((CURRENT == 3)); then\n"
	      "\t\tfound=(${(f)\"$({ " ACTIONS "; } <<<$help)\"})\n"
	      "\t\tcompadd -a found\n"
	      "\tfi\n"
	      "\t_files\n"
	      "}\n"
	      "if [[ $funcstack[1] == _outflow ]]; then _outflow \"$@\"; else compdef _outflow outflow; fi\n",
	      stdout);
}

static void print_fish(void)
{
	fputs("function __outflow_words\n"
	      "\tset -l words (commandline -opc)\n"
	      "\tset -l before $words[-1]\n"
	      "\tif string match -q -- '-*' (commandline -ct)\n"
	      "\t\t$words[1] $words[2] --help 2>/dev/null | " OPTIONS "\n"
	      "\telse if string match -q -- '--*' $before\n"
	      "\t\t$words[1] $words[2] --help 2>/dev/null | " CHOICES "\n"
	      "\telse if test (count $words) -eq 2\n"
	      "\t\t$words[1] $words[2] --help 2>/dev/null | " ACTIONS "\n"
	      "\tend\n"
	      "end\n"
	      "complete -c outflow -n 'not __fish_use_subcommand' -a '(__outflow_words)'\n",
	      stdout);
	for (const struct subcommand *s = subcommands; s->name != NULL; s++)
		printf("complete -c outflow -f -n __fish_use_subcommand -a %s -d '%s'\n", s->name, s->summary);
}

int cli_completion(int argc, char **argv)
{
	static const struct {
		const char *shell;
		void (*print)(void);
	} shells[] = { { "bash", print_bash }, { "zsh", print_zsh }, { "fish", print_fish } };

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(help, stdout);
		return EXIT_OK;
	}
	for (size_t i = 0; argc == 2 && i < sizeof shells / sizeof shells[0]; i++)
		if (strcmp(argv[1], shells[i].shell) == 0) {
			shells[i].print();
			return EXIT_OK;
		}
	return cli_misuse("completion", "expected bash, zsh or fish");
}

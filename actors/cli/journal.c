//  holdfast journal: verify, stat and backup, straight on the journal's file; a running node is not
//  disturbed.

#include "cli/verbs.h"
#include "journal/verify_shell.h"

#include <stdio.h>
#include <string.h>

int hf_verb_journal(const hf_args_t *args) {
    const char *what = args->words[0];
    const char *state_dir = hf_args_state_dir(args);
    bool json = hf_args_has(args, "json");
    bool backup = strcmp(what, "backup") == 0;
    if (backup && args->words_size < 2) {
        return hf_say_usage(args, "DIR is missing: where shall the copy go?");
    }
    if (backup && json) {
        return hf_say_usage(args, "--json goes with verify and stat");
    }
    if (!backup && args->words_size > 1) {
        return hf_say_usage(args, "'%s' is one word too many", args->words[1]);
    }
    if (backup) {
        return hf_journal_backup(state_dir, args->words[1], stdout);
    }
    if (strcmp(what, "verify") == 0) {
        return hf_journal_verify(state_dir, json, stdout);
    }
    if (strcmp(what, "stat") == 0) {
        return hf_journal_stat(state_dir, json, stdout);
    }
    return hf_say_usage(args, "'%s' is not one of verify, stat and backup", what);
}

#!/usr/bin/env bash
# Cores are pure: every symbol that their library leaves to others must be on this list. Usage: purity.sh LIBRARY
set -euo pipefail
library=$1

allowed='^(mdb_|json_|jansson_|XXH3_|XXH64|XXH_|protobuf_c_|crypto_generichash|crypto_verify_|sodium_(bin2base64|base642bin|base64_encoded_len)|sodium_memcmp|sodium_memzero'
allowed+='|hf__'                                                       # proto/, generated
allowed+='|mem(cpy|set|move|cmp|chr|rchr|mem)$|(str|strn)(len|cpy|cat|cmp|casecmp|chr|rchr|str|spn|cspn|dup|tol|toll|toul|toull|tod|pbrk|ncpy|ncat)$'
allowed+='|strnlen|strncmp|strncpy|strncasecmp|stpcpy|strsep|strtok_r'
allowed+='|(malloc|calloc|realloc|free|abort|qsort|bsearch)$'
allowed+='|(v?snprintf|sscanf|__isoc99_sscanf)$|__(mem|str|stp|v?snprintf|sprintf)[a-z_]*chk$|__isoc23_'
allowed+='|(pow|ceil|floor|llround|lround|fabs|fmod|isfinite|log|exp|sqrt|frexp|ldexp|round|trunc)$'
allowed+='|__assert_fail|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__ctype_(b|tolower|toupper)_loc|tolower|toupper|__errno_location|__(asan|ubsan|tsan|sanitizer|gcov)_)'

undefined=$(nm -u --format=posix "$library" | awk '$2 == "U" { print $1 }' | sort -u)
defined=$(nm --defined-only --format=posix "$library" | awk 'NF > 2 { print $1 }' | sort -u)
foreign=$(comm -23 <(echo "$undefined") <(echo "$defined") | grep -Ev "$allowed" || true)
if [ -n "$foreign" ]; then
    echo "the cores' library leaves to others what no core may touch:"
    while read -r symbol; do
        echo "  $symbol, in:$(nm -A -u "$library" | awk -v s="$symbol" '$NF == s { split($1, a, ":"); printf " %s", a[2] }')"
    done <<<"$foreign"
    exit 1
fi
echo "$(echo "$undefined" | wc -l) symbols left to others, all of them pure or LMDB's"

# Counting tools, for the scripts that source this: each runs a program and prints what it counted, all in user space. What
# the program itself prints, in vain or not, is shown when it fails. Needs valgrind and strace.

# Runs a command, its output in the file LOG.
run_logged() { # LOG COMMAND...
    timeout "${COUNT_TIMEOUT:-300}" "${@:2}" >"$1" 2>&1 || {
        cat "$1" >&2
        echo "failed: ${*:2}" >&2
        return 1
    }
}

# Prints instructions and calls of the allocator, both from callgrind's file, where a name stands
# at its first place only and a number for it at all others.
count_instructions() { # PROGRAM...
    local dir
    dir=$(mktemp -d)
    run_logged "$dir/log" valgrind --tool=callgrind --callgrind-out-file="$dir/out" "$@" &&
        awk '
        /^c?fn=/ {
            id = $1
            sub(/^c?fn=/, "", id)
            if (NF > 1) name[id] = $2
            if (/^cfn/) called = name[id]
        }
        /^calls=/ && called ~ /^(malloc|calloc|realloc|memalign|aligned_alloc|posix_memalign)$/ {
            sub(/^calls=/, "", $1)
            allocations += $1
        }
        /^totals:/ {instructions = $2}
        END {printf "%.0f %.0f\n", instructions, allocations}' "$dir/out" || { rm -rf "$dir"; return 1; }
    rm -rf "$dir"
}

count_system_calls() { # PROGRAM...
    local dir
    dir=$(mktemp -d)
    run_logged "$dir/log" strace -f -c -o "$dir/calls" "$@" &&
        awk '$NF == "total" {print $4}' "$dir/calls" || { rm -rf "$dir"; return 1; }
    rm -rf "$dir"
}

# Prints the bytes that are live at the end.
count_live_bytes() { # PROGRAM...
    local dir
    dir=$(mktemp -d)
    run_logged "$dir/log" valgrind --tool=memcheck --leak-check=no "$@" &&
        awk '/in use at exit/ {gsub(",", ""); print $6}' "$dir/log" || { rm -rf "$dir"; return 1; }
    rm -rf "$dir"
}

# Prints the bytes that memcpy and memmove copied.
count_copied_bytes() { # PROGRAM...
    local dir
    dir=$(mktemp -d)
    run_logged "$dir/log" valgrind --tool=dhat --mode=copy --dhat-out-file=/dev/null "$@" &&
        awk '/ Total:/ {gsub(",", ""); print $3}' "$dir/log" || { rm -rf "$dir"; return 1; }
    rm -rf "$dir"
}

# The page tests/benchmark.md out of $tmp/cells and $tmp/times, and README's table out of the page. tests/benchmark/run
# sources this.

page_file=tests/benchmark.md

# A version as it is locked.
locked() { # CRATE
    awk -v c="\"$1\"" '$1 == "name" && $3 == c {getline; gsub("\"", ""); print $3; exit}' tests/benchmark/Cargo.lock
}

# The header of a table with a column for each client.
columns() { # NAME...
    local name line="|" rule="|---|"
    line+=" $1 |"
    for name in "${@:2}"; do
        line+=" $name |"
        rule+="--:|"
    done
    echo "$line"
    echo "$rule"
}

titled() { # WORK...
    local work
    for work in "$@"; do
        case $work in
        publish-0) printf '%s\tpublish QoS 0, one task\n' "$work" ;;
        publish-0-tasks) printf '%s\tthe same by 16 tasks on one client\n' "$work" ;;
        publish-1-tasks) printf '%s\tpublish QoS 1, 100 tasks, each awaits its own acknowledgement\n' "$work" ;;
        publish-1) printf '%s\tpublish QoS 1, one task, 100 in flight\n' "$work" ;;
        publish-2) printf '%s\tpublish QoS 2, one task, 100 in flight\n' "$work" ;;
        receive-0) printf '%s\treceive QoS 0\n' "$work" ;;
        receive-0-many) printf '%s\tthe same in batches of up to 100\n' "$work" ;;
        receive-1) printf '%s\treceive QoS 1\n' "$work" ;;
        round-trip) printf '%s\tthere and back at QoS 0, one in flight\n' "$work" ;;
        publish-16k) printf '%s\tpublish 16 KiB at QoS 0\n' "$work" ;;
        receive-16k) printf '%s\treceive 16 KiB at QoS 0\n' "$work" ;;
        connect) printf '%s\tconnect and disconnect\n' "$work" ;;
        idle) printf '%s\tan idle client, bytes\n' "$work" ;;
        *) printf '%s\t%s\n' "$work" "${work//-/ }" ;;
        esac
    done
}

# Rows of a table: one field of the cells, the least of a row in bold. STYLE is how a number is printed.
rows() { # FIELD STYLE CLIENTS WORK...
    titled "${@:4}" | awk -F '\t' -v field="$1" -v style="$2" -v clients="$3" '
        function grouped(n,   s) {
            s = sprintf("%.0f", n)
            while (match(s, /[0-9][0-9][0-9][0-9]($|,)/)) s = substr(s, 1, RSTART) "," substr(s, RSTART + 1)
            return s
        }
        function said(n) {return style == "count" ? grouped(n) : sprintf(style, n)}
        FNR == NR {value[$1, $2] = $field; next}
        {
            n = split(clients, client, " ")
            least = ""
            for (i = 1; i <= n; i++) {
                v = value[$1, client[i]]
                if (v != "" && v != "-" && (least == "" || v + 0 < least + 0)) least = v
            }
            printf "| %s |", $2
            for (i = 1; i <= n; i++) {
                v = value[$1, client[i]]
                if (v == "" || v == "-") printf " – |"
                else if (said(v) == said(least)) printf " **%s** |", said(v)
                else printf " %s |", said(v)
            }
            print ""
        }' "$tmp/cells" -
}

# Ratios of the least times, this client's is 1.
time_rows() { # WORK...
    titled "$@" | awk -F '\t' -v clients="${clients[*]}" '
        FNR == NR {if (!(($1, $2) in t) || $3 < t[$1, $2]) t[$1, $2] = $3; next}
        {
            n = split(clients, client, " ")
            printf "| %s |", $2
            for (i = 1; i <= n; i++)
                if (($1, client[i]) in t) printf " %.2f |", t[$1, client[i]] / t[$1, "ours"]
                else printf " – |"
            print ""
        }' "$tmp/times" -
}

# The flash that tests/README.md has, which tests/firmware measures.
flash() { # NAME
    awk -F '|' -v name="$1" 'index($2, name) && $3 ~ /[0-9]/ && NF > 6 {gsub(/[ *]/, "", $3); print $3; exit}' tests/README.md
}

flash_row() {
    local who row="| flash on a Cortex-M4, bytes |"
    local -A of=([ours]="this client" [minimq]=minimq [rust-mqtt]=rust-mqtt)
    for who in "${clients[@]}"; do
        if [[ -n ${of[$who]:-} ]]; then row+=" $(flash "${of[$who]}") |"; else row+=" – |"; fi
    done
    # The smallest is minimq's, by far.
    echo "$row" | sed "s/ \($(flash minimq)\) |/ **\1** |/"
}

# A line for each figure in which peers are better by more than what is chance.
better() {
    titled "${works[@]}" "${packets[@]}" | awk -F '\t' -v all="${clients[*]} mqttbytes mqttrs" '
        function put(kind, field, style, slack,   i, v, mine, who) {
            mine = value[field, $1, "ours"]
            if (mine == "" || mine == "-") return
            who = ""
            for (i = 1; i <= n; i++) {
                v = value[field, $1, client[i]]
                if (v != "" && v != "-" && v + 0 < mine * 0.98 - slack) who = who sprintf(", %s " style, client[i], v)
            }
            if (who != "") printf "* %s, %s: " style "; %s\n", $2, kind, mine, substr(who, 3)
        }
        BEGIN {n = split(all, client, " ")}
        FNR == 1 {file++}
        file == 1 {for (i = 3; i <= 5; i++) value[i, $1, $2] = $i; next}
        file == 2 {if (!(("t", $1, $2) in value) || $3 < value["t", $1, $2]) value["t", $1, $2] = $3; next}
        {
            put($1 == "idle" ? "memory" : "instructions", 3, "%d", 0)
            put("system calls", 4, "%.2f", 0.002)
            put("allocations", 5, "%.2f", 0.01)
            mine = value["t", $1, "ours"]
            for (i = 1; i <= n; i++) if (("t", $1, client[i]) in value) value["r", $1, client[i]] = value["t", $1, client[i]] / mine
            put("CPU time", "r", "%.2f", 0.08)
        }' "$tmp/cells" "$tmp/times" -
    echo "* flash: [tests/README.md](README.md#firmware)"
}

page() {
    local names=("this client" rumqttc rumqttc-next ntex-mqtt libmosquitto minimq rust-mqtt)
    cat <<TEXT
# This client beside others

Made by two commands, on Debian as root (they install what is missing; ten minutes on two idle cores, more to build):

    tests/benchmark/install
    tests/benchmark/run --write

$(date -u +%Y-%m-%d), commit $(git rev-parse --short HEAD) of this client, rumqttc $(locked rumqttc), rumqttc-next $(locked rumqttc-v4-next), \
ntex-mqtt $(locked ntex-mqtt) on tokio, libmosquitto $(awk '/define LIBMOSQUITTO_(MAJOR|MINOR|REVISION)/ {v = v d $3; d = "."} END {print v}' /usr/include/mosquitto.h), \
minimq $(locked minimq), rust-mqtt $(locked rust-mqtt); $(rustc --version | cut -d' ' -f1,2), $(valgrind --version), $(uname -sm), \
$(nproc) × $(awk -F ': ' '/model name/ {print $2; exit}' /proc/cpuinfo).

## In short

Instructions for each message, or what the row says. Less is better.

<!-- benchmark -->
$(columns "" "${names[@]}")
$(rows 3 count "${clients[*]}" publish-0 publish-1 receive-0 round-trip connect idle)
$(flash_row)
<!-- /benchmark -->

## How to read it

All programs do the same work: payloads of 64 bytes, or as the row says; topics of 20 bytes; no properties; MQTT 3.1.1, but
5.0 for minimq and rust-mqtt, which speak nothing else. The server is a stub that answers as fast as anybody can take it,
in a process of its own; it counts what arrives, and each program counts what it gets. A figure is the difference of a
longer and a shorter run of one process, divided by the messages between them: start and end do not count. The least of
a row is bold.

Each program is written as the documentation of its client has it for much traffic (\`tests/benchmark\`): rumqttc and
rumqttc-next with the loop in one task and publishes in others, rumqttc-next with batches as wide as the window; ntex-mqtt
by its sink and, at QoS 1 by one task, its callback, with a yield to its driver every 100 messages; libmosquitto with
\`mosquitto_loop\`; minimq and rust-mqtt on a buffered socket of tokio. All but libmosquitto are built with the same profile.

A dash: the client has no such thing. rumqttc cannot await one acknowledgement. libmosquitto has threads, not tasks.
minimq and rust-mqtt belong to one task. Only this client hands out messages in batches. minimq has at most 8
messages in flight, not 100; its idle clients hold the packet buffers of 1 KiB that its README takes, and no keep-alive. Of idle
clients there are 1,000, of libmosquitto's 200: its loop takes no more.
ntex-mqtt fails (\`UnexpectedRelease\`) when several messages at QoS 2 are in flight. What it takes
for a round trip and for a connect varies from run to run by more than all of it: its runtime looks for work while it waits.

## Instructions

User-space instructions for each message (\`callgrind\`). A byte that is copied in bulk counts as an instruction.

$(columns "work" "${names[@]}")
$(rows 3 count "${clients[*]}" "${works[@]}")

## System calls

For each message (\`strace\`). How many messages come in one read is chance, where it is not one in flight.

$(columns "work" "${names[@]}")
$(rows 4 %.3f "${clients[*]}" $(printf '%s\n' "${works[@]}" | grep -vx idle))

## Allocations

Calls of the allocator for each message.

$(columns "work" "${names[@]}")
$(rows 5 %.2f "${clients[*]}" $(printf '%s\n' "${works[@]}" | grep -vx idle))

## Time

CPU time of the whole process, the kernel's work for it included, as a multiple of this client's in the same run: the
least of three. A ratio that is within a tenth of 1 says nothing.

$(columns "work" "${names[@]}")
$(time_rows "${timed[@]}")

## Codecs

Instructions for a packet, without network or client: PUBLISH with 64 bytes in 3.1.1, CONNACK with six properties in 5.0,
all of which are read. mqttbytes $(locked mqttbytes), mqttrs $(locked mqttrs) (3.1.1 only).

$(columns "packet" "this client" "rumqttc" mqttbytes ntex-mqtt mqttrs)
$(rows 3 count "${codecs[*]}" "${packets[@]}")

Allocations:

$(columns "packet" "this client" "rumqttc" mqttbytes ntex-mqtt mqttrs)
$(rows 5 %.1f "${codecs[*]}" "${packets[@]}")

## Where others are better

This client's figure, then theirs:

$(better)
TEXT
}

# The table between the markers of a text.
summary() { awk '/<!-- \/benchmark -->/ {on = 0} on {print} /<!-- benchmark -->/ {on = 1}'; }

# README's table, without the line that says where it is from.
in_readme() { summary <README.md; }

into_readme() {
    cat >"$tmp/table"
    awk -v table="$tmp/table" '
        /<!-- benchmark -->/ {print; while ((getline line < table) > 0) print line; skip = 1; next}
        /<!-- \/benchmark -->/ {skip = 0}
        !skip' README.md >"$tmp/new"
    cp "$tmp/new" README.md
}

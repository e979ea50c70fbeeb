# What `run` and `sizes` share: building, the broker, the emulator. Sourced by them, in this folder.
# shellcheck shell=bash

export PATH=$PATH:/usr/sbin

# Seconds that an image may take.
limit=${MQTT_AS_FIRMWARE_LIMIT:-120}

work=$(mktemp -d)
broker=
emulator=

at_exit() {
    local process
    for process in $broker $emulator; do
        kill "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap at_exit EXIT
trap 'exit 130' INT TERM

fail() {
    echo "firmware: $*" >&2
    exit 1
}

# build IMAGE BOARD [cargo's options]: `built` is the file that cargo made.
build() {
    local image=$1 board=$2
    shift 2
    if [[ $image == tls ]]; then
        image=net
        set -- --features key "$@"
    fi
    ./setup --quiet cargo build --quiet --release --locked -Zbuild-std=core --target "$board" --package "$image" "$@" ||
        fail "$image does not build for $board"
    built=$(./setup --where)/$board/release/$image
    [[ -s $built ]] || fail "$built is not there"
}

start_broker() {
    local try
    for try in 1 2 3 4 5 6 7 8 9 10; do
        mosquitto -c "$work/mosquitto.conf" >>"$work/mosquitto.log" 2>&1 &
        broker=$!
        for _ in $(seq 50); do
            sleep 0.1
            kill -0 "$broker" 2>/dev/null || break
            if timeout 5 mosquitto_pub -h 127.0.0.1 -p "$port" -t firmware -m ready 2>/dev/null; then return 0; fi
        done
        stop_broker
        if [[ ${1:-} != again ]]; then configure_broker; fi
        sleep 0.2
    done
    cat "$work/mosquitto.log" >&2
    fail "mosquitto did not start"
}

# It keeps its sessions in a file, as one does that is to survive a restart.
configure_broker() {
    port=$((20000 + RANDOM % 10000))
    echo "board:$(printf 'sixteen letters.' | od -An -tx1 | tr -d ' \n')" >"$work/keys"
    cat >"$work/mosquitto.conf" <<CONF
listener $port 127.0.0.1
listener $((port + 1)) 127.0.0.1
psk_hint any
psk_file $work/keys
allow_anonymous true
set_tcp_nodelay true
persistence true
persistence_location $work/
$([[ $(id -u) != 0 ]] || echo "user root")
CONF
}

stop_broker() {
    kill "$broker" 2>/dev/null || true
    wait "$broker" 2>/dev/null || true
    broker=
}

# The emulator connects the line anew when it breaks; without that, it connects before the program starts.
line=reconnect=1

# The board's end of the line, or of the cable.
wire() {
    case $1 in
        uart) echo "-serial tcp:127.0.0.1:$port,$line" ;;
        net | tls) echo "-serial null -nic user,model=lan9118" ;;
    esac
}

# emulate IMAGE FILE: the broker is restarted when the image says so. `said` is the file that holds its output.
emulate() {
    local image=$1 file=$2 begin=$SECONDS code=0 to=$port
    if [[ $image == tls ]]; then to=$((port + 1)); fi
    said=$work/$1.out
    restarted=
    : >"$said"
    # shellcheck disable=SC2046 # words
    timeout "$limit" qemu-system-arm -machine mps2-an386 -cpu cortex-m4 -nographic -monitor none $(wire "$image") \
        -semihosting-config "enable=on,target=native,arg=$image,arg=$to" -kernel "$file" >/dev/null 2>"$said" </dev/null &
    emulator=$!
    while kill -0 "$emulator" 2>/dev/null; do
        if [[ -z $restarted ]] && grep -q '^restart the broker' "$said"; then
            restarted=yes
            sleep 0.5
            stop_broker
            sleep 1
            start_broker again
        fi
        sleep 0.1
    done
    wait "$emulator" || code=$?
    emulator=
    if [[ $code != 0 ]]; then
        sed "s/^/    /" "$said" >&2
        sed "s/^/    mosquitto: /" "$work/mosquitto.log" | tail -n 20 >&2
        fail "$image ended with code $code after $((SECONDS - begin)) s (124: it took too long)"
    fi
    took=$((SECONDS - begin))
}


# shellcheck shell=bash
# What the server starters share: sourced by kafka.sh and influxd.sh, never run.
#
# Linux only (/proc, flock, setsid). A server is known by the pid file in its state folder; the recorded pid counts only while the
# process behind it is still that server (each starter defines `is_ours PID`), because pids are reused.

# shellcheck disable=SC2034 # used by the starters
CACHE=${STREAMGAUGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/streamgauge}

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; }
die() { say "$*"; exit 1; }

# The comment block at the head of the starter is its manual.
usage() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"; }

need() {
  local tool
  for tool in "$@"; do command -v "$tool" >/dev/null || die "missing tool: $tool (Debian package: $(package_of "$tool"))"; done
}

package_of() {
  case $1 in
    java) echo 'default-jre-headless, 17 or newer' ;;
    mvn) echo maven ;;
    go) echo 'golang-go, 1.23 or newer' ;;
    cc) echo gcc ;;
    *) echo "$1" ;;
  esac
}

port_free() { ! port_taken "$1"; }
port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# wait_until SECONDS COMMAND…: polls the command; false when the time has passed.
wait_until() {
  local deadline=$((SECONDS + $1)); shift
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.1
  done
}

recorded_pid() { cat "$STATE/pid" 2>/dev/null; }
running() { local pid; pid=$(recorded_pid) && is_ours "$pid"; }
# A dead process that nobody has waited for (a container without an init) still takes signals: its state tells.
gone() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null; }

# stop_recorded: SIGTERM, and SIGKILL after 15 s, to the recorded server; nothing when it is not running.
stop_recorded() {
  local pid
  if running; then
    pid=$(recorded_pid)
    kill "$pid"
    wait_until 15 gone "$pid" || { say "pid $pid ignores SIGTERM: killing it"; kill -9 "$pid"; wait_until 5 gone "$pid" || true; }
    await_free_port "$pid"
    say "stopped pid $pid"
  fi
  rm -f "$STATE/pid"
}

# await_free_port PID: a process is called dead while its last threads still hold its sockets.
await_free_port() {
  wait_until 15 port_free "$PORT" || die "pid $1 has ended, and port $PORT is still taken"
}

# crash_recorded: SIGKILL to the recorded server, as when its machine is lost.
crash_recorded() {
  local pid
  running || die "not running"
  pid=$(recorded_pid)
  kill -9 "$pid"
  await_free_port "$pid"
  rm -f "$STATE/pid"
}

# leave_with OWNER: starts a detached watcher that takes the server down when the process OWNER ends, however it ends.
leave_with() {
  setsid "$0" --port "$PORT" watch "$1" "$(recorded_pid)" </dev/null >/dev/null 2>&1 8>&- &
}

# watch OWNER PID: the watcher itself. It leaves the port alone when another server has it by then.
watch() {
  until gone "$1"; do
    gone "$2" && return 0
    sleep 0.5
  done
  if [ "$(recorded_pid)" = "$2" ]; then down; fi
}

# One caller at a time per state folder; the lock is held on descriptor 8 until the starter ends, and never by the server.
lock_state() {
  mkdir -p "$(dirname "$STATE")"
  exec 8>"$STATE.lock"
  flock 8
}

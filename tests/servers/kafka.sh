#!/usr/bin/env bash
# A real Apache Kafka broker for tests and benches: one KRaft node on 127.0.0.1, from the jars on Maven Central.
#
#   kafka.sh [options] fetch     download the jars into the cache, once
#   kafka.sh [options] check     can `up` start one with nothing to download? Says what is missing, exit 3
#   kafka.sh [options] up        fetch if needed, start, wait until it serves; prints its bootstrap address (only that) on stdout.
#                                A broker that this starter already has on the port is left as it is
#   kafka.sh [options] down      stop it and remove its data
#   kafka.sh [options] crash     kill it (SIGKILL) and keep its data, for `--keep up`
#   kafka.sh [options] status    prints the address and pid, or `down` with exit 3
#
#   --port N      plaintext listener; N+1 is the controller, N+2 a SASL listener          ($KAFKA_PORT or 19092)
#   --keep        `up` on the data of an earlier broker, `down` without removing it
#   --owner PID   `up` only: take the broker down when that process ends
#
#   KAFKA_HEAP    heap of the broker (512m)
#   KAFKA_CPUS    list of CPUs it may run on, for benches (all)
#   KAFKA_EXTRA   more lines for server.properties
#   KAFKA_PROXY   one more plaintext listener, N+3, which sends its clients to this port: for a proxy that passes on to N+3
#   STREAMGAUGE_CACHE   where jars and state live (${XDG_CACHE_HOME:-~/.cache}/streamgauge)
#
# Several brokers live side by side on ports at least three apart (four with KAFKA_PROXY). SASL users: PLAIN alice / alice-secret, SCRAM-SHA-256 bob / bob-secret.
# Needs a Java runtime, 17 or newer, and Maven for the first download.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

VERSION=4.3.1
PORT=${KAFKA_PORT:-19092}
KEEP=no
OWNER=
JAVA=${JAVA_HOME:+$JAVA_HOME/bin/}java
JARS=$CACHE/kafka/$VERSION

is_ours() { tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -q -- "kafka.Kafka $STATE/server.properties"; }
started() { grep -q 'Kafka Server started' "$STATE/broker.log"; }
started_or_ended() { started || gone "$1"; }

java_is_new_enough() {
  local major
  major=$("$JAVA" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
  [ "${major:-0}" -ge 17 ]
}

check() {
  command -v "$JAVA" >/dev/null || { say "no java: install a Java runtime, 17 or newer (Debian: default-jre-headless)"; return 3; }
  java_is_new_enough || { say "Kafka $VERSION needs Java 17 or newer: install one, or point JAVA_HOME at it"; return 3; }
  [ -f "$JARS/.ok" ] || { say "the Kafka $VERSION jars are not in $JARS: run tests/servers/kafka.sh fetch"; return 3; }
}

# The mark `.ok` is written last and the folder is moved into place whole, so a download that was cut off is done again.
fetch() {
  [ ! -f "$JARS/.ok" ] || return 0
  need mvn flock
  mkdir -p "$CACHE/kafka"
  exec 9>"$CACHE/kafka/fetch.lock"
  flock 9
  if [ ! -f "$JARS/.ok" ]; then
    work=$(mktemp -d "$CACHE/kafka/fetch.XXXXXX") # global: the trap needs it
    trap 'rm -rf "$work"' EXIT
    say "downloading Kafka $VERSION from Maven Central into $JARS"
    write_pom >"$work/pom.xml"
    download || { say "download failed, once more"; download; } || die "Maven could not download Kafka $VERSION: see its messages above"
    touch "$work/lib/.ok"
    rm -rf "$JARS"
    mv "$work/lib" "$JARS"
  fi
  exec 9>&-
}

download() {
  mvn --quiet --batch-mode --file "$work/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$work/lib" >&2
}

# The broker logs through slf4j 1.7; without a binding it would start in silence, and `up` waits for a line of its log.
write_pom() {
  cat <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>streamgauge.tests</groupId>
  <artifactId>kafka-broker</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$VERSION</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
XML
}

write_properties() {
  local controller=$((PORT + 1)) sasl=$((PORT + 2)) proxied='' advertised=''
  if [ -n "${KAFKA_PROXY:-}" ]; then
    proxied=,PROXIED://127.0.0.1:$((PORT + 3))
    advertised=,PROXIED://127.0.0.1:$KAFKA_PROXY
  fi
  cat <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$PORT,SASL://127.0.0.1:$sasl,CONTROLLER://127.0.0.1:$controller$proxied
advertised.listeners=PLAINTEXT://127.0.0.1:$PORT,SASL://127.0.0.1:$sasl$advertised
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256
listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="alice-secret";
listener.name.sasl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
log.dirs=$STATE/data
log.retention.check.interval.ms=3600000
num.partitions=4
# A topic that a test forgot to create must fail, not appear with defaults.
auto.create.topics.enable=false
# One broker: whatever Kafka keeps for itself has one replica.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# Tests should not wait: no pause before the first rebalance, short session time-outs allowed, transactions of killed producers
# aborted within a second of their time-out (the default looks every ten).
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
num.network.threads=2
num.io.threads=4
${KAFKA_EXTRA:-}
PROPERTIES
}

format_storage() {
  local cluster
  # A Kafka id: 16 random bytes in URL-safe base64; the tools take a leading dash for an option.
  cluster=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=' | sed 's/^-/A/')
  "$JAVA" -Xmx128m -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$JARS/*" kafka.tools.StorageTool format \
    --cluster-id "$cluster" --add-scram 'SCRAM-SHA-256=[name=bob,password=bob-secret]' --config "$STATE/server.properties" \
    >"$STATE/format.log" 2>&1 || { cat "$STATE/format.log" >&2; die "formatting $STATE/data failed"; }
}

launch() {
  local heap=${KAFKA_HEAP:-512m}
  : >"$STATE/broker.log"
  # shellcheck disable=SC2086 # KAFKA_CPUS, when set, adds two words.
  setsid ${KAFKA_CPUS:+taskset -c $KAFKA_CPUS} "$JAVA" "-Xms$heap" "-Xmx$heap" -XX:+UseG1GC -XX:+ExitOnOutOfMemoryError \
    -Dorg.slf4j.simpleLogger.defaultLogLevel=info -Dorg.slf4j.simpleLogger.showDateTime=true \
    -Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS \
    -cp "$JARS/*" kafka.Kafka "$STATE/server.properties" </dev/null >"$STATE/broker.log" 2>&1 8>&- &
  echo $! >"$STATE/pid"
}

up() {
  local port pid
  fetch
  check || exit 3
  lock_state
  if running && started; then
    say "already up, pid $(recorded_pid)"
  else
    stop_recorded
    for port in "$PORT" $((PORT + 1)) $((PORT + 2)) ${KAFKA_PROXY:+$((PORT + 3))}; do
      ! port_taken "$port" || die "port $port is taken by another program: choose another with --port"
    done
    [ "$KEEP" = yes ] || rm -rf "$STATE"
    mkdir -p "$STATE/data"
    write_properties >"$STATE/server.properties"
    [ -f "$STATE/data/meta.properties" ] || format_storage
    launch
    pid=$(recorded_pid)
    wait_until 90 started_or_ended "$pid" || true
    started || { tail -n 30 "$STATE/broker.log" >&2; stop_recorded; die "the broker did not start: see the end of its log above"; }
    say "up on port $PORT, pid $pid, SASL on port $((PORT + 2))"
  fi
  [ -z "$OWNER" ] || leave_with "$OWNER"
  echo "127.0.0.1:$PORT"
}

down() {
  lock_state
  stop_recorded
  [ "$KEEP" = yes ] || rm -rf "$STATE" "$STATE.lock"
}

crash() {
  lock_state
  crash_recorded
}

status() {
  if running && started; then echo "up 127.0.0.1:$PORT pid $(recorded_pid)"; else echo down; return 3; fi
}

while [ $# -gt 0 ]; do
  case $1 in
    --port) PORT=${2:?--port needs a number}; shift 2 ;;
    --owner) OWNER=${2:?--owner needs a process id}; shift 2 ;;
    --keep) KEEP=yes; shift ;;
    *) break ;;
  esac
done
STATE=$CACHE/kafka/run-$PORT

case ${1:-} in
  fetch | check | up | down | crash | status) "$1" ;;
  watch) watch "$2" "$3" ;;
  *) usage >&2; exit 2 ;;
esac

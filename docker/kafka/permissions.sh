#!/bin/bash
# What the users of the SASL_SSL listener may do: write transactions, read results, and nothing else. Safe to run again. Everybody on the plain listener, which
# is this machine's alone, may do everything.
set -euo pipefail
export CLASSPATH=${STREAMLAB_JARS:-/opt/kafka/libs}/*
inside=127.0.0.1:${STREAMLAB_INSIDE_PORT:-29092}
read -r -a options <<<"-Xmx128m ${KAFKA_LOG4J_OPTS:-}"

allow() { java "${options[@]}" org.apache.kafka.tools.AclCommand --bootstrap-server "$inside" --add --allow-principal "$@" >/dev/null; }
allow User:writer --producer --topic "${STREAMLAB_KAFKA_WRITABLE:-transactions}"
allow User:reader --consumer --group '*' --topic "${STREAMLAB_KAFKA_READABLE:-results}"

#!/bin/bash
# One node of Apache Kafka, broker and controller in one (KRaft). Its settings and secrets come from the environment; passwords appear on no command
# line and in no file that outlives the container: /tmp is memory.
set -euo pipefail
umask 077

need() {
  for name in "$@"; do
    if [[ -z ${!name:-} ]]; then
      echo "Cannot start Apache Kafka ($name is empty). Run \"streamlab up --kafka docker\", which writes it to .env." >&2
      exit 1
    fi
  done
}
need STREAMLAB_NODE_ID STREAMLAB_NODE_HOST STREAMLAB_VOTERS STREAMLAB_ADVERTISED_PORT STREAMLAB_KAFKA_CLUSTER_ID \
  STREAMLAB_KAFKA_WRITER_PASSWORD STREAMLAB_KAFKA_READER_PASSWORD STREAMLAB_KAFKA_TLS_KEY STREAMLAB_KAFKA_TLS_CERTIFICATE

work=${STREAMLAB_WORK:-/tmp/streamlab}
data=${STREAMLAB_DATA:-/var/lib/kafka/data}
bind=${STREAMLAB_BIND:-0.0.0.0}
lab_port=${STREAMLAB_LAB_PORT:-9092}
secure_port=${STREAMLAB_SECURE_PORT:-9091}
inside_port=${STREAMLAB_INSIDE_PORT:-29092}
controller_port=${STREAMLAB_CONTROLLER_PORT:-9093}
export CLASSPATH=${STREAMLAB_JARS:-/opt/kafka/libs}/*
mkdir -p "$work"

# A text with line ends as a value of a .properties file.
value() { local text; text=$(base64 -d <<<"$1"); printf '%s' "${text//$'\n'/\\n}"; }

voters=${STREAMLAB_VOTERS//[^,]/}
copies=$((${#voters} + 1))
in_sync=$((copies > 1 ? 2 : 1))

cat >"$work/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=$STREAMLAB_NODE_ID
controller.quorum.voters=$STREAMLAB_VOTERS
controller.listener.names=CONTROLLER
inter.broker.listener.name=INSIDE
listeners=LAB://$bind:$lab_port,SECURE://$bind:$secure_port,INSIDE://$bind:$inside_port,CONTROLLER://$bind:$controller_port
advertised.listeners=LAB://127.0.0.1:$STREAMLAB_ADVERTISED_PORT,SECURE://localhost:${STREAMLAB_ADVERTISED_SECURE_PORT:-9091},INSIDE://$STREAMLAB_NODE_HOST:$inside_port
listener.security.protocol.map=LAB:PLAINTEXT,SECURE:SASL_SSL,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT
listener.name.secure.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.key=$(value "$STREAMLAB_KAFKA_TLS_KEY")
listener.name.secure.ssl.keystore.certificate.chain=$(value "$STREAMLAB_KAFKA_TLS_CERTIFICATE")
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
log.dirs=$data/log
auto.create.topics.enable=false
num.partitions=3
default.replication.factor=$copies
min.insync.replicas=$in_sync
offsets.topic.replication.factor=$copies
transaction.state.log.replication.factor=$copies
transaction.state.log.min.isr=$in_sync
share.coordinator.state.topic.replication.factor=$copies
share.coordinator.state.topic.min.isr=$in_sync
group.initial.rebalance.delay.ms=0
PROPERTIES

# The storage tool takes users on its command line only; Java reads that from a file.
cat >"$work/format.args" <<ARGUMENTS
-Xmx128m
kafka.tools.StorageTool
format
--cluster-id=$STREAMLAB_KAFKA_CLUSTER_ID
--config=$work/server.properties
--ignore-formatted
--add-scram
"SCRAM-SHA-512=[name=writer,password=$STREAMLAB_KAFKA_WRITER_PASSWORD]"
--add-scram
"SCRAM-SHA-512=[name=reader,password=$STREAMLAB_KAFKA_READER_PASSWORD]"
ARGUMENTS
# What it prints names the users' keys; what fails it says on stderr.
java "@$work/format.args" >/dev/null
rm "$work/format.args"

unset STREAMLAB_KAFKA_WRITER_PASSWORD STREAMLAB_KAFKA_READER_PASSWORD STREAMLAB_KAFKA_TLS_KEY STREAMLAB_KAFKA_TLS_CERTIFICATE
read -r -a options <<<"${KAFKA_HEAP_OPTS:--Xmx512m} ${KAFKA_LOG4J_OPTS:-}"
exec java "${options[@]}" -Djava.io.tmpdir="${TMPDIR:-/tmp}" kafka.Kafka "$work/server.properties"

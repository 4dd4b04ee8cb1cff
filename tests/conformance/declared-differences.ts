import type { DeclaredDifference } from "./harness/differences.ts";

/** Where the embedded broker answers differently on purpose. The list is short, and each entry must occur. */
export const declaredDifferences: readonly DeclaredDifference[] = [
  {
    name: "topics at once",
    reason:
      "A topic that is made because a client asked about it is in the answer. Kafka answers that it does not know it yet, and clients ask again.",
    step: /^metadata › raw › Metadata v\d+: a topic is made where it is asked for$/,
    path: /^topics\[0\]\./,
  },
  {
    name: "no fetch sessions",
    reason: "Every fetch is answered in full, with session id 0 (KIP-227): clients then go on without sessions.",
    step: /^fetch › raw › Fetch v\d+: a new session is wanted \(epoch 0\)$/,
    path: /^sessionId$/,
  },
  {
    name: "whole batches",
    reason: "Kafka fills an answer up to its limit with the beginning of a batch, which clients drop. Here only whole batches are sent.",
    step: /^fetch › raw › Fetch v\d+: as many bytes as the partition's limit allows$/,
    path: /^responses\[0\]\.records\[2\]$/,
    kafka: /"cut"/,
  },
  {
    name: "no elections",
    reason: "One node has no leaders to elect: ElectLeaders is not served.",
    step: /^metadata › java › kafka-leader-election /,
    path: /./,
  },
  {
    name: "no eligible leader replicas",
    reason:
      "What Kafka 4 chooses leaders from (KIP-966) has no meaning on one node: DescribeTopicPartitions is not served, and min.insync.replicas is a default like others, where Kafka sets it dynamically.",
    step: /^(topics › java › kafka-topics --describe|configs › (raw|java) › )/,
    path: /./,
    kafka: /Elr: |min\.insync\.replicas|^3$/,
  },
  {
    name: "documentation in our words",
    reason: "What DescribeConfigs tells of a config is written for this broker.",
    step: /^configs › raw › /,
    path: /\.documentation$/,
  },
  {
    name: "another request within a login",
    reason: "The broker ends the connection. Kafka answers with an error first, and ends it then.",
    step: /^security › raw › ApiVersions is answered before the login, nothing else is$/,
    path: /^\[3\]$/,
  },
  {
    name: "SCRAM of librdkafka 2.0",
    reason:
      "The kcat of Debian 12 logs in here with SCRAM; Kafka 4.3.1 refuses its proof for the same user, salt and iterations, while it takes those of kafkajs, Java and the frames.",
    step: /^security › kcat › SCRAM-SHA-(256|512) over TLS$/,
    path: /^read\./,
  },
  {
    name: "groups that are not there",
    reason: "DescribeGroups is served up to version 5, which calls them dead; version 6 knows an error for them (KIP-1043).",
    step: /^groups › java › kafka-consumer-groups of a group that is not there$/,
    path: /./,
  },
];

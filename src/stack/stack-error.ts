import { StreamlabError, type Problem } from "../base/errors.ts";

/** What can go wrong with the servers of a profile. */
export type StackErrorCode =
  | "PORT_IN_USE"
  | "SERVICE_FAILED"
  | "SERVICE_TIMEOUT"
  | "UNKNOWN_BACKEND"
  | "INVALID_CONFIG"
  | "ALREADY_UP"
  | "NOT_REACHABLE"
  | "JAVA_MISSING"
  | "MAVEN_MISSING"
  | "KAFKA_JARS"
  | "DOCKER_MISSING"
  | "DOCKER_NOT_RUNNING"
  | "DOCKER_NOT_ALLOWED"
  | "COMPOSE_MISSING"
  | "DOCKER_IMAGE"
  | "DOCKER_SECRETS"
  | "NOT_CONFIRMED";

export class StackError extends StreamlabError {
  constructor(code: StackErrorCode, problem: Problem) {
    super(code, problem);
  }
}

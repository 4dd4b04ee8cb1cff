import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { saslAuthenticateApi } from "../../kafka-protocol/messages/sasl-authenticate.ts";
import { saslHandshakeApi } from "../../kafka-protocol/messages/sasl-handshake.ts";
import { handlerOf, type ApiHandler } from "../api-handler.ts";

/** SaslHandshake where no login is due: the connection does it itself before the first other request. */
export const saslHandshakeHandler: ApiHandler = handlerOf(saslHandshakeApi, [0, 1], () => ({
  errorCode: errorCodes.ILLEGAL_SASL_STATE,
  mechanisms: [],
}));

/** SaslAuthenticate where no login is due. */
export const saslAuthenticateHandler: ApiHandler = handlerOf(saslAuthenticateApi, [0, 2], () => ({
  errorCode: errorCodes.ILLEGAL_SASL_STATE,
  errorMessage: "SaslAuthenticate request received after successful authentication",
  authBytes: Buffer.alloc(0),
}));

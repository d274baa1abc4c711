/** Result and error codes of StopCCN and CDN: every code with its name in code and its text for people. */

interface CodeRow {
  readonly code: number;
  readonly text: string;
}

/** TABLE: result codes of StopCCN (RFC 3931 §5.4.2, RFC 3308 §6). */
const stopCcnCodes = {
  reserved: { code: 0, text: "reserved" },
  requested: { code: 1, text: "closed by its operator" },
  generalError: { code: 2, text: "general error" },
  alreadyExists: { code: 3, text: "a control connection already exists" },
  notAuthorized: { code: 4, text: "not authorized" },
  versionUnsupported: { code: 5, text: "protocol version not supported" },
  outOfService: { code: 6, text: "it goes out of service" },
  stateMachine: { code: 7, text: "state machine error or timeout" },
  dsUnsupported: { code: 8, text: "control connection DS value not supported" },
} as const satisfies Record<string, CodeRow>;

/** TABLE: result codes of CDN (RFC 3931 §5.4.2; later ones: RFC 3308, 4349, 4454, 4591, 4667, 5611, 6073). */
const cdnCodes = {
  reserved: { code: 0, text: "reserved" },
  circuitDisconnected: { code: 1, text: "circuit disconnected" },
  generalError: { code: 2, text: "general error" },
  administrative: { code: 3, text: "closed by its operator" },
  noFacilities: { code: 4, text: "no facilities at the moment" },
  noFacilitiesPermanent: { code: 5, text: "no facilities" },
  invalidDestination: { code: 6, text: "invalid destination" },
  noCarrier: { code: 7, text: "no carrier detected" },
  busy: { code: 8, text: "busy signal detected" },
  noDialTone: { code: 9, text: "no dial tone" },
  notInTime: { code: 10, text: "not established in time" },
  noFraming: { code: 11, text: "no framing detected" },
  dsUnsupported: { code: 12, text: "session DS value not supported" },
  tieLost: { code: 13, text: "its own call won the tie" },
  pseudowireTypeUnsupported: { code: 14, text: "pseudowire type not supported" },
  sequencingWithoutSublayer: { code: 15, text: "sequencing without a sublayer" },
  stateMachine: { code: 16, text: "state machine error or timeout" },
  pvcDeleted: { code: 17, text: "PVC permanently deleted" },
  pvcInactive: { code: 18, text: "PVC inactive for a long time" },
  frHeaderMismatch: { code: 19, text: "mismatched FR header length" },
  hdlcDeleted: { code: 20, text: "HDLC link deleted" },
  hdlcInactive: { code: 21, text: "HDLC link inactive for a long time" },
  oamCellsUnsupported: { code: 22, text: "OAM cell emulation not supported" },
  mtuMismatch: { code: 23, text: "interface MTU differs" },
  noForwarder: { code: 24, text: "it has no such pseudowire" },
  notAuthorized: { code: 25, text: "not authorized for its pseudowire" },
  loop: { code: 26, text: "loop detected" },
  boundToOtherPe: { code: 27, text: "attachment circuit bound to a different PE" },
  boundToOtherCircuit: { code: 28, text: "attachment circuit bound to a different remote circuit" },
  tdmMismatch: { code: 30, text: "mismatching TDM parameters" },
  sequencingUnsupported: { code: 31, text: "sequencing not supported" },
} as const satisfies Record<string, CodeRow>;

/** TABLE: general error codes, meaningful with result code 2 (RFC 3931 §5.4.2). */
const generalErrorCodes = {
  none: { code: 0, text: "no general error" },
  noControlConnection: { code: 1, text: "no control connection exists yet" },
  length: { code: 2, text: "wrong length" },
  outOfRange: { code: 3, text: "value out of range" },
  insufficientResources: { code: 4, text: "insufficient resources" },
  invalidSessionId: { code: 5, text: "invalid session ID" },
  vendorSpecific: { code: 6, text: "vendor-specific error" },
  tryAnother: { code: 7, text: "try another LCCE" },
  unknownMandatoryAvp: { code: 8, text: "unknown mandatory AVP" },
  tryAnotherDirected: { code: 9, text: "try another LCCE, as directed" },
} as const satisfies Record<string, CodeRow>;

type Numbers<Table extends Record<string, CodeRow>> = { readonly [Name in keyof Table]: Table[Name]["code"] };

function numbersOf<Table extends Record<string, CodeRow>>(table: Table): Numbers<Table> {
  return Object.fromEntries(Object.entries(table).map(([name, { code }]) => [name, code])) as Numbers<Table>;
}

function textsOf(table: Readonly<Record<string, CodeRow>>): ReadonlyMap<number, string> {
  return new Map(Object.values(table).map(({ code, text }) => [code, text]));
}

/** StopCCN result codes by name. */
export const stopResult = numbersOf(stopCcnCodes);
/** CDN result codes by name. */
export const cdnResult = numbersOf(cdnCodes);
/** General error codes by name. */
export const generalError = numbersOf(generalErrorCodes);
/** Result code "general error", the same in StopCCN and CDN. */
export const RESULT_GENERAL_ERROR = stopResult.generalError;

/** Texts of StopCCN result codes; "its" and "it" are the sender's. */
export const stopCcnResultTexts = textsOf(stopCcnCodes);
/** Texts of CDN result codes; "its" and "it" are the sender's. */
export const cdnResultTexts = textsOf(cdnCodes);
/** Texts of general error codes. */
export const generalErrorTexts = textsOf(generalErrorCodes);

import type { Level } from "./levels.ts";

/** What an event is: when it is published, at which levels, and with which fields. */
interface EventRow {
  readonly levels: readonly Level[];
  /** For people; whole sentences without the last dot. */
  readonly help: string;
  readonly fields: readonly EventField[];
}

/**
 * TABLE: fields of events, and what they are. One name means one thing, in all events; `event`, `time`,
 * `level`, `text` and `id` or `pid` are in each, and not here.
 */
export const eventFields = {
  tunnel: "the tunnel, as the configuration names it",
  pseudowire: "the pseudowire, as the configuration names it",
  bridge: "the bridge",
  device: "the interface or TAP device",
  devices: "the two interfaces",
  from: "where it came from or was before: an address, both ends of a path, a plane, a state, or a port",
  to: "where it is now: an address, both ends of a path, or a state",
  by: "the port by which frames come back",
  blocked: "the port that is blocked",
  hostName: "the Host Name that the sender gave, which proves nothing",
  cause: "what brought it about, in a word",
  reason:
    "why, for people; of discards, storms and control messages the name of the reason, as in discards.md",
  detail: "why, for people",
  problem: "what went wrong, for people",
  result: "the peer's Result Code: `resultCode`, `errorCode`, and the peer's `words`",
  connectionCause: "where the control connection ended, the `cause` of that",
  wasUpMs: "for how long it was up before, in ms",
  wasDownMs: "for how long it was down before, in ms",
  downs: "how often it went down",
  more: "how many such events were left out at once",
  action: "what was done by hand: `down`, `up` or `bounce`",
  added: "how many more notes there are that were not told one by one",
  removed: "how many more notes were resolved that were not told one by one",
  count: "how many frames it were so far",
  frames: "how many frames were dropped",
  forMs: "for how long it went on, in ms",
  limit: "the limit",
  learnt: "how many MAC addresses the bridge has learnt",
  note: "the note, as in the status",
  up: "whether the circuit is up",
  on: "whether the device was switched on, or off",
  location: "where in the configuration file it stands",
  plane: "the plane: `ebpf` or `userspace`",
  sessions: "how many sessions",
  directory: "where programs were pinned",
  state:
    "of a bug the state of the daemon; of a path MTU the state of its search; of a channel `up` or `down`",
  stack: "of a bug the place in the program",
  diagnostic: "what the protocol on the control channel says beside its state",
  choice: "who segments: the interface (`offload`) or we (`segment`)",
  octets: "the largest packet that the path takes, in octets",
  direction: "`sent` or `received`",
  message: "the message, as the RFCs name it",
  controlConnectionId: "the Control Connection ID in the header: the receiver's",
  ns: "Ns of the message",
  nr: "Nr of the message",
  messageOctets: "octets of the message",
  avps: "its AVPs but the first, which is the Message Type: `name` and `text` of each",
  moreAvps: "how many more AVPs there are",
  localControlConnectionId: "our id of the control connection",
  localSessionId: "our id of the session",
  followed: "whether the peer is followed",
  moves: "how often it was followed so far",
  name: "the name that was asked for",
  localAddress: "our address",
  localPort: "our UDP port",
  remoteAddress: "the peer's address",
  remotePort: "the peer's UDP port",
  version: "the version of Wirespan",
  config: "the configuration file",
  tookMs: "how long the start took, in ms",
  tunnels: "how many tunnels there are",
  waiting: "how many of them wait, or how many problems there are",
  goesOn: "whether forwarding goes on meanwhile",
  otherPid: "the process of the other daemon",
  steps: "how many steps the plan has",
  step: "the step, as `wirespan reload` prints it",
  leftMs: "the time that is left, in ms",
  changed: "whether anything was changed",
  listen: "the address and port, or the path, where HTTP is listened for",
  status: "the status of the answer",
} as const satisfies Readonly<Record<string, string>>;

export type EventField = keyof typeof eventFields;

const upOrDown = ["cause", "reason", "connectionCause", "result", "wasUpMs", "more"] as const;

/**
 * TABLE: all events of the daemon, by their stable names: those that its log has and the API sends. What is
 * not here does not compile where it is published.
 */
export const eventTable = {
  start: { levels: ["info"], fields: ["version", "config"], help: "The daemon starts" },
  privileges: { levels: ["info"], fields: [], help: "With which capabilities it runs" },
  started: {
    levels: ["info"],
    fields: ["tookMs", "tunnels", "waiting"],
    help: "Every tunnel of the file was opened, or waits",
  },
  stop: { levels: ["info"], fields: ["cause"], help: "The daemon stops: by a signal, or for another daemon" },
  stopped: { levels: ["info"], fields: [], help: "Everything is closed" },
  "take-over": {
    levels: ["info"],
    fields: ["otherPid", "goesOn"],
    help: "This daemon takes over from another one, or finds none",
  },
  "hand-over": { levels: ["info"], fields: ["goesOn"], help: "Another daemon takes over from this one" },
  adopted: {
    levels: ["info"],
    fields: ["plane", "sessions", "directory"],
    help:
      "The programs of a daemon that crashed or handed over were found and adopted; on the userspace " +
      "plane, ended",
  },
  fatal: {
    levels: ["fatal"],
    fields: ["problem", "stack", "state"],
    help:
      "Why the daemon ends, or does not start: one event for each problem of the file; a bug has " +
      "`stack` and `state`",
  },
  plane: {
    levels: ["info", "fatal"],
    fields: ["plane", "reason", "problem"],
    help: "Which plane was chosen, and why; fatal: it broke, and the daemon stops",
  },
  transport: { levels: ["warn"], fields: ["problem"], help: "A socket of the tunnels has a problem" },
  secret: { levels: ["warn"], fields: ["tunnel"], help: "The file of a secret can be read by others" },
  reload: {
    levels: ["info"],
    fields: ["steps", "more"],
    help: "The configuration is reloaded; each step follows, up to a hundred of them",
  },
  "reload-step": {
    levels: ["info"],
    fields: ["step"],
    help: "A step of the plan, or a tunnel that waits no more",
  },
  "reload-loss": {
    levels: ["info"],
    fields: ["detail"],
    help: "Which pseudowires lose frames by the reload, and until when",
  },
  "reload-unconfirmed": {
    levels: ["warn"],
    fields: ["leftMs"],
    help:
      "The configuration has to be confirmed, or the one before comes back: told when it was applied, at " +
      "half the time, and for each reload that is refused meanwhile",
  },
  "reload-confirmed": { levels: ["info"], fields: [], help: "The configuration was confirmed, and stays" },
  "reload-undone": {
    levels: ["warn"],
    fields: ["reason"],
    help: "The configuration before comes back, or is started with, as the file was not confirmed",
  },
  "reload-problem": {
    levels: ["error"],
    fields: ["problem", "more"],
    help:
      "A mistake of the file, for which nothing was changed; or what waits after a reload, or was " +
      "left as it was",
  },
  reloaded: { levels: ["info"], fields: ["changed", "steps", "waiting"], help: "The reload is done" },
  "reload-refused": {
    levels: ["error"],
    fields: ["waiting"],
    help: "The file has mistakes, and nothing was changed; each is told before",
  },
  administration: {
    levels: ["info"],
    fields: ["tunnel", "pseudowire", "action"],
    help: "A tunnel or a pseudowire is closed or opened by hand: `down`, `up` or `bounce`",
  },
  "tunnel-up": {
    levels: ["info"],
    fields: ["tunnel", "wasDownMs", "cause", "reason", "wasUpMs", "more"],
    help:
      "The control connection of a tunnel is established; with `cause`: another one took the place of " +
      "the one before",
  },
  "tunnel-down": {
    levels: ["warn", "info"],
    fields: ["tunnel", ...upOrDown],
    help: "It is lost, and why; info: we closed it",
  },
  "pseudowire-up": {
    levels: ["info"],
    fields: ["tunnel", "pseudowire", "wasDownMs", "more"],
    help: "Frames pass: the session is established, and the circuits of both ends are up",
  },
  "pseudowire-down": {
    levels: ["warn", "info"],
    fields: ["tunnel", "pseudowire", ...upOrDown],
    help:
      "They pass no more, or for another reason than before; info: we closed it, or another " +
      "pseudowire has the circuit",
  },
  flapping: {
    levels: ["warn"],
    fields: ["tunnel", "pseudowire", "downs"],
    help:
      "It went down five times within ten minutes; from then on in place of each time up or down, " +
      "every ten minutes",
  },
  "flapping-over": {
    levels: ["info"],
    fields: ["tunnel", "pseudowire", "downs"],
    help: "It did not go down for ten minutes",
  },
  "control-connection": {
    levels: ["info"],
    fields: ["tunnel", "localControlConnectionId", "from", "to", "cause", "detail", "result", "more"],
    help: "A control connection changed its state (state-machines.md)",
  },
  session: {
    levels: ["info"],
    fields: [
      ...(["tunnel", "pseudowire", "localSessionId", "from", "to", "cause", "detail"] as const),
      ...(["connectionCause", "result", "more"] as const),
    ],
    help: "A session changed its state (state-machines.md)",
  },
  "authentication-failed": {
    levels: ["warn"],
    fields: ["tunnel", "from", "hostName", "detail"],
    help:
      "Control messages of a tunnel's peer, or of somebody at a tunnel of `any`, have no valid " +
      "digest: do both ends have the same secret?",
  },
  refused: {
    levels: ["info"],
    fields: ["tunnel", "from", "detail"],
    help: "An SCCRQ of a tunnel's peer was refused, and why",
  },
  "unknown-peer": {
    levels: ["info"],
    fields: ["from", "hostName", "reason"],
    help: "An SCCRQ is for no tunnel: by its address, or by its names for those of `any`",
  },
  "control-message": {
    levels: ["trace"],
    fields: [
      ...(["tunnel", "direction", "from", "to", "message", "controlConnectionId", "ns", "nr"] as const),
      ...(["messageOctets", "avps", "moreAvps", "problem"] as const),
    ],
    help:
      "A control message was sent or received, with its AVPs; of cookies, digests, nonces and hidden " +
      "values only how long they are",
  },
  "control-discard": {
    levels: ["debug"],
    fields: ["from", "reason"],
    help: "A control message was discarded",
  },
  tunnel: {
    levels: ["error", "warn", "info"],
    fields: [
      ...(["tunnel", "problem", "location"] as const),
      ...(["localAddress", "localPort", "remoteAddress", "remotePort"] as const),
    ],
    help: "A tunnel waits and why, is open, has other ends now, or stays at ends that are gone",
  },
  name: {
    levels: ["warn", "info"],
    fields: ["tunnel", "name", "problem"],
    help: "The name of a tunnel's peer cannot be looked up, and why; info: it can again",
  },
  "path-moved": {
    levels: ["info"],
    fields: ["tunnel", "from", "to", "detail"],
    help: "A connection and its sessions use another path",
  },
  "path-refuted": {
    levels: ["info"],
    fields: ["tunnel", "from", "to", "detail"],
    help: "Something of the peer came from `to`, but it does not answer there, or answers where it was",
  },
  "path-doubted": {
    levels: ["info"],
    fields: ["tunnel", "from", "to", "detail"],
    help:
      "The data of a tunnel's peer stopped, and it did not answer at once where it was; its name is " +
      "asked for",
  },
  "path-held": {
    levels: ["warn"],
    fields: ["tunnel", "from", "to", "detail"],
    help: "The path moved ten times within a minute, and stays for a minute",
  },
  "peer-moved": {
    levels: ["info", "warn"],
    fields: ["tunnel", "from", "to", "followed", "moves"],
    help:
      "A static tunnel follows its peer (`follow: cookie`); warn: it does not, for the peer has moved " +
      "too often",
  },
  "path-mtu": {
    levels: ["info", "warn"],
    fields: ["tunnel", "octets", "state", "to", "problem"],
    help:
      "The path MTU of a tunnel is another, as measured; without `octets` it is not known; warn: it " +
      "cannot be measured or used",
  },
  circuit: {
    levels: ["info", "warn", "error"],
    fields: ["device", "pseudowire", "bridge", "up", "on", "problem", "location"],
    help: "An attachment circuit is up or down, was switched on or off, or cannot be attached, and why",
  },
  forwarding: {
    levels: ["error"],
    fields: ["tunnel", "pseudowire", "problem"],
    help: "No plane can carry the session of a pseudowire, which is closed",
  },
  "plane-changed": {
    levels: ["info", "warn"],
    fields: ["tunnel", "pseudowire", "plane", "reason", "from", "more"],
    help:
      "A pseudowire moved to another plane, or stays for another reason; warn: a call of the kernel " +
      "failed, which is tried again",
  },
  "channel-status": {
    levels: ["warn", "info"],
    fields: ["tunnel", "pseudowire", "state", "diagnostic", "more"],
    help: "What a protocol on the control channel says of a session, at each change",
  },
  gso: {
    levels: ["info"],
    fields: ["tunnel", "choice", "reason", "more"],
    help: "Who segments the GSO packets of a tunnel on the eBPF plane, and why; also when that changes",
  },
  discards: {
    levels: ["warn"],
    fields: ["tunnel", "pseudowire", "reason", "count", "more"],
    help:
      "Frames of a session begin to be discarded as `wrong-cookie`, `wrong-peer`, `path-mtu` or " +
      "`psn-error`",
  },
  "discards-over": {
    levels: ["info"],
    fields: ["tunnel", "pseudowire", "reason", "count", "forMs", "more"],
    help: "None was for 30 s, or the session is gone; `count`: how many it were since they began",
  },
  http: {
    levels: ["info", "warn"],
    fields: ["listen", "problem"],
    help: "HTTP is listened for at an address; warn: it cannot be, or the token cannot be read, and why",
  },
  "http-refused": {
    levels: ["info"],
    fields: ["from", "status"],
    help: "A request over HTTP was refused",
  },
  "service-manager": {
    levels: ["warn"],
    fields: ["problem"],
    help: "systemd cannot be told how things stand",
  },
  note: {
    levels: ["warn"],
    fields: ["tunnel", "pseudowire", "note", "added", "removed"],
    help: "Something looks wrong with a tunnel or pseudowire although it may be up, as in the status",
  },
  "note-gone": { levels: ["info"], fields: ["tunnel", "pseudowire", "note"], help: "It does no more" },
  bridge: {
    levels: ["info", "warn"],
    fields: ["bridge", "device", "problem"],
    help: "A bridge was made or removed, has another port, or is not as the file has it, and why",
  },
  loop: {
    levels: ["warn"],
    fields: ["bridge", "from", "by", "blocked"],
    help: "Frames of a bridge that leave by the port `from` come back by another",
  },
  "loop-gone": { levels: ["info"], fields: ["bridge", "from", "by", "blocked"], help: "They do no more" },
  "port-blocked": { levels: ["warn"], fields: ["bridge", "device"], help: "A port is blocked for a loop" },
  "port-open": {
    levels: ["info"],
    fields: ["bridge", "device"],
    help: "A port that was blocked for a loop is open again, for whatever reason",
  },
  duplicates: {
    levels: ["warn"],
    fields: ["bridge", "devices"],
    help: "Two pseudowires lead to the same bridge, so that broadcasts arrive twice",
  },
  "duplicates-gone": { levels: ["info"], fields: ["bridge", "devices"], help: "They do no more" },
  "mac-limit": {
    levels: ["warn"],
    fields: ["bridge", "learnt", "limit"],
    help: "A bridge has learnt as many MAC addresses as `mac_limit` allows",
  },
  "mac-limit-over": {
    levels: ["info"],
    fields: ["bridge", "learnt", "limit"],
    help: "It has been below that for 30 s, or the limit is gone",
  },
  storm: {
    levels: ["warn"],
    fields: ["bridge", "device", "reason", "frames", "limit", "more"],
    help: "Frames beyond a storm limit of a port are dropped",
  },
  "storm-over": {
    levels: ["info"],
    fields: ["bridge", "device", "reason", "frames", "forMs"],
    help: "None was for 30 s, or the limit is gone; with how many there were",
  },
} as const satisfies Readonly<Record<string, EventRow>>;

export type EventName = keyof typeof eventTable;

/** The fields of an event: its name as `event`, and what its row lists. */
type FieldsOfEvent<Name extends EventName> = {
  readonly event: Name;
} & { readonly [Field in (typeof eventTable)[Name]["fields"][number]]?: unknown };

/** The fields of any event of a level: with its name go the fields that the table has for it. */
export type EventFields<At extends Level = Level> = {
  readonly [Name in EventName]: Extract<(typeof eventTable)[Name]["levels"][number], At> extends never
    ? never
    : FieldsOfEvent<Name>;
}[EventName];

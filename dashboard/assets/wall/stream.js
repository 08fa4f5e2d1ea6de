// The line to the hub: a snapshot, then numbered deltas; reconnects for ever.

const RETRY_MS = { first: 500, most: 5000 };
const SILENT_MS = 6000;
/** A message that is so much later than the quickest one was is of a line that cannot follow, or this clock was set: begin anew. */
const BEHIND_MS = 15_000;

/**
 * @typedef {{type: "snapshot" | "delta" | "outcome", epoch: string, seq: number, server_at: number, [block: string]: any}} Message
 */

export class Stream {
  /** @param {(message: Message) => void} take */
  constructor(take) {
    this.take = take;
    this.epoch = "";
    this.seq = -1;
    this.waitMs = RETRY_MS.first;
    this.heardAt = this.heardOnWallAt = 0;
    this.offsetMs = 0;
    /** @type {WebSocket | null} */
    this.socket = null;
  }

  open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/stream`);
    this.socket = socket;
    this.heardNow();
    socket.onmessage = (event) => this.hear(socket, JSON.parse(event.data));
    socket.onclose = () => this.again(socket);
    setTimeout(() => this.watch(socket), 1000);
  }

  /** Wall-clock time of the server. */
  serverNow() {
    return Date.now() + this.offsetMs;
  }

  heardNow() {
    [this.heardAt, this.heardOnWallAt] = [performance.now(), Date.now()];
  }

  /** How long the line has been silent, ms; a machine that slept counts by its wall clock, for its other one stood still. */
  silentMs() {
    const awakeMs = performance.now() - this.heardAt;
    const asleepMs = Date.now() - this.heardOnWallAt - awakeMs;
    return awakeMs + (asleepMs > BEHIND_MS ? asleepMs : 0);
  }

  /** Ask for a new snapshot by a new line. */
  renew() {
    this.socket?.close();
  }

  /** @param {WebSocket} socket @param {Message} message */
  hear(socket, message) {
    if (socket !== this.socket) return;
    this.heardNow();
    if (message.type === "outcome") {
      this.take(message);
      return;
    }
    const offsetMs = message.server_at - Date.now();
    if (message.type === "delta" && offsetMs < this.offsetMs - BEHIND_MS) {
      this.renew();
      return;
    }
    // the quickest message knows the server's clock best: by a slow one an old picture would look new
    this.offsetMs = message.type === "snapshot" ? offsetMs : Math.max(this.offsetMs, offsetMs);
    if (message.type === "delta") {
      if (message.epoch === this.epoch && message.seq <= this.seq) return;
      if (message.epoch !== this.epoch || message.seq !== this.seq + 1) {
        this.renew();
        return;
      }
    }
    this.epoch = message.epoch;
    this.seq = message.seq;
    this.waitMs = RETRY_MS.first;
    this.take(message);
  }

  /** @param {WebSocket} socket */
  again(socket) {
    if (socket !== this.socket) return;
    this.socket = null;
    setTimeout(() => this.open(), this.waitMs * (0.75 + Math.random() / 2));
    this.waitMs = Math.min(this.waitMs * 2, RETRY_MS.most);
  }

  /** A line that is open and silent is dead: a half-open socket never says so. @param {WebSocket} socket */
  watch(socket) {
    if (socket !== this.socket) return;
    if (this.silentMs() > SILENT_MS) {
      socket.onclose = null;
      socket.close();
      this.again(socket);
      return;
    }
    setTimeout(() => this.watch(socket), 1000);
  }
}

// What became of alarms whose places are held and that no page has any more: asked for, so that only what has left is said to have.

const AGAIN_MS = 1000;
const MOST = 1000;

export class HeldAlarms {
  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
    /** Alarm → its row as it is now, null = it has left. @type {Map<string, any>} */
    this.rows = new Map();
    this.busy = false;
    this.readAt = -Infinity;
    /** Whether what was read may be old. */
    this.old = false;
  }

  forget() {
    this.rows.clear();
  }

  /** @param {any[]} lost the alarms as they were seen last */
  async need(lost) {
    if (this.busy || (this.old && performance.now() - this.readAt < AGAIN_MS)) return;
    const wanted = this.old ? lost : lost.filter(({ id }) => !this.rows.has(id));
    if (!wanted.length) return;
    this.busy = true;
    this.old = false;
    this.readAt = performance.now();
    try {
      const found = await Promise.all(wanted.map(read));
      wanted.forEach(({ id }, index) => this.rows.set(id, found[index]));
      this.changed();
    } catch {
      this.old = true; // the server is away: ask again in a while
    } finally {
      this.busy = false;
    }
  }
}

/** By its place and kind, of which there are few: to ask for what has left would be an error. @param {any} row @returns {Promise<any>} */
async function read({ id, entity, kind_id }) {
  const response = await fetch(`/api/v1/alarms?${new URLSearchParams({ entity, kind: kind_id, limit: String(MOST) })}`);
  if (!response.ok) throw new Error(response.statusText);
  const { alarms } = await response.json();
  return alarms.find((/** @type {any} */ alarm) => alarm.id === id)?.wall ?? null;
}

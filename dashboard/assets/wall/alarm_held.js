// What became of alarms whose places are held and that no page has any more: asked for, so that only what has left is said to have.

const AGAIN_MS = 1000;
const MOST = 1000;
/** So many requests are on their way together: a held list must not crowd out the commands of this desk. */
const AT_ONCE = 2;

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
      /** @type {Map<string, any[]>} */
      const of = new Map();
      for (const one of wanted) {
        const what = JSON.stringify([one.entity, one.kind_id]);
        of.set(what, [...(of.get(what) ?? []), one]);
      }
      const left = [...of.values()];
      const ask = async () => {
        for (let some = left.shift(); some; some = left.shift()) await this.read(some);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, ask));
      this.changed();
    } catch {
      this.old = true; // the server is away: ask again in a while
    } finally {
      this.busy = false;
    }
  }

  /** By their one place and kind, of which there are few: to ask for what has left would be an error. @param {any[]} some */
  async read(some) {
    const [{ entity, kind_id }] = some;
    const response = await fetch(`/api/v1/alarms?${new URLSearchParams({ entity, kind: kind_id, limit: String(MOST) })}`);
    if (!response.ok) throw new Error(response.statusText);
    const { alarms } = await response.json();
    const rows = new Map(alarms.map((/** @type {any} */ alarm) => [alarm.id, alarm.wall]));
    for (const { id } of some) this.rows.set(id, rows.get(id) ?? null);
  }
}

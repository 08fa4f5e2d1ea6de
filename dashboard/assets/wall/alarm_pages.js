// Alarms beyond the first that the stream carries: pages of the API, read as far as somebody looks.

const AGAIN_MS = 1000;
/** Rows of a page where all of them are wanted. */
const MOST = 1000;

/** @typedef {{cursor: string, size: number, next: string | null, rows: any[]}} Page */

export class AlarmPages {
  /** @param {() => void} changed @param {number} [size] rows of a page @param {string} [query] which alarms */
  constructor(changed, size = 200, query = "") {
    this.changed = changed;
    this.size = size;
    this.query = query;
    /** @type {Page[]} */
    this.pages = [];
    this.busy = false;
    this.readAt = -Infinity;
    /** Whether what was read may be old. */
    this.old = false;
  }

  /** Ask for something else; what was read is forgotten. @param {string} query */
  ask(query) {
    if (query === this.query) return;
    this.query = query;
    this.forget();
  }

  forget() {
    this.pages = [];
    this.readAt = -Infinity;
  }

  /** Nobody looks beyond the first page any more. */
  shorten() {
    this.pages.length = Math.min(this.pages.length, 1);
  }

  rows() {
    return this.pages.flatMap((page) => page.rows);
  }

  /** Whether there are more than have been read. */
  more() {
    return !this.pages.length || this.pages[this.pages.length - 1].next !== null;
  }

  /**
   * See to it that the rows up to a place are read, and that those from another on are fresh.
   * @param {number} first
   * @param {number} last Infinity = all
   */
  async need(first, last) {
    const index = this.busy ? null : (this.missing(last) ?? this.stale(first, last));
    if (index === null) return;
    const { query } = this;
    const cursor = index < this.pages.length ? this.pages[index].cursor : index === 0 ? "" : (this.pages[index - 1].next ?? "");
    const size = this.pages[index]?.size ?? (last === Infinity ? MOST : this.size);
    this.busy = true;
    try {
      const page = await read(query, size, cursor);
      if (query === this.query) this.put(index, page);
    } catch {
      this.old = true; // the server is away: ask again in a while
    } finally {
      this.readAt = performance.now();
      this.busy = false;
    }
    this.changed();
  }

  /** @param {number} last @returns {number | null} the page to read because there is none yet */
  missing(last) {
    const known = this.pages.reduce((sum, page) => sum + page.rows.length, 0);
    const failed = this.old && performance.now() - this.readAt < AGAIN_MS;
    return known <= last && this.more() && !failed ? this.pages.length : null;
  }

  /** @param {number} first @param {number} last @returns {number | null} the page to read again */
  stale(first, last) {
    if (!this.old || !this.pages.length || performance.now() - this.readAt < AGAIN_MS) return null;
    let [index, end] = [0, this.pages[0].rows.length];
    while (end <= first && index + 1 < this.pages.length) end += this.pages[++index].rows.length;
    this.old = end <= last && index + 1 < this.pages.length;
    return index;
  }

  /** What comes after a page that ends elsewhere now is read anew. @param {number} index @param {Page} page */
  put(index, page) {
    const before = this.pages[index];
    this.pages[index] = page;
    if (before && before.next !== page.next) this.pages.length = index + 1;
  }
}

/** @param {string} query @param {number} size @param {string} cursor @returns {Promise<Page>} */
async function read(query, size, cursor) {
  const asked = new URLSearchParams(query);
  asked.set("limit", String(size));
  if (cursor) asked.set("cursor", cursor);
  const response = await fetch(`/api/v1/alarms?${asked}`);
  if (!response.ok) throw new Error(response.statusText);
  const { alarms, next } = await response.json();
  return { cursor, size, next, rows: alarms.map((/** @type {any} */ alarm) => alarm.wall) };
}

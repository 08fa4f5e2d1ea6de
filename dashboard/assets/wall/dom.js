// Small tools for putting live values into the page without touching what has not changed.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element.
 * @param {string} tag name, `svg:` before it for SVG
 * @param {Record<string, string | number | boolean | undefined>} [attributes]
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function make(tag, attributes = {}, ...children) {
  const element = tag.startsWith("svg:") ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) set(element, name, value);
  element.append(...children);
  return element;
}

/**
 * Set an attribute if it differs; undefined and false remove it.
 * @param {Element} element
 * @param {string} name
 * @param {string | number | boolean | undefined} value
 */
export function set(element, name, value) {
  if (value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/**
 * Set an element's text if it differs.
 * @param {Element} element
 * @param {string} text
 */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Whether what the page shows is of now: only then may anything be commanded. */
export const isLive = () => document.documentElement.dataset.state === "live";

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element #${id}`);
  return found;
}

/**
 * Wait until Dash has drawn the frame.
 * @param {string} id
 * @returns {Promise<HTMLElement>}
 */
export function drawn(id) {
  return new Promise((resolve) => {
    const look = () => {
      const found = document.getElementById(id);
      if (!found) return false;
      resolve(found);
      return true;
    };
    if (look()) return;
    const watch = new MutationObserver(() => look() && watch.disconnect());
    watch.observe(document.body, { childList: true, subtree: true });
  });
}

/** Storage for a page's bearer token; all kinds have `read()`, `write(value)` and `clear()`. */

/** In a variable of this module, which no other script can read and which is lost with the page. */
export function inMemory() {
  let kept = null;
  return {
    read: () => kept,
    write: (value) => { kept = value; },
    clear: () => { kept = null; },
  };
}

/**
 * In web storage, which every script of the origin can read.
 *
 * @param {Storage} storage `sessionStorage` (this tab, reloads included) or `localStorage` (all tabs, without limit).
 */
export function inWebStorage(storage) {
  const key = "session";
  return {
    read: () => JSON.parse(storage.getItem(key)),
    write: (value) => storage.setItem(key, JSON.stringify(value)),
    clear: () => storage.removeItem(key),
  };
}

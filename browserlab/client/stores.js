/** Where a page keeps a bearer token: `read()`, `write(value)` and `clear()`, whichever it is. */

/** In a variable of this module: no other script reads it there, and it is gone with the page. */
export function inMemory() {
  let kept = null;
  return {
    read: () => kept,
    write: (value) => { kept = value; },
    clear: () => { kept = null; },
  };
}

/**
 * In web storage, where every script of the origin reads it.
 *
 * @param {Storage} storage `sessionStorage` (this tab, reloads included) or `localStorage` (all tabs, for ever).
 */
export function inWebStorage(storage) {
  const key = "session";
  return {
    read: () => JSON.parse(storage.getItem(key)),
    write: (value) => storage.setItem(key, JSON.stringify(value)),
    clear: () => storage.removeItem(key),
  };
}

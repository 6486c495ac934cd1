/**
 * A `fetch` with a credential, like an interceptor of other libraries.
 *
 * Both kinds of session have the same methods, and dispatch the event `ended` when the server no longer accepts the
 * credential. Calls without a response reject with the TypeError of `fetch`, and the session is kept. A request that
 * is sent again carries the credential of the session in which it was first sent, never that of a later one.
 */

const CHANGES_NOTHING = new Set(["GET", "HEAD", "OPTIONS"]);

/** A refusal by the server, with the response's `status` and error `code`. */
export class Refused extends Error {
  constructor(status, code) {
    super(`${status} ${code}`);
    this.status = status;
    this.code = code;
  }
}

/** A session with a token in the Authorization header, renewed by a refresh token if the server issues one. */
export class BearerSession extends EventTarget {
  #api;
  #store;
  #renewing = new Map(); // by the refresh token that is spent

  /**
   * @param {string} api Origin of the API; empty for the page's origin.
   * @param {object} store Storage of the token, see stores.js.
   */
  constructor(api, store) {
    super();
    this.#api = api;
    this.#store = store;
  }

  /** Whether there is a token. */
  get loggedIn() {
    return this.#store.read() !== null;
  }

  /** Resume the session of an earlier page. */
  async resume() {}

  /** Log in. @throws {Refused} */
  async logIn(username, password) {
    this.#keep(await post(`${this.#api}/authenticate`, { username, password }), newId());
  }

  /**
   * Call a path of the API, like `fetch`. An expired token is renewed once for all calls that were refused for it. A
   * call is not sent again if its session has ended meanwhile, since another user may be logged in by then.
   */
  async fetch(path, init = {}) {
    let used = this.#store.read();
    let response = await this.#send(path, init, used);
    if (response.status === 401 && await this.#isRenewed(used)) {
      used = this.#store.read();
      response = await this.#send(path, init, used);
    }
    if (response.status === 401) {
      this.#end(used);
    }
    return response;
  }

  /**
   * Log out: always in this page, and at the server if it can be reached. A refresh token is sent along, because it
   * is revoked even if the access token has expired.
   *
   * @throws {Refused}
   */
  async logOut() {
    const used = this.#store.read();
    this.#store.clear();
    const init = { method: "POST" };
    if (used?.refreshToken) {
      init.headers = { "Content-Type": "application/json" };
      init.body = JSON.stringify({ refresh_token: used.refreshToken });
    }
    const response = await this.#send("/logout", init, used);
    if (!response.ok && response.status !== 401) { // a credential that is not accepted has ended already
      throw await refusal(response);
    }
  }

  #send(path, init, kept) {
    const headers = new Headers(init.headers);
    if (kept) {
      headers.set("Authorization", `Bearer ${kept.token}`);
    }
    return fetch(this.#api + path, { ...init, headers, credentials: "omit" });
  }

  async #isRenewed(used) {
    const kept = this.#store.read();
    if (kept === null || kept.session !== used?.session) {
      return false;
    }
    if (kept.token !== used.token) {
      return true; // by another call, while this one was in progress
    }
    if (!kept.refreshToken) {
      return false;
    }
    const spent = kept.refreshToken;
    if (!this.#renewing.has(spent)) {
      this.#renewing.set(spent, this.#renew(kept).finally(() => this.#renewing.delete(spent)));
    }
    return this.#renewing.get(spent);
  }

  /** Renew the token; return whether the session has a new one, which fails after a logout meanwhile. */
  async #renew(kept) {
    const issued = await this.#refreshed(kept.refreshToken);
    const now = this.#store.read();
    if (issued !== null && now?.refreshToken === kept.refreshToken) { // no other tab was faster
      this.#keep(issued, kept.session);
    }
    return issued !== null && now?.session === kept.session;
  }

  /** Return what the server issues for a refresh token; null if the token is no longer valid. */
  async #refreshed(refreshToken) {
    try {
      return await post(`${this.#api}/token/refresh`, { refresh_token: refreshToken });
    } catch (error) {
      if (error instanceof Refused && error.status === 401) {
        return null;
      }
      throw error;
    }
  }

  #keep(issued, session) {
    this.#store.write({ session, token: issued.token, refreshToken: issued.refresh_token ?? "" });
  }

  /** End the session, unless it is newer than the refused credential. */
  #end(used) {
    if (used !== null && this.#store.read()?.token === used.token) {
      this.#store.clear();
      this.dispatchEvent(new Event("ended"));
    }
  }
}

/** A session with a cookie that no script can read; writes carry the CSRF token returned by the login. */
export class CookieSession extends EventTarget {
  #api;
  #proof = null;

  /** @param {string} api Origin of the API; empty for the page's origin. */
  constructor(api) {
    super();
    this.#api = api;
  }

  /** Whether this page assumes that there is a cookie; only the server can see it. */
  get loggedIn() {
    return this.#proof !== null;
  }

  /** Resume the session of an existing cookie, if the server accepts it, and get its CSRF token. */
  async resume() {
    const response = await fetch(`${this.#api}/api/csrf`, { credentials: "include" });
    this.#proof = response.ok ? (await response.json()).csrf_token : null;
  }

  /** Log in. @throws {Refused} */
  async logIn(username, password) {
    this.#proof = (await post(`${this.#api}/authenticate`, { username, password }, "include")).csrf_token;
  }

  /** Call a path of the API, like `fetch`. */
  async fetch(path, init = {}) {
    const headers = new Headers(init.headers);
    const used = this.#proof;
    if (used !== null && !CHANGES_NOTHING.has(init.method ?? "GET")) {
      headers.set("X-CSRF-Token", used);
    }
    const response = await fetch(this.#api + path, { ...init, headers, credentials: "include" });
    if (response.status === 401 && used !== null && this.#proof === used) { // not that of a newer session
      this.#proof = null;
      this.dispatchEvent(new Event("ended"));
    }
    return response;
  }

  /** Log out at the server, because only the server can remove the cookie. @throws {Refused} */
  async logOut() {
    const response = await this.fetch("/logout", { method: "POST" });
    if (!response.ok && response.status !== 401) {
      throw await refusal(response);
    }
    this.#proof = null;
  }
}

/** Return an identifier of a login that is unique in all tabs. */
function newId() {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}

async function post(url, value, credentials = "omit") {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(value),
    credentials,
  });
  if (!response.ok) {
    throw await refusal(response);
  }
  return response.json();
}

/** Return the error of an unsuccessful response, whether the API or another server sent it. */
export async function refusal(response) {
  const body = await response.json().catch(() => null);
  return new Refused(response.status, body?.error ?? "no reason given");
}

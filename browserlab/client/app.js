/** The page: a login form, a restricted call, a write, a logout. Responses of the server are shown as text. */

import { BearerSession, CookieSession, Refused, refusal } from "./session.js";
import { inMemory, inWebStorage } from "./stores.js";

const STORES = {
  memory: inMemory,
  session: () => inWebStorage(sessionStorage),
  local: () => inWebStorage(localStorage),
};
const SENTENCES = {
  wrong_credentials: "User name or password is wrong.",
  too_many_failures: "Too many failed logins: try again in a quarter of an hour.",
};

const element = (id) => document.getElementById(id);
const config = await (await fetch("config.json")).json();

/** The session that this page calls the API with. */
export const session = config.transport === "cookie"
  ? new CookieSession(config.api)
  : new BearerSession(config.api, STORES[config.store]());

function show(loggedIn) {
  element("login").hidden = loggedIn;
  element("inside").hidden = !loggedIn;
  if (!loggedIn) {
    element("username").focus();
  }
}

function showProblem(error) {
  element("problem").textContent = error instanceof Refused
    ? SENTENCES[error.code] ?? `The server refused: ${error.message}.`
    : "The server cannot be reached, or does not let this page call it.";
}

/** Run an action of the user, and show its error, if any. */
async function attempt(action) {
  element("problem").textContent = "";
  element("answer").value = "";
  try {
    await action();
  } catch (error) {
    showProblem(error);
  }
}

async function call(path, init) {
  const response = await session.fetch(path, init);
  if (response.status === 401) {
    return; // the event `ended` has shown a message
  }
  if (!response.ok) {
    throw await refusal(response);
  }
  element("answer").value = JSON.stringify(await response.json());
}

session.addEventListener("ended", () => {
  show(false);
  element("problem").textContent = "Your session has ended: log in again.";
});

element("login").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => {
    const password = element("password").value;
    element("password").value = "";
    await session.logIn(element("username").value, password);
    show(true);
  });
});

element("call").addEventListener("click", () => attempt(() => call("/api/restricted")));

element("change").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(() => call("/api/email", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ email: element("email").value }),
  }));
});

element("logout").addEventListener("click", () => attempt(async () => {
  try {
    await session.logOut();
  } finally {
    show(session.loggedIn);
  }
}));

await attempt(() => session.resume());
show(session.loggedIn);

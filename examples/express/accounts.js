// Accounts in memory, as in the article's example. All have the password "foobar".
import { hash, verify } from "@node-rs/argon2";

const LOAD_USERS = 1000;

// Names and values as in servers/credentials/passwords.py: `bench` is for measuring everything but logins.
const COSTS = {
  owasp: { timeCost: 2, memoryCost: 19 * 1024, parallelism: 1 },
  bench: { timeCost: 1, memoryCost: 8, parallelism: 1 },
};
const cost = COSTS[process.env.PASSWORD_COST ?? "owasp"];

const account = (id, username, first_name, last_name, role) => [
  username,
  { username, profile: { id, first_name, last_name, email: `${username}@example.com` }, role },
];

const accounts = new Map([
  account("123", "john.doe", "John", "Doe", "user"),
  account("124", "jane.roe", "Jane", "Roe", "admin"),
  ...Array.from({ length: LOAD_USERS }, (_, n) => account(`load-${n}`, `load-${n}`, "John", "Doe", "user")),
]);
const passwordHash = await hash("foobar", cost);

/** Returns the account with this name and password, or null, with the same work for a wrong name or password. */
export async function authenticate(username, password) {
  const right = await verify(passwordHash, password);
  return right ? (accounts.get(username) ?? null) : null;
}

/** Changes an account's email address, and returns its profile. */
export function setEmail(username, email) {
  const { profile } = accounts.get(username);
  profile.email = email;
  return profile;
}

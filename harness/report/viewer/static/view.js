// Follows runs under way by server-sent events while the page is seen; without it the page is complete but still.
"use strict";

const live = () => document.getElementById("live");
let stream = null;

function follow() {
  if (document.hidden || stream) return;
  stream = new EventSource(live().dataset.stream);
  stream.addEventListener("progress", (event) => show(JSON.parse(event.data)));
}

function rest() {
  stream?.close();
  stream = null;
}

function show(runs) {
  const here = [...live().querySelectorAll("[data-place]")];
  if (here.map((run) => run.dataset.place).join("\n") !== runs.map((run) => run.place).join("\n")) return renew();
  here.forEach((run, index) => {
    const { title, done, total, text } = runs[index];
    const bar = run.querySelector("progress");
    run.querySelector("[data-part=title]").textContent = title;
    run.querySelector("[data-part=text]").textContent = text;
    if (total) {
      bar.max = total;
      bar.value = done;
    } else {
      bar.removeAttribute("value");
    }
  });
  live().querySelector(".still")?.remove();
}

// A run began or ended: what is listed is fetched anew, and what the reader chose stays.
async function renew() {
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ["live", "shown"]) document.getElementById(id).replaceWith(fresh.getElementById(id));
  live().querySelector(".still")?.remove();
}

document.addEventListener("visibilitychange", () => (document.hidden ? rest() : follow()));
window.addEventListener("pagehide", rest);
window.addEventListener("pageshow", follow);
follow();

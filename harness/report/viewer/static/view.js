// Follows running benchmarks by server-sent events while the page is visible; without it the page is static.
"use strict";

const live = () => document.getElementById("live");
let stream = null;

function follow() {
  if (document.hidden || stream) return;
  stream = new EventSource(live().dataset.stream);
  stream.addEventListener("progress", (event) => show(JSON.parse(event.data)));
}

function unfollow() {
  stream?.close();
  stream = null;
}

function show(runs) {
  const shown = [...live().querySelectorAll("[data-place]")];
  if (shown.map((run) => run.dataset.place).join("\n") !== runs.map((run) => run.place).join("\n")) return reload();
  shown.forEach((run, index) => {
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

// Fetches the list again when a run starts or ends; the reader's filters are kept.
async function reload() {
  const response = await fetch(location.href);
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const id of ["live", "shown"]) document.getElementById(id).replaceWith(fresh.getElementById(id));
  live().querySelector(".still")?.remove();
}

document.addEventListener("visibilitychange", () => (document.hidden ? unfollow() : follow()));
window.addEventListener("pagehide", unfollow);
window.addEventListener("pageshow", follow);
follow();

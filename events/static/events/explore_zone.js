// Times in UTC or in the browser's zone. The server shows them, so a cookie tells it which, and the page asks again.

const shown = document.querySelector("[data-zone]")?.dataset.zone;
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;

document.addEventListener("click", ({ target }) => {
  const chosen = target.closest("[data-zone]") && target.dataset.choose;
  if (chosen) showTimesIn(chosen === "local" ? here : "UTC");
});
// Somebody has travelled. A zone that the server doesn't know stays UTC.
if (shown && shown !== "UTC" && shown !== here) showTimesIn(here);

function showTimesIn(zone) {
  document.cookie = `eventlane_zone=${zone}; path=/; max-age=31536000; samesite=lax`;
  location.reload();
}

// Times in UTC or in the browser's zone. The server shows them, so a cookie tells it which, and the page asks again.

const choice = document.querySelector("[data-zone]");
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;

choice?.addEventListener("click", (event) => {
  const chosen = event.target.dataset.choose;
  if (chosen) showTimesIn(chosen === "local" ? here : "UTC");
});
// Somebody has travelled. A zone that the server doesn't know stays UTC.
if (choice && choice.dataset.zone !== "UTC" && choice.dataset.zone !== here) showTimesIn(here);

function showTimesIn(zone) {
  document.cookie = `eventlane_zone=${zone}; path=/; max-age=31536000; samesite=lax`;
  location.reload();
}

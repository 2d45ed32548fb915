// Times in UTC or in the browser's zone. The server shows them, so a cookie tells it which, and the page asks again.

const shown = document.querySelector("[data-zone]").dataset.zone;
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
const otherPages = new BroadcastChannel("eventlane_zone");
const LOST = "The page has to be loaded anew to show other times. What you have entered here gets lost.";

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-zone] [data-choose]");
  if (!button) return;
  // On a phone there is room for the pressed button only, which then is a switch.
  const other = button.previousElementSibling ?? button.nextElementSibling;
  const chosen = other.checkVisibility() ? button : other;
  const zone = chosen.dataset.choose === "local" ? here : "UTC";
  if (zone !== shown && (!isEdited() || confirm(LOST))) showTimesIn(zone);
});

// Pages that are open show the same zone, or what they load later would differ from the rest.
otherPages.addEventListener("message", () => {
  if (!isEdited()) location.reload();
});

// Somebody has travelled. A zone that the server doesn't know stays UTC.
if (shown !== "UTC" && shown !== here) showTimesIn(here);

function showTimesIn(zone) {
  document.cookie = `eventlane_zone=${zone}; path=/; max-age=31536000; samesite=lax`;
  otherPages.postMessage(zone);
  location.reload();
}

// Whether anything in a form that changes something was changed and not sent yet.
function isEdited() {
  return [...document.querySelectorAll("#content form[method=post]")].some((form) => [...form.elements].some(differs));
}

function differs(field) {
  if (field.type === "hidden" || !field.name) return false;
  if (field.options) {
    const options = [...field.options];
    const first = Math.max(options.findIndex((option) => option.defaultSelected), 0);
    return field.multiple ? options.some((one) => one.selected !== one.defaultSelected) : field.selectedIndex !== first;
  }
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  return "defaultValue" in field && field.value !== field.defaultValue;
}

// A click on a task in the graph opens its details. Without this script, open them by hand.

function reveal() {
  const place = location.hash.startsWith("#task-") && document.getElementById(location.hash.slice(1));
  if (!place) return;
  place.closest("details").open = true;
  place.closest("details").scrollIntoView({ block: "start", behavior: "smooth" });
}

window.addEventListener("hashchange", reveal);
document.addEventListener("click", (event) => {
  const node = event.target.closest("a.ev-node");
  if (node && node.hash === location.hash) reveal(); // no hashchange follows
});
reveal();

// A click on a task of the graph opens its details; without this script they have to be opened by hand.

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

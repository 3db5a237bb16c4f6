// The app's own paths: the bucket has no files for them, and CloudFront answers each with index.html.
const notes = { 1: "Water the plants.", 2: "Renew the passport." };

function show() {
  const [, id] = location.pathname.match(/^\/notes\/(\d+)$/) ?? [];
  const text = id ? (notes[id] ?? "There is no such note.") : `${Object.keys(notes).length} notes`;
  document.getElementById("app").textContent = text;
}

document.querySelector("nav").addEventListener("click", (event) => {
  if (event.target.matches("a")) {
    event.preventDefault();
    history.pushState(null, "", event.target.href);
    show();
  }
});
addEventListener("popstate", show);
show();

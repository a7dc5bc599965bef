// Shows the AsyncAPI document named by the page; the element is complete before it enters the page.
window.addEventListener("DOMContentLoaded", async () => {
  const answer = await fetch(document.body.dataset.document);
  const shown = document.createElement("asyncapi-component");
  shown.cssImportPath = "/docs/static/asyncapi/default.min.css";
  shown.config = { show: { sidebar: true, errors: true } };
  shown.schema = await answer.text();
  document.getElementById("events").append(shown);
});

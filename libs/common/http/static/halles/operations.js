// Shows the OpenAPI document named by the page. No validator badge, no outside request.
window.addEventListener("DOMContentLoaded", () => {
  window.SwaggerUIBundle({
    url: document.body.dataset.document,
    dom_id: "#operations",
    deepLinking: true,
    validatorUrl: null,
    syntaxHighlight: { activated: true },
    defaultModelsExpandDepth: 0,
    docExpansion: "list",
  });
});

SwaggerUIBundle({
  url: "/schema/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "none",
  filter: true,
  validatorUrl: null, // else the document would be sent to a validator elsewhere
  presets: [SwaggerUIBundle.presets.apis],
});

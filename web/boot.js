// Loads the page's program. An external file, because the content security policy allows no inline script.
const preload = (selector) => document.head.querySelector(selector).href;

try {
  const { default: start } = await import(preload('link[rel="modulepreload"]'));
  await start({ module_or_path: preload('link[rel="preload"][as="fetch"]') });
} catch (error) {
  console.error(error);
  const notice = document.createElement("p");
  notice.setAttribute("role", "alert");
  notice.className = "boot-failure";
  notice.textContent = "The page could not be started. Reload it, or use a browser that runs WebAssembly.";
  document.body.append(notice);
}

// Loads and starts the program. This is a file, since the content security policy forbids inline scripts.
const preload = (selector) => document.head.querySelector(selector).href;

try {
  const { default: start } = await import(preload('link[rel="modulepreload"]'));
  await start({ module_or_path: preload('link[rel="preload"][as="fetch"]') });
} catch (error) {
  console.error(error);
  const notice = document.createElement("p");
  notice.setAttribute("role", "alert");
  notice.className = "boot-failure";
  notice.textContent = "The page could not start. Reload it, or use a browser that supports WebAssembly.";
  document.body.append(notice);
}

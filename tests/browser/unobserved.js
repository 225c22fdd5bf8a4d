// A page that no debugger observes. Playwright has the browser report each message of a WebSocket, which halves the rate.

/** A page in a browser context of its own, to which Playwright does not attach. */
export class UnobservedPage {
  #browser;
  #sessionId;
  #lastId = 0;
  #replies = new Map();
  /** The ids of the documents that have loaded. */
  #loaded = new Set();
  #onLoad = () => {};

  /** Opens a page, and waits until it has loaded. */
  static async open(browser, url) {
    const page = new UnobservedPage();
    page.#browser = await browser.newBrowserCDPSession();
    const { browserContextId } = await page.#browser.send("Target.createBrowserContext", { disposeOnDetach: true });
    const { targetId } = await page.#browser.send("Target.createTarget", { url: "about:blank", browserContextId });
    page.#browser.on("Target.receivedMessageFromTarget", ({ message }) => page.#receive(JSON.parse(message)));
    // Without `flatten`, the messages of the page arrive at this session.
    const { sessionId } = await page.#browser.send("Target.attachToTarget", { targetId, flatten: false });
    page.#sessionId = sessionId;
    await page.send("Page.enable");
    await page.send("Page.setLifecycleEventsEnabled", { enabled: true });
    const { loaderId } = await page.send("Page.navigate", { url });
    while (!page.#loaded.has(loaderId)) await new Promise((resolve) => (page.#onLoad = resolve));
    await page.send("Page.disable");
    return page;
  }

  #receive({ id, result, error, method, params }) {
    if (method === "Page.lifecycleEvent" && params.name === "load") {
      this.#loaded.add(params.loaderId);
      this.#onLoad();
    }
    const reply = this.#replies.get(id);
    this.#replies.delete(id);
    if (error) reply?.reject(new Error(error.message));
    else reply?.resolve(result);
  }

  /** Sends a command of the Chrome DevTools Protocol to the page. */
  async send(method, params = {}) {
    const id = ++this.#lastId;
    const reply = new Promise((resolve, reject) => this.#replies.set(id, { resolve, reject }));
    const message = JSON.stringify({ id, method, params });
    await this.#browser.send("Target.sendMessageToTarget", { sessionId: this.#sessionId, message });
    return reply;
  }

  /** Calls a function in the page, with arguments that JSON can hold. Returns its result, once a promise is fulfilled. */
  async evaluate(body, ...args) {
    const expression = `(${body})(...${JSON.stringify(args)})`;
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }
}

// Closing a tab during a call: the handler ends within a second, according to the log and the metrics.
import { spawn } from "node:child_process";
import { expect, test } from "../test.js";

/** Locks the database, so that an add waits in the server. Returns a function that releases the lock. */
async function lock(database) {
  const program = `
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
`;
  const child = spawn("python3", ["-c", program, database], { stdio: ["pipe", "pipe", "inherit"] });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return () => child.stdin.end();
}

const CALLS = [
  { panel: "Unary", method: "AddUser", button: "Call", transports: ["gRPC-Web", "WebSocket"] },
  { panel: "Server streaming", method: "PositionSub", button: "Call", transports: ["gRPC-Web", "WebSocket"] },
  { panel: "Client streaming", method: "CountAlreadyUsers", button: "Send", transports: ["WebSocket"] },
  { panel: "Bidirectional", method: "GetUsersByIds", button: "Send", transports: ["WebSocket"] },
];

for (const { panel: name, method, button, transports } of CALLS) {
  for (const transport of transports) {
    test(`${name}, ${transport}`, async ({ context, server }) => {
      const unlock = method === "AddUser" ? await lock(server.database) : () => {};
      const page = await context.newPage();
      await page.goto(`${server.url}/calls`);
      const panel = page.getByRole("region", { name, exact: true });
      await panel.getByLabel("Method").selectOption(method);
      await panel.getByLabel("Transport").selectOption(transport);
      await panel.getByRole("button", { name: button, exact: true }).click();
      await expect.poll(() => server.inProgress(method)).toBe(1);

      await page.close();
      const cancelled = () => server.metric("grpc_server_handled_total", { grpc_method: method, grpc_code: "Cancelled" });
      await expect.poll(cancelled, { timeout: 1000, intervals: [20] }).toBe(1);
      expect(await server.inProgress(method)).toBe(0);
      // A thread of its own writes the log, after the metrics.
      const lines = () => server.log.filter((line) => line.includes(`/${method}"`));
      await expect.poll(() => lines().length).toBe(1);
      expect(lines()[0]).toContain("status=Cancelled");
      unlock();
    });
  }
}

// Responses to the calls of the page that are not what gRPC-Web defines, such as the page of a proxy.
import { expect, test } from "../test.js";

for (const [kind, contentType, body, message] of [
  ["that is not gRPC-Web", "text/html", "<p>Sign in</p>", 'the response is not gRPC-Web, but "text/html"'],
  ["without a message and a status", "application/grpc-web+proto", "", "the response ends without a status"],
  ["with a message, but no status", "application/grpc-web+proto", "\0\0\0\0\0", "the response ends without a status"],
  ["that ends within a frame", "application/grpc-web+proto", "\0\0", "the response ends within a frame"],
  ["with a message over 4 MiB", "application/grpc-web+proto", "\0\0\x40\0\x01", "a message of 4194305 bytes; at most 4194304"],
  ["with a compressed message", "application/grpc-web+proto", "\x01\0\0\0\0", "the response has a compressed message"],
]) {
  test(`a response ${kind} is an error, and the page tries again`, async ({ page }) => {
    await page.route("**/UserManager/ListUsers", (route) => route.fulfill({ contentType, body }));
    await page.goto("/users");
    await expect(page.getByRole("alert").filter({ hasText: message })).toBeVisible();
    await page.unroute("**/UserManager/ListUsers");
    await expect(page.getByRole("link", { name: "foo" })).toBeVisible();
    await expect(page.getByRole("alert").filter({ hasText: message })).toBeHidden();
  });
}

import { beforeEach, expect, test, vi } from "vitest";

const storage = new Map<string, string>();
vi.stubGlobal("sessionStorage", {
  getItem: (key: string) => storage.get(key) ?? null,
  setItem: (key: string, value: string) => storage.set(key, value),
  removeItem: (key: string) => storage.delete(key),
});

const { send, sendOutside } = await import("./client");
const { begin, end, expired, session } = await import("./session");
const { reachable } = await import("./reachability");
const { Unreachable } = await import("./errors");

const ada = { token: "old", user: "ada", userId: "user-1", account: "a", role: "Operator", operates: false } as const;
const answered = vi.fn<(request: Request) => Promise<Response>>();
vi.stubGlobal("fetch", answered);

function reply(status: number, body: object): Response {
  return new Response(JSON.stringify({ requestId: "r-1", ...body }), { status, headers: { "x-jdcloud-request-id": "r-1" } });
}

function change(): Request {
  return new Request("http://server/v1/x", { method: "POST", body: "typed" });
}

beforeEach(() => {
  answered.mockReset();
  reachable.set(true);
  end();
  begin(ada);
});

test("a session that is over is begun anew, and what was sent is sent again, whole", async () => {
  const bodies: string[] = [];
  answered.mockImplementation(async (request) => {
    bodies.push(`${request.headers.get("authorization")} ${await request.text()}`);
    return request.headers.get("authorization") === "Bearer new" ? reply(200, { result: {} }) : reply(401, { error: { status: "ACCESS_ERROR", message: "no" } });
  });
  const both = Promise.all([send(change()), send(change())]);
  await vi.waitFor(() => expect(bodies.length).toBe(2));
  await vi.waitFor(() => expect(expired.get()?.user).toBe("ada"));
  expect(session.get()).not.toBeNull();
  begin({ ...ada, token: "new" });
  expect((await both).map((response) => response.status)).toEqual([200, 200]);
  expect(expired.get()).toBeNull();
  expect(bodies).toEqual(["Bearer old typed", "Bearer old typed", "Bearer new typed", "Bearer new typed"]);
});

test("who logs out instead gets the refusal", async () => {
  answered.mockResolvedValue(reply(401, { error: { status: "ACCESS_ERROR", message: "no" } }));
  const refused = send(change());
  await vi.waitFor(() => expect(expired.get()).not.toBeNull());
  end();
  await expect(refused).rejects.toMatchObject({ code: 401 });
});

test("a wrong password is refused at once, also over a page whose session is over", async () => {
  answered.mockImplementation(async (request) => {
    expect(request.headers.get("authorization")).toBeNull();
    return reply(401, { error: { status: "ACCESS_ERROR", message: "no" } });
  });
  await expect(sendOutside(change())).rejects.toMatchObject({ code: 401, requestId: "r-1" });
  expect(expired.get()).toBeNull();
});

test("a refusal has the API's words", async () => {
  answered.mockResolvedValue(reply(409, { error: { status: "ALREADY_EXISTS", message: "port 80 is taken" } }));
  await expect(send(change())).rejects.toMatchObject({ code: 409, status: "ALREADY_EXISTS", message: "port 80 is taken", requestId: "r-1" });
  expect(reachable.get()).toBe(true);
});

test("silence, and what a gateway says of it, is no refusal; the next answer ends it", async () => {
  answered.mockRejectedValueOnce(new TypeError("Failed to fetch"));
  await expect(send(change())).rejects.toBeInstanceOf(Unreachable);
  expect(reachable.get()).toBe(false);
  answered.mockResolvedValueOnce(reply(200, {}));
  await send(change());
  expect(reachable.get()).toBe(true);
  answered.mockResolvedValueOnce(new Response("<h1>Bad gateway</h1>", { status: 502 }));
  await expect(send(change())).rejects.toBeInstanceOf(Unreachable);
  expect(reachable.get()).toBe(false);
});

test("a full disk is the server's own answer", async () => {
  answered.mockResolvedValue(reply(503, { error: { status: "HTTP_SERVICE_UNAVAILABLE", message: "the disk is full" } }));
  await expect(send(change())).rejects.toMatchObject({ code: 503, message: "the disk is full" });
  expect(reachable.get()).toBe(true);
});

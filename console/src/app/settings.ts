// What the server says of itself before anybody has logged in.

export interface Settings {
  region: string;
  version?: string;
}

let known: Settings | null = null;

/** Asks until the server answers: a page that is opened while a server restarts waits for it. */
export async function load(failed: () => void): Promise<void> {
  for (;;) {
    try {
      const reply = await fetch("/console/settings.json");
      if (!reply.ok) throw new Error(`settings.json: ${reply.status}`);
      known = (await reply.json()) as Settings;
      return;
    } catch {
      failed();
      await new Promise((resume) => setTimeout(resume, 2_000));
    }
  }
}

/** The application is not drawn before they are known. */
export function settings(): Settings {
  if (known === null) throw new Error("the region is not known yet");
  return known;
}

export function regionId(): string {
  return settings().region;
}

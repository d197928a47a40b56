// What the server says of itself before anybody has logged in.

export interface Settings {
  region: string;
}

let known: Settings | null = null;

export async function load(): Promise<Settings> {
  const reply = await fetch("/console/settings.json");
  if (!reply.ok) throw new Error(`settings.json: ${reply.status}`);
  known = (await reply.json()) as Settings;
  return known;
}

/** The region's name; the application is not drawn before it is known. */
export function regionId(): string {
  if (known === null) throw new Error("the region is not known yet");
  return known.region;
}

// How a user wants a table: kept in the browser, by table.

export interface TablePreferences {
  pageSize: number;
  /** Ids of the columns that are shown. */
  columns: readonly string[];
  wraps: boolean;
}

/** The API gives 10 to 100 at once. */
export const PAGE_SIZES = [10, 20, 50, 100] as const;

function key(table: string): string {
  return `dnlb.table.${table}`;
}

/** What is stored, as far as the table still has it; columns that are new since then are shown. */
export function parsePreferences(text: string | null, usual: TablePreferences, known: readonly string[]): TablePreferences {
  if (text === null) return usual;
  try {
    const stored = JSON.parse(text) as Partial<TablePreferences & { known: string[] }>;
    const before = stored.known ?? known;
    const isNew = (column: string) => !before.includes(column) && usual.columns.includes(column);
    return {
      pageSize: PAGE_SIZES.find((size) => size === stored.pageSize) ?? usual.pageSize,
      columns: known.filter((column) => isNew(column) || (stored.columns ?? usual.columns).includes(column)),
      wraps: stored.wraps ?? usual.wraps,
    };
  } catch {
    return usual;
  }
}

export function storedPreferences(table: string, usual: TablePreferences, known: readonly string[]): TablePreferences {
  return parsePreferences(localStorage.getItem(key(table)), usual, known);
}

export function storePreferences(table: string, preferences: TablePreferences, known: readonly string[]): void {
  localStorage.setItem(key(table), JSON.stringify({ ...preferences, known }));
}

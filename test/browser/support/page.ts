// Where things are on the pages.
import type { Locator, Page } from '@playwright/test';

export const phase = (page: Page): Locator => page.getByTestId('phase');
export const roundsBar = (page: Page): Locator => page.getByRole('progressbar', { name: 'Rounds done' });
export const card = (page: Page, host: string): Locator => page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: host, exact: true }) });
// A card has other words too that are those of a status.
export const statusIn = (place: Locator): Locator => place.locator('.status');
export const cards = (page: Page): Locator => page.getByRole('region', { name: 'Participants' }).getByRole('listitem');
export const charts = (page: Page): Locator => page.getByRole('img', { name: /^Chart of/ });
export const events = (page: Page): Locator => page.getByRole('region', { name: 'Events' }).getByRole('listitem');
export const lineage = (page: Page): Locator => page.getByRole('region', { name: 'Lineage' });
// Without the branches that begin at it.
export const versionRow = (page: Page, version: number): Locator => page.locator(`#lineage-${version}`);
export const credits = (page: Page): Locator => page.getByRole('region', { name: 'Credits' });
export const secagg = (page: Page): Locator => page.getByRole('region', { name: 'Secure aggregation' });
export const sessionPath = (id: string): string => `/training/sessions/${id}`;
export const sessionLink = (page: Page, id: string): Locator => page.locator(`a[href="${sessionPath(id)}"]`);

// A finished session: deep links, download, focus.
import { readFile } from 'node:fs/promises';
import { startSession, waitForStatus } from '../support/api';
import { env } from '../support/env';
import { expect, openAs, test } from '../support/fixtures';
import { sessionLink, sessionPath } from '../support/page';

let id: string;

test.beforeAll(async ({ playwright }) => {
  const request = await playwright.request.newContext({ baseURL: env.baseUrl, ignoreHTTPSErrors: true });
  id = (await startSession(request, 'Already finished', 2, { min_participants: 2 })).id;
  await waitForStatus(request, id, 'completed');
  await request.dispose();
});

test('a deep link works, also after a reload and before signing in', async ({ page }) => {
  await page.goto(sessionPath(id));
  await page.getByLabel('Access token').fill(env.tokens.viewer);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Already finished' })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Already finished' })).toBeVisible();
  await expect(page).toHaveTitle('Already finished · federated');
});

test('back and forward', async ({ page }) => {
  await openAs(page, 'creator', '/training/');
  await sessionLink(page, id).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Already finished');
  await page.goBack();
  await expect(page.getByRole('heading', { name: 'Sessions' })).toBeFocused();
  await page.goForward();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Already finished');
});

test('a session or page that does not exist', async ({ page }) => {
  await openAs(page, 'viewer', sessionPath('00000000-0000-4000-8000-000000000000'));
  await expect(page.getByRole('heading', { name: 'No such session' })).toBeVisible();
  await expect(page.getByRole('alert')).toContainText('does not exist');
  await page.goto('/training/nowhere');
  await expect(page.getByRole('heading', { name: 'No such page' })).toBeVisible();
});

test('a version is downloaded as a safetensors file', async ({ page }) => {
  await openAs(page, 'creator', sessionPath(id));
  const row = page.getByRole('row').filter({ hasText: 'result of this session' });
  const download = page.waitForEvent('download');
  await row.getByRole('button', { name: /^Download/ }).click();
  const file = await download;
  expect(file.suggestedFilename()).toMatch(new RegExp(`^${env.workload}-\\d+\\.safetensors$`));
  const bytes = await readFile(await file.path());
  const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString()) as Record<string, unknown>;
  expect(Object.keys(header).length).toBeGreaterThan(0);
});

// A running session: drop-outs, pause and resume, cancel, and what a viewer sees of it.
import { cancelSession, getSession, LONG, startSession, waitForStatus } from '../support/api';
import { env, killIsland, startIsland } from '../support/env';
import { expect, openAs, test } from '../support/fixtures';
import { card, events, phase, sessionLink, sessionPath, statusIn } from '../support/page';

// Longer than the ten seconds between two heartbeats of an Island that waits.
const SILENCE = 25;

let id: string;

test.beforeEach(async ({ request }, info) => {
  id = (await startSession(request, info.title, LONG.rounds, { ...LONG.config, heartbeat_timeout: SILENCE })).id;
  await waitForStatus(request, id, 'training');
});

test.afterEach(async ({ request }) => cancelSession(request, id));

test('an Island that dies is shown as dropped out, and as back when it is', async ({ page }) => {
  const ours = card(page, env.island);
  await openAs(page, 'creator', sessionPath(id));
  await expect(statusIn(ours)).toHaveText(/^(Waiting|Training|Update sent)$/);
  const said = expect(page.getByTestId('announcer')).toContainText(`${env.island} has dropped out`, { timeout: 60_000 });
  killIsland();
  try {
    await expect(statusIn(ours)).toHaveText('Dropped out', { timeout: 60_000 });
    await expect(ours).toContainText(`not heard from for more than ${SILENCE} s`);
    await said;
  } finally {
    startIsland();
  }
  await expect(statusIn(ours)).toHaveText(/^(Waiting|Training|Update sent)$/, { timeout: 60_000 });
  await expect(phase(page)).toContainText('Round');
});

test('pause and resume', async ({ page, request }) => {
  await openAs(page, 'creator', sessionPath(id));
  await page.getByRole('button', { name: 'Pause' }).click();
  const dialog = page.getByRole('dialog', { name: 'Pause this session?' });
  await expect(dialog.getByLabel('Reason')).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(page.getByRole('button', { name: 'Pause' })).toBeFocused();
  expect((await getSession(request, id)).status).toBe('training');

  await page.getByRole('button', { name: 'Pause' }).click();
  await dialog.getByLabel('Reason').fill('lunch');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('button', { name: 'Resume' })).toBeFocused();
  await expect(phase(page)).toContainText('Paused');
  await expect(page.getByRole('main')).toContainText('lunch');
  await expect(events(page).filter({ hasText: 'Paused: lunch' })).toBeVisible();
  expect((await getSession(request, id)).status).toBe('paused');

  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Resume' }).click();
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();
  await expect(phase(page)).toContainText('Round');
});

test('cancel', async ({ page, request }) => {
  await openAs(page, 'creator', sessionPath(id));
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('dialog').getByLabel('Reason').fill('enough seen');
  await page.getByRole('button', { name: 'Cancel the session' }).click();
  await expect(phase(page)).toHaveText('The session was cancelled');
  await expect(page.getByRole('main')).toContainText('enough seen');
  await expect(page.getByRole('button', { name: /Pause|Resume|Cancel/ })).toHaveCount(0);
  await expect(page.locator('h1')).toBeFocused();
  expect((await getSession(request, id)).status).toBe('cancelled');
});

test('what the server refuses is said in the dialog', async ({ page, request }) => {
  await openAs(page, 'creator', sessionPath(id));
  await page.getByRole('button', { name: 'Pause' }).click();
  await cancelSession(request, id); // somebody else was quicker
  await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByRole('dialog').getByRole('alert')).toContainText('cannot be paused');
  await page.keyboard.press('Escape');
  await expect(phase(page)).toHaveText('The session was cancelled');
});

test('a viewer sees all and controls nothing', async ({ page }) => {
  await openAs(page, 'viewer', sessionPath(id));
  await expect(phase(page)).toContainText('Round');
  await expect(events(page).first()).toBeVisible();
  await expect(page.getByRole('button', { name: /Pause|Cancel|Download/ })).toHaveCount(0);
  await expect(page.getByRole('link', { name: 'Start a session' })).toHaveCount(0);
});

test('an administrator controls the sessions of others', async ({ page }) => {
  await openAs(page, 'admin', sessionPath(id));
  await expect(page.getByRole('button', { name: 'Cancel' })).toBeVisible();
});

test('the list and its filter follow', async ({ page, request }) => {
  await openAs(page, 'creator', '/training/?status=training');
  await expect(sessionLink(page, id)).toBeVisible();
  await expect(page.getByRole('radio', { name: 'Training' })).toBeChecked();
  await page.getByText('Failed', { exact: true }).click();
  await expect(sessionLink(page, id)).toHaveCount(0);
  await expect(page).toHaveURL(/status=failed/);
  await page.getByText('All', { exact: true }).click();
  const row = page.getByRole('row').filter({ has: sessionLink(page, id) });
  await expect(row).toContainText('Training');
  await cancelSession(request, id);
  await expect(row).toContainText('Cancelled');
});

test('without an answer it says so, keeps what it has, and goes on by itself', async ({ page, context }) => {
  await openAs(page, 'creator', sessionPath(id));
  await expect(phase(page)).toContainText('Round');
  await context.setOffline(true);
  await expect(page.getByText('the server cannot be reached')).toBeVisible();
  await expect(phase(page)).toContainText('Round');
  await context.setOffline(false);
  await expect(page.getByText('the server cannot be reached')).toHaveCount(0);
});

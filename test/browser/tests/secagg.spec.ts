// Sessions with secure aggregation: who learns what, how far an attempt has come, those before it, and their hashes.
import { cancelSession, startSession, waitForStatus } from '../support/api';
import { sql } from '../support/env';
import { expect, openAs, openWith, test } from '../support/fixtures';
import { events, phase, secagg, sessionPath } from '../support/page';
import { addUnattended, MASKED, SEMI_HONEST, tryAgain, UNATTENDED, waitForStage } from '../support/secagg';

test('a session that is done: what the coordinator learns, and every attempt with its hashes', async ({ page, request }) => {
  const { id } = await startSession(request, 'Masked', 2, { ...MASKED, local_epochs: 1 });
  await waitForStatus(request, id, 'completed');
  await openAs(page, 'viewer', sessionPath(id));
  const panel = secagg(page);
  await expect(panel.getByText('Holds against a coordinator that lies')).toBeVisible();
  await expect(panel.getByText('This rests on keys that the Islands’ owners have compared themselves')).toBeVisible();
  await panel.getByText('What the coordinator learns all the same').click();
  await expect(panel.getByText('the sum of each round\'s updates, exactly')).toBeVisible();
  await expect(panel.getByText('each Island\'s number of samples')).toBeVisible();
  await expect(panel.getByText('single updates, to a coordinator that lies')).toBeHidden();

  await expect(panel.getByRole('heading', { name: 'Final evaluation, attempt 1 of 3' })).toBeVisible();
  const steps = panel.getByRole('list', { name: 'Stages of this attempt' }).getByRole('listitem');
  await expect(steps).toHaveText(['Advertise, done', 'Share, done', 'Mask, done', 'Agree, done', 'Reveal, done', 'Sum, done', 'Done, done']);
  await expect(panel.locator('[aria-current="step"]')).toHaveText('Done, done');
  await expect(panel.getByRole('status')).toHaveCount(0); // nothing was given up
  for (const fact of ['Islands3', 'Needed to the end3', 'May drop out0', 'Signed3', 'Revealed3']) {
    await expect(panel.locator('dl.facts > div').filter({ hasText: new RegExp(`^${fact}$`) })).toBeVisible();
  }

  const table = panel.getByRole('table', { name: 'Attempts, the newest first' });
  await expect(table.getByRole('row')).toHaveText([/^Round/, /^Evaluation1Done333/, /^21Done333/, /^11Done333/]);
  await table.getByRole('button', { name: 'Details of Round 1, attempt 1' }).click();
  await expect(table.locator('code')).toHaveText([/^[0-9a-f]{64}$/, /^[0-9a-f]{64}$/, /^[0-9a-f]{64}$/, /^[0-9a-f]{64}$/]);
  for (const words of ['they train and send masked updates', 'Islands sign that', 'the sum is opened']) {
    await expect(events(page).filter({ hasText: words }).first()).toBeVisible();
  }
});

test('an Island, which may not read attempts, sees the stage that the document tells', async ({ page, request }) => {
  const { id } = await startSession(request, 'Masked', 1, { ...MASKED, local_epochs: 1 });
  await waitForStatus(request, id, 'completed');
  const refused = page.waitForResponse((answer) => answer.url().includes('/secagg_progress'));
  await openWith(page, sql("SELECT federated_issue_token('island-b', 'island', '1 day')"), sessionPath(id));
  expect((await refused).status()).toBe(403);
  await expect(secagg(page).getByRole('heading', { name: 'Final evaluation, attempt 1 of 3' })).toBeVisible();
  await expect(secagg(page).locator('[aria-current="step"]')).toHaveText('Done, done');
  await expect(secagg(page).getByRole('table')).toHaveCount(0);
});

test('a round that is under way, and an attempt that was given up', async ({ page, request }) => {
  const { id } = await startSession(request, 'Masking', 50, { ...MASKED, local_epochs: 2000, keep_versions: 'last' });
  try {
    await waitForStage(id, 'mask');
    await openAs(page, 'creator', sessionPath(id));
    const panel = secagg(page);
    await expect(panel.getByRole('heading', { name: 'Round 1, attempt 1 of 3' })).toBeVisible();
    await expect(panel.locator('[aria-current="step"]')).toHaveText('Mask, now');
    await expect(panel.getByTestId('secagg-stage')).toHaveText(/^Islands train and send masked updates: \d of 3 updates$/);
    await expect(panel.locator('time.countdown')).toHaveText(/to the deadline$/);

    await tryAgain(id, 'the shares of an Island do not open');
    await expect(panel.getByRole('heading', { name: 'Round 1, attempt 2 of 3' })).toBeVisible();
    await expect(panel.getByRole('status')).toHaveText('Round 1, attempt 1: given up, the shares of an Island do not open');
    const given = panel.getByRole('row', { name: /Given up: the shares of an Island do not open/ });
    await expect(given).toHaveText(/^11Given up: the shares of an Island do not open33–/);
    await expect(events(page).filter({ hasText: 'Round 1, attempt 1: given up: the shares of an Island do not open' })).toBeVisible();
    await expect(panel.getByRole('heading', { name: 'Round 2, attempt 1 of 3' })).toBeVisible({ timeout: 60_000 });
    await expect(panel.getByRole('status')).toHaveCount(0); // that round was closed in the end
  } finally {
    await cancelSession(request, id);
  }
});

test('mode semi_honest says that it does not protect against a coordinator that lies', async ({ page, request }) => {
  addUnattended();
  const { id } = await startSession(request, 'Unprotected', 1, SEMI_HONEST, UNATTENDED);
  try {
    await waitForStage(id, 'advertise'); // and stays there
    await openAs(page, 'creator', sessionPath(id));
    const panel = secagg(page);
    await expect(panel.getByText('Does not protect against a coordinator that lies')).toBeVisible();
    await expect(panel.getByRole('status')).toContainText('reads every single update');
    const steps = panel.getByRole('list', { name: 'Stages of this attempt' }).getByRole('listitem');
    await expect(steps).toHaveText(['Advertise, now', 'Share, to come', 'Mask, to come', 'Reveal, to come', 'Sum, to come', 'Done, to come']);
    await expect(panel.getByTestId('secagg-stage')).toHaveText('Islands send the keys of this attempt: 0 Islands so far');
    await panel.getByText('What the coordinator learns all the same').click();
    await expect(panel.getByText('single updates, to a coordinator that lies')).toBeVisible();
  } finally {
    await cancelSession(request, id);
  }
  await expect(secagg(page).getByText('Round 1, attempt 1: given up, end of the test')).toBeVisible();
  await expect(secagg(page).getByRole('list', { name: 'Stages of this attempt' })).toHaveCount(0);
  await expect(phase(page)).toHaveText('The session was cancelled');
});

test('a session without it shows nothing of it and asks for nothing', async ({ page, request }) => {
  const asked: string[] = [];
  page.on('request', (sent) => asked.push(new URL(sent.url()).pathname));
  const { id } = await startSession(request, 'Open', 1, { min_participants: 3, local_epochs: 1 });
  await waitForStatus(request, id, 'completed');
  await openAs(page, 'creator', sessionPath(id));
  await expect(events(page).filter({ hasText: 'Session complete' })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Participants' })).toBeVisible();
  await expect(secagg(page)).toHaveCount(0);
  expect(asked.filter((path) => path.includes('/events'))).not.toEqual([]);
  expect(asked.filter((path) => path.includes('secagg'))).toEqual([]);
});

test('the start form has its keys together', async ({ page }) => {
  await openAs(page, 'creator', '/training/start');
  await page.getByText('All other settings').click();
  const group = page.getByRole('group', { name: 'Secure aggregation' });
  await expect(group.getByLabel('Secure aggregation', { exact: true })).toBeVisible();
  const keys = { hasText: /^secagg_/ };
  const all = await page.locator('code', keys).count();
  expect(all).toBeGreaterThan(10);
  await expect(group.locator('code', keys)).toHaveCount(all);
});

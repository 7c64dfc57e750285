// Models as products: lineage and the way back, credits, contributions, events that are verified.
import type { Page } from '@playwright/test';
import { currentVersion, getSession, rollBack, startSession, waitForStatus } from '../support/api';
import { env, sql } from '../support/env';
import { expect, openAs, test } from '../support/fixtures';
import { credits, events, lineage, sessionPath, versionRow } from '../support/page';

const SHORT = { min_participants: 2 };
const head = (page: Page) => lineage(page).locator('.lineage-row').filter({ has: page.locator('.mark-current') }).locator('strong');
const rollBackButtons = (page: Page) => lineage(page).getByRole('button', { name: /^(Roll back|Make current)/ });

test.describe('lineage', () => {
  let id: string;
  let base: number;
  let result: number;

  test.beforeEach(async ({ request }, info) => {
    base = await currentVersion(request);
    id = (await startSession(request, info.title, 1, SHORT)).id;
    await waitForStatus(request, id, 'completed');
    result = (await getSession(request, id)).result_version!;
  });

  test('a workload is rolled back by clicking, and forth again', async ({ page, request }) => {
    await openAs(page, 'creator', sessionPath(id));
    await expect(head(page)).toHaveText(`Version ${result}`);
    const button = versionRow(page, base).getByRole('button', { name: `Roll back to version ${base}` });
    await button.press('Enter');
    const dialog = page.getByRole('dialog', { name: `Make version ${base} current?` });
    await expect(dialog).toContainText(`instead of version ${result}`);
    await page.keyboard.press('Escape');
    await expect(button).toBeFocused();
    expect(await currentVersion(request)).toBe(result);

    await button.click();
    await dialog.getByRole('button', { name: `Make version ${base} current` }).click();
    await expect(dialog).toHaveCount(0);
    await expect(head(page)).toHaveText(`Version ${base}`);
    await expect(versionRow(page, base)).toBeFocused();
    await expect(page.getByTestId('announcer')).toContainText(`Version ${base} is current now.`);
    const files = page.getByRole('region', { name: 'Model versions' }).getByRole('row');
    await expect(files.filter({ has: page.locator('.mark-current') }).getByRole('rowheader')).toHaveText(new RegExp(`^${base}current`));
    expect(await currentVersion(request)).toBe(base);

    await versionRow(page, result).getByRole('button', { name: `Make current (version ${result})` }).click();
    await page.getByRole('dialog').getByRole('button', { name: `Make version ${result} current` }).click();
    await expect(head(page)).toHaveText(`Version ${result}`);
    expect(await currentVersion(request)).toBe(result);
  });

  test('what is trained after a rollback is a branch; tags and deleted versions are shown', async ({ page, request }) => {
    await rollBack(request, base);
    const other = (await startSession(request, 'after the rollback', 1, SHORT)).id;
    await waitForStatus(request, other, 'completed');
    const newest = (await getSession(request, other)).result_version!;
    const workload = (await getSession(request, id)).workload_id;
    sql(`SELECT federated_tag_version(${workload}, ${newest}, 'ward-7')`);
    sql(`SELECT federated_delete_version(${workload}, ${result})`);

    await openAs(page, 'creator', sessionPath(id));
    const branch = lineage(page).getByRole('group', { name: `Branch from version ${base}` });
    await expect(branch.locator(`#lineage-${result}`)).toContainText('weights deleted');
    await expect(branch.locator(`#lineage-${newest}`)).toHaveCount(0);
    await expect(versionRow(page, newest)).toContainText('ward-7');
    await expect(head(page)).toHaveText(`Version ${newest}`);
    await expect(versionRow(page, result).getByRole('button')).toHaveCount(0);
    await expect(versionRow(page, newest).getByRole('link', { name: 'session' })).toHaveAttribute('href', sessionPath(other));
  });

  test('what the server refuses is said in the dialog', async ({ page, request }) => {
    await openAs(page, 'creator', sessionPath(id));
    await versionRow(page, base).getByRole('button').click();
    await rollBack(request, base); // somebody else was quicker
    await page.getByRole('dialog').getByRole('button', { name: `Make version ${base} current` }).click();
    await expect(page.getByRole('dialog').getByRole('alert')).toContainText(`Version ${base} is current already.`);
    await rollBack(request, result);
  });

  test('only who owns the workload is offered a rollback', async ({ page }) => {
    await openAs(page, 'viewer', sessionPath(id));
    await expect(versionRow(page, base)).toBeVisible();
    await expect(rollBackButtons(page)).toHaveCount(0);
  });

  test('an administrator is, too', async ({ page }) => {
    await openAs(page, 'admin', sessionPath(id));
    await expect(rollBackButtons(page).first()).toBeVisible();
  });
});

test('credits: reserved, paid, the budget that runs low, the refund, the statement', async ({ page, request }) => {
  const config = { ...SHORT, max_participants: 3, price: { per_round: 2 }, budget: 100 };
  const { id } = await startSession(request, 'Paid', 1000, config);
  await openAs(page, 'creator', sessionPath(id));
  await expect(credits(page)).toContainText('An update earns 2 per update');
  await expect(credits(page).getByRole('status')).toContainText('The budget runs low', { timeout: 90_000 });
  await waitForStatus(request, id, 'completed');

  const { paid, refunded } = (await getSession(request, id)).credits!;
  expect(paid).toBeGreaterThan(80);
  const fact = (name: string) => credits(page).locator('.facts > div').filter({ hasText: name }).locator('dd');
  await expect(fact('Reserved')).toHaveText('100');
  await expect(fact('Paid so far')).toHaveText(String(paid));
  await expect(fact('Refunded')).toHaveText(String(refunded));
  await expect(fact('Left in escrow')).toHaveText('0');
  await expect(credits(page).getByRole('status')).toHaveCount(0); // it is over
  await page.reload();
  const earned = credits(page).getByRole('row').filter({ hasText: env.island }).getByRole('cell');
  const updates = Number(await earned.first().innerText());
  expect(updates).toBeGreaterThan(0);
  await expect(earned.last()).toHaveText(String(2 * updates));

  await page.getByRole('link', { name: 'Credits' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Credits');
  const lines = page.getByRole('table', { name: /^Statement of demo_creator/ }).getByRole('row');
  if (refunded > 0) await expect(lines.nth(1)).toContainText('Refund of what was left');
  await expect(lines.filter({ hasText: 'Reserved for a session' }).first()).toContainText('-100');
  await expect(lines.getByRole('link').first()).toHaveAttribute('href', sessionPath(id));
});

test('a session without a price says nothing of credits, one that is not measured nothing of contributions', async ({ page, request }) => {
  const { id } = await startSession(request, 'Neither paid nor measured', 1, { ...SHORT, contribution: false });
  await waitForStatus(request, id, 'completed');
  await openAs(page, 'creator', sessionPath(id));
  await expect(lineage(page)).toBeVisible();
  await expect(credits(page)).toHaveCount(0);
  await expect(page.getByRole('region', { name: 'Contribution' })).toHaveCount(0);
});

test('contributions, round by round', async ({ page, request }) => {
  const { id } = await startSession(request, 'Measured', 2, SHORT);
  await waitForStatus(request, id, 'completed');
  const measured = (round: number): string[][] =>
    sql(`SELECT host_id, norm_share, cosine, leave_one_out FROM federated.contributions WHERE session_id = '${id}' AND round = ${round} ORDER BY host_id`)
      .split('\n')
      .map((line) => line.split('|'));
  await openAs(page, 'viewer', sessionPath(id));
  const region = page.getByRole('region', { name: 'Contribution' });
  const expectRound = async (round: number): Promise<void> => {
    await expect(region.getByRole('table')).toHaveAccessibleName(`Contributions to round ${round}`);
    const rows = measured(round);
    await expect(region.locator('tbody tr')).toHaveCount(rows.length);
    for (const [place, [host, ...values]] of rows.entries()) {
      const row = region.locator('tbody tr').nth(place);
      await expect(row.getByRole('rowheader')).toHaveText(host!);
      const texts = (await row.getByRole('cell').allInnerTexts()).map((text) => text.trim());
      const shown = texts.map((text) => Number(text.replace('%', '')) / (text.endsWith('%') ? 100 : 1));
      expect(shown).toHaveLength(3);
      shown.forEach((value, i) => expect(value).toBeCloseTo(Number(values[i]), 2));
    }
  };
  expect(measured(2).length).toBeGreaterThan(1);
  await expectRound(2);
  await region.getByLabel('Round').selectOption('1');
  await expectRound(1);
});

test('the chain of events is verified, and shown where it is broken', async ({ page, request }) => {
  const { id } = await startSession(request, 'Verified', 1, SHORT);
  await waitForStatus(request, id, 'completed');
  const count = Number(sql(`SELECT count(*) FROM federated.events WHERE session_id = '${id}'`));
  await openAs(page, 'viewer', sessionPath(id));
  const region = page.getByRole('region', { name: 'Events' });
  await region.getByRole('button', { name: 'Verify' }).press('Enter');
  await expect(region.getByRole('status')).toContainText(`${count} events verified`);

  // As only somebody can who may do everything.
  sql(`SET session_replication_role = replica;
       UPDATE federated.events SET detail = detail || '{"participants": 7}' WHERE session_id = '${id}' AND kind = 'session_started'`);
  await region.getByRole('button', { name: 'Verify' }).click();
  await expect(region.getByRole('status')).toContainText(/The chain is broken at position \d+ \(event \d+\): hash differs/);
  await expect(events(page).filter({ hasText: 'The chain is broken here.' })).toContainText('Training begins with 7 Islands');
  await expect(events(page).filter({ hasText: 'The chain is broken here.' })).toHaveCount(1);
});

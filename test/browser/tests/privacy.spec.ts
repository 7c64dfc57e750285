// A private session that its budget ends: epsilon by round, what it means, what each Island has spent.
import { startSession, waitForStatus } from '../support/api';
import { env } from '../support/env';
import { expect, openAs, test } from '../support/fixtures';
import { sessionPath } from '../support/page';

let id: string;

test.beforeAll(async ({ playwright }) => {
  const request = await playwright.request.newContext({ baseURL: env.baseUrl, ignoreHTTPSErrors: true });
  const config = { min_participants: 3, dp_sigma: 1, dp_clip_norm: 0.5, epsilon_budget: 7, local_epochs: 1 };
  id = (await startSession(request, 'Private', 5, config)).id;
  await waitForStatus(request, id, 'completed');
  await request.dispose();
});

test('epsilon is shown round by round against its budget, with what it means', async ({ page }) => {
  await openAs(page, 'creator', sessionPath(id));
  const panel = page.getByRole('region', { name: 'Privacy' });
  await expect(panel.getByText('The coordinator clips updates')).toBeVisible();
  await expect(panel.getByText('6.573 of 7')).toBeVisible(); // of noise multiplier 1, twice
  await expect(panel.getByRole('progressbar', { name: 'Epsilon spent' })).toHaveAttribute('max', '7');
  await expect(panel.getByText(/^Participant-level \(epsilon = 6\.573, delta = 1e-05\)/)).toBeVisible();
  const charges = panel.getByRole('table', { name: /Epsilon spent, by round/ });
  await expect(charges.getByRole('row')).toHaveText([/With round/, /^20\.56\.573$/, /^10\.54\.377$/]);
  await panel.getByText('What epsilon does not count').click();
  await expect(panel.getByText(/^The coordinator sees: Each update/)).toBeVisible();
  const odometers = panel.getByRole('table', { name: /each Island/ });
  await expect(odometers.getByRole('row')).toHaveCount(4);
  await expect(odometers.getByRole('row', { name: /island-b/ })).toHaveText('island-b26.573');
});
